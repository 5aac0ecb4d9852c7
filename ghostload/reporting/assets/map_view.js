// The window on the map: what is in view, at which scale, and the ways to change it.
"use strict";
(function () {
  const GL = window.GL;
  const MIN_RESOLUTION = 0.05; // metres of Web Mercator a pixel
  const MAX_RESOLUTION = 160000;
  const view = (GL.view = { listeners: [] });
  let correcting = false;
  let pending = false;

  const size = () => {
    const frame = view.plotView.frame ? view.plotView.frame.bbox : null;
    return frame ? [Math.max(frame.width, 1), Math.max(frame.height, 1)] : [800, 600];
  };

  view.attach = function (plot, plotView) {
    Object.assign(view, { plot, plotView });
  };

  view.now = function () {
    const { x_range: x, y_range: y } = view.plot;
    const [width, height] = size();
    const cx = (x.start + x.end) / 2;
    const cy = (y.start + y.end) / 2;
    const resolution = (x.end - x.start) / width;
    const stretch = Math.cos((GL.latOf(cy) * Math.PI) / 180);
    return {
      cx, cy, width, height, resolution, metresPerPixel: resolution * stretch,
      west: x.start, east: x.end, south: y.start, north: y.end,
    };
  };

  view.show = function (cx, cy, resolution) {
    const [width, height] = size();
    const r = Math.min(Math.max(resolution, MIN_RESOLUTION), MAX_RESOLUTION);
    correcting = true;
    view.plot.x_range.setv({ start: cx - (r * width) / 2, end: cx + (r * width) / 2 });
    view.plot.y_range.setv({ start: cy - (r * height) / 2, end: cy + (r * height) / 2 });
    correcting = false;
    GL.onView();
  };

  view.fit = function (b, margin) {
    const [width, height] = size();
    const pad = margin === undefined ? 1.15 : margin;
    const r = Math.max(((b.east - b.west) * pad) / width, ((b.north - b.south) * pad) / height, 0.25);
    view.show((b.west + b.east) / 2, (b.south + b.north) / 2, r);
  };

  view.zoom = function (factor) {
    const v = view.now();
    view.show(v.cx, v.cy, v.resolution / factor);
  };

  view.zoomAt = function (x, y, factor) {
    const v = view.now();
    view.show(x + (v.cx - x) / factor, y + (v.cy - y) / factor, v.resolution / factor);
  };

  view.pan = function (right, up) {
    const v = view.now();
    view.show(v.cx + right * v.width * v.resolution, v.cy + up * v.height * v.resolution, v.resolution);
  };

  view.contains = (x, y, margin) => {
    const v = view.now();
    const m = margin * v.resolution;
    return x >= v.west - m && x <= v.east + m && y >= v.south - m && y <= v.north + m;
  };

  // A metre east must look as long as a metre north, whatever tool, window or panel changed a range.
  function straighten() {
    const v = view.now();
    const vertical = (v.north - v.south) / v.height;
    const clamped = Math.min(Math.max(v.resolution, MIN_RESOLUTION), MAX_RESOLUTION);
    if (Math.abs(vertical / v.resolution - 1) > 1e-6 || clamped !== v.resolution) view.show(v.cx, v.cy, clamped);
  }

  GL.onView = function () {
    if (correcting || pending || !view.plotView) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      straighten();
      const v = view.now();
      for (const listener of view.listeners) listener(v);
    });
  };

  GL.scaleBar = function (v) {
    const bar = document.getElementById("scale-bar");
    const target = 110 * v.metresPerPixel;
    const power = 10 ** Math.floor(Math.log10(target));
    const metres = [5, 2, 1].map((m) => m * power).find((m) => m <= target) || power;
    bar.firstElementChild.textContent = metres >= 1000 ? `${metres / 1000} km` : `${+metres.toPrecision(2)} m`;
    bar.lastElementChild.style.width = `${metres / v.metresPerPixel}px`;
  };
})();
