// Fills the figure's layers from the model: only what is switched on and, for meters, only what is in view.
"use strict";
(function () {
  const GL = window.GL;
  const METERS_FROM = 9; // metres a pixel: closer than this, meters are drawn
  const MAX_METERS = 12000; // in one window; more would be a smear
  const AHEAD = 0.35; // share of the window that is drawn beyond its edges, so that a small pan redraws nothing
  const FEW_FEEDERS = 40; // in a window: up to so many, a name may stand beside its feeder
  GL.CLASS_LOOK = [
    { fill: "#0072B2", marker: "circle" },
    { fill: "#E69F00", marker: "square" },
    { fill: "#7B3294", marker: "triangle" },
    { fill: "#6B7280", marker: "diamond" },
  ];
  GL.CLASS_ORDER = ["residential", "commercial", "industrial"];
  GL.classLook = (name) => GL.CLASS_LOOK[(GL.CLASS_ORDER.indexOf(name) + 4) % 4];

  const UNKNOWN = "#9CA3AF";
  // ColorBrewer YlOrRd, six classes: told apart with colour-vision deficiencies, and dark means full.
  const HEAT = ["#FFFFB2", "#FED976", "#FEB24C", "#FD8D3C", "#F03B20", "#BD0026"];
  GL.steps = (edges, label) => ({
    edges, label, colours: HEAT,
    colour: (v) => (Number.isFinite(v) ? HEAT[edges.filter((edge) => v >= edge).length] : UNKNOWN),
  });

  const state = (GL.state = { feederOn: null, mode: "loading", tx: -1, meter: -1, shown: { meters: 0, transformers: 0 } });
  GL.modes = {
    loading: {
      title: "Loading",
      note: "diversified peak of its meters over its capacity",
      scale: GL.steps([0.3, 0.5, 0.7, 0.9, 1.1], ["0", "30", "50", "70", "90", "110", "%"]),
      value: (t) => GL.model.a.tx_loading[t],
    },
    feeder: { title: "Feeder", note: "neighbouring feeders differ in colour", scale: null },
  };

  const fill = (name, data) => { GL.sources[name].data = data; };
  GL.fill = fill;

  GL.txColour = (t) => {
    const mode = GL.modes[state.mode];
    return mode.scale ? mode.scale.colour(mode.value(t)) : GL.model.meta.feeder_colours[GL.model.a.tx_feeder[t]];
  };

  GL.txShown = (t) => state.feederOn[GL.model.a.tx_feeder[t]] === 1 && !Number.isNaN(GL.model.tx.x[t]);

  // Diameter in pixels: area follows capacity; smaller when thousands share the window, larger when zoomed in.
  GL.txSize = (capacity) => (2.5 + 0.85 * Math.sqrt(Math.max(capacity || 0, 1))) * state.zoomFactor;

  function zoomFactor(v) {
    const crowd = Math.min(Math.max(Math.sqrt(500 / GL.model.numTx), 0.4), 1);
    const closer = Math.max(GL.home / v.resolution, 1);
    return Math.min(crowd * closer ** 0.35, 1.7);
  }

  GL.drawTransformers = function () {
    const { model } = GL;
    const data = { x: [], y: [], size: [], fill: [], line: [], width: [] };
    for (const t of model.bySize) {
      if (!GL.txShown(t)) continue;
      data.x.push(model.tx.x[t]);
      data.y.push(model.tx.y[t]);
      const size = GL.txSize(model.a.tx_capacity[t]);
      data.size.push(size);
      data.width.push(Math.min(0.13 * size, 1.6));
      data.fill.push(GL.txColour(t));
      data.line.push(state.mode === "feeder" ? "#1F2937" : model.meta.feeder_colours[model.a.tx_feeder[t]]);
    }
    state.shown.transformers = data.x.length;
    fill("transformers", data);
    drawRing();
  };

  function drawRing() {
    const { model } = GL;
    const ring = { x: [], y: [], size: [] };
    if (state.tx >= 0 && GL.txShown(state.tx)) {
      ring.x.push(model.tx.x[state.tx]);
      ring.y.push(model.tx.y[state.tx]);
      ring.size.push(GL.txSize(model.a.tx_capacity[state.tx]) + 8);
    }
    if (state.meter >= 0 && !Number.isNaN(model.meter.x[state.meter])) {
      ring.x.push(model.meter.x[state.meter]);
      ring.y.push(model.meter.y[state.meter]);
      ring.size.push(15);
    }
    fill("ring", ring);
    const chosen = state.tx >= 0 && GL.txShown(state.tx) ? [state.tx] : [];
    fill("chosen_drops", GL.lowLines ? GL.lowLines(chosen) : drops(chosen));
  }
  GL.drawRing = drawRing;

  function drops(list) {
    const { model } = GL;
    const data = { x0: [], y0: [], x1: [], y1: [] };
    for (const t of list) {
      if (!GL.txShown(t)) continue;
      for (const i of model.metersOf(t)) {
        if (Number.isNaN(model.meter.x[i])) continue;
        data.x0.push(model.tx.x[t]); data.y0.push(model.tx.y[t]);
        data.x1.push(model.meter.x[i]); data.y1.push(model.meter.y[i]);
      }
    }
    return data;
  }

  // Transformers any of whose meters may be within the box.
  GL.txWithin = function (b) {
    const { box, numTx } = GL.model;
    const found = [];
    for (let t = 0; t < numTx; t++) {
      const at = 4 * t;
      if (GL.txShown(t) && box[at] <= b.east && box[at + 1] >= b.west && box[at + 2] <= b.north && box[at + 3] >= b.south) {
        found.push(t);
      }
    }
    return found;
  };

  const NONE = [];
  let drawn = null; // the box for which meters stand in the sources

  function visibleMeters(v) {
    if (v.metresPerPixel > METERS_FROM) return null;
    const [dx, dy] = [AHEAD * (v.east - v.west), AHEAD * (v.north - v.south)];
    const b = { west: v.west - dx, east: v.east + dx, south: v.south - dy, north: v.north + dy };
    const list = GL.txWithin(b);
    const count = list.reduce((s, t) => s + GL.model.group.start[t + 1] - GL.model.group.start[t], 0);
    return count > MAX_METERS ? null : { b, list };
  }

  GL.drawMeters = function (v, force) {
    const fresh = drawn && v.west >= drawn.west && v.east <= drawn.east && v.south >= drawn.south && v.north <= drawn.north;
    const sameScale = drawn && Math.abs(Math.log(v.resolution / drawn.resolution)) < 0.35;
    if (fresh && sameScale && !force) return;
    const found = visibleMeters(v);
    const data = { x: [], y: [], marker: [], size: [], fill: [] };
    const size = Math.min(Math.max(5.2 - Math.log2(v.metresPerPixel / 2), 3.2), 10);
    state.txDrawn = found ? found.list : NONE;
    state.inView = found ? meterColumns(found.list, data, size) : [];
    drawn = found ? { ...found.b, resolution: v.resolution } : null;
    state.shown.meters = data.x.length;
    if (data.x.length || GL.sources.meters.data.x.length) {
      fill("meters", data);
      fill("drops", drops(found && !GL.lowLines ? found.list : []));
    }
    document.getElementById("hint").hidden = found !== null;
  };

  function meterColumns(list, data, size) {
    const { model } = GL;
    const shown = [];
    const add = (i) => {
      if (Number.isNaN(model.meter.x[i])) return;
      const look = GL.classLook(model.meta.classes[model.a.meter_class[i]]);
      data.x.push(model.meter.x[i]); data.y.push(model.meter.y[i]);
      data.marker.push(look.marker); data.fill.push(look.fill);
      data.size.push(look.marker === "triangle" ? size * 1.2 : size);
      shown.push(i);
    };
    for (const t of list) model.metersOf(t).forEach(add);
    model.unserved.forEach(add);
    return shown;
  }

  GL.drawAreas = function () {
    const { model } = GL;
    const on = model.areas.filter((s) => state.feederOn[s.owner]);
    fill("areas", {
      xs: on.map((s) => [s.xs]), ys: on.map((s) => [s.ys]), colour: on.map((s) => model.meta.feeder_colours[s.owner]),
    });
  };

  GL.drawLand = function () {
    fill("land", { xs: GL.model.land.map((s) => [s.xs]), ys: GL.model.land.map((s) => [s.ys]) });
  };

  const middle = (s) => {
    const [xs, ys] = [s.xs[0], s.ys[0]];
    return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
  };

  // Names appear where there is room: the shape is wide enough on the screen for its own, and no other name is there.
  GL.drawNames = function (v) {
    const { meta } = GL.model;
    const taken = [];
    const free = (cx, cy, width) => {
      const r = { w: (cx - v.cx) / v.resolution - width / 2, s: (cy - v.cy) / v.resolution - 8, width };
      if (taken.some((o) => r.w < o.w + o.width && o.w < r.w + width && r.s < o.s + 16 && o.s < r.s + 16)) return false;
      taken.push(r);
      return true;
    };
    // Within its shape or above it where it fits, else right beside it when that is allowed.
    const named = (list, names, { beside, letter, above }) => {
      const data = { x: [], y: [], text: [] };
      for (const s of list) {
        s.middle = s.middle || middle(s);
        s.width = s.width || Math.max(...s.xs[0]) - Math.min(...s.xs[0]);
        const label = names[s.owner];
        if (!label || !GL.view.contains(...s.middle, 0)) continue;
        const [have, need] = [s.width / v.resolution, letter * label.length + 6];
        if (have < need && !beside) continue;
        const x = s.middle[0] + (have < need ? (have / 2 + 4 + (3.5 * label.length)) * v.resolution : 0);
        const y = above && have >= need ? Math.max(...s.ys[0]) + 9 * v.resolution : s.middle[1];
        if (!free(x, y, 7 * label.length + 8)) continue;
        data.x.push(x); data.y.push(y); data.text.push(label);
      }
      return data;
    };
    const on = GL.model.areas.filter((s) => state.feederOn[s.owner] && GL.layers.areas.visible);
    const inWindow = on.filter((s) => GL.view.contains(...(s.middle = s.middle || middle(s)), 0));
    const write = (layer, data) => {
      const old = GL.sources[layer].data;
      if (old.text.join("\n") !== data.text.join("\n") || old.x.join() !== data.x.join()) fill(layer, data);
    };
    write("feeder_names", named(inWindow, meta.feeders, { beside: inWindow.length <= FEW_FEEDERS, letter: 10, above: true }));
    for (const s of inWindow) {
      const [w, cx, cy] = [s.width / v.resolution, (s.middle[0] - v.cx) / v.resolution, (s.middle[1] - v.cy) / v.resolution];
      if (w < 60) taken.push({ w: cx - w / 2, s: cy - 8, width: w });
    }
    write("land_names", named(GL.model.land, meta.land, { beside: false, letter: 7 }));
  };

  GL.drawAll = function () {
    const v = GL.view.now();
    state.zoomFactor = zoomFactor(v);
    GL.drawAreas();
    GL.drawTransformers();
    GL.drawMeters(v, true);
    GL.drawNames(v);
    for (const hook of GL.hooks.draw) hook(v, true);
  };

  GL.onZoomed = function (v) {
    const factor = zoomFactor(v);
    if (Math.abs(factor / state.zoomFactor - 1) > 0.04) {
      state.zoomFactor = factor;
      GL.drawTransformers();
      GL.drawSizeLegend();
    }
    GL.drawMeters(v, false);
    for (const hook of GL.hooks.draw) hook(v, false);
  };

  GL.hooks = { draw: [], tip: [], detail: [], line: [], legend: [], panel: [] };
})();
