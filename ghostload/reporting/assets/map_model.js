// The data of the map in the form that drawing needs: places in metres, meters by transformer, shapes as rings.
"use strict";
(function () {
  const GL = window.GL;
  const RADIUS = 6378137;
  const NOWHERE = -(2 ** 31);

  const toX = (lon) => (lon * Math.PI * RADIUS) / 180;
  const toY = (lat) => RADIUS * Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  Object.assign(GL, { toX, toY });
  GL.latOf = (y) => (360 / Math.PI) * Math.atan(Math.exp(y / RADIUS)) - 90;
  GL.lonOf = (x) => (x * 180) / (Math.PI * RADIUS);

  function transformers(a, count) {
    const x = new Float64Array(count).fill(NaN);
    const y = new Float64Array(count).fill(NaN);
    for (let i = 0; i < count; i++) {
      if (a.tx_lat[i] === NOWHERE) continue;
      x[i] = toX(a.tx_lon[i] / 1e6);
      y[i] = toY(a.tx_lat[i] / 1e6);
    }
    return { x, y };
  }

  function meters(a, count) {
    const x = new Float64Array(count).fill(NaN);
    const y = new Float64Array(count).fill(NaN);
    for (let i = 0; i < count; i++) {
      if (a.meter_lat[i] === NOWHERE) continue;
      const t = a.meter_tx[i];
      const anchored = t >= 0 && a.tx_lat[t] !== NOWHERE;
      x[i] = toX((a.meter_lon[i] + (anchored ? a.tx_lon[t] : 0)) / 1e6);
      y[i] = toY((a.meter_lat[i] + (anchored ? a.tx_lat[t] : 0)) / 1e6);
    }
    return { x, y };
  }

  // Meters of transformer t are order[start[t]] ... order[start[t + 1] - 1], in the order of the file.
  function groups(owner, count) {
    const start = new Int32Array(count + 1);
    for (const t of owner) if (t >= 0) start[t + 1]++;
    for (let t = 0; t < count; t++) start[t + 1] += start[t];
    const next = start.slice();
    const order = new Int32Array(start[count]);
    for (let i = 0; i < owner.length; i++) if (owner[i] >= 0) order[next[owner[i]]++] = i;
    return { start, order };
  }

  function boxes(place, group, tx, count) {
    const box = new Float64Array(4 * count);
    for (let t = 0; t < count; t++) {
      let [west, east, south, north] = [tx.x[t], tx.x[t], tx.y[t], tx.y[t]];
      for (let k = group.start[t]; k < group.start[t + 1]; k++) {
        const i = group.order[k];
        if (Number.isNaN(place.x[i])) continue;
        west = west <= place.x[i] ? west : place.x[i];
        east = east >= place.x[i] ? east : place.x[i];
        south = south <= place.y[i] ? south : place.y[i];
        north = north >= place.y[i] ? north : place.y[i];
      }
      box.set([west, east, south, north], 4 * t);
    }
    return box;
  }

  // One entry a polygon: its owner and its rings in the nesting that bokeh's multi_polygons wants.
  function shapes(a, prefix) {
    const [dx, dy] = [a[`${prefix}_x`], a[`${prefix}_y`]];
    const [size, of, owner] = [a[`${prefix}_ring_size`], a[`${prefix}_ring_polygon`], a[`${prefix}_polygon_owner`]];
    const out = Array.from(owner, (o) => ({ owner: o, xs: [], ys: [] }));
    let [x, y, at] = [0, 0, 0];
    for (let r = 0; r < size.length; r++) {
      const [xs, ys] = [new Array(size[r]), new Array(size[r])];
      for (let k = 0; k < size[r]; k++, at++) {
        xs[k] = x += dx[at];
        ys[k] = y += dy[at];
      }
      out[of[r]].xs.push(xs);
      out[of[r]].ys.push(ys);
    }
    return out;
  }

  function bounds(model) {
    const b = { west: Infinity, east: -Infinity, south: Infinity, north: -Infinity };
    const add = (x, y) => {
      if (Number.isNaN(x)) return;
      b.west = Math.min(b.west, x); b.east = Math.max(b.east, x);
      b.south = Math.min(b.south, y); b.north = Math.max(b.north, y);
    };
    for (let i = 0; i < model.tx.x.length; i++) add(model.tx.x[i], model.tx.y[i]);
    for (let i = 0; i < model.meter.x.length; i++) add(model.meter.x[i], model.meter.y[i]);
    if (b.west === Infinity) for (const s of model.land) s.xs[0].forEach((x, k) => add(x, s.ys[0][k]));
    return b.west === Infinity ? { west: toX(-1), east: toX(1), south: toY(-1), north: toY(1) } : b;
  }

  GL.buildModel = function ({ meta, arrays }) {
    const count = meta.tx_ids.length;
    const model = { meta, a: arrays, numTx: count, numMeters: meta.meter_ids.length };
    model.tx = transformers(arrays, count);
    model.meter = meters(arrays, model.numMeters);
    model.group = groups(arrays.meter_tx, count);
    model.box = boxes(model.meter, model.group, model.tx, count);
    model.land = shapes(arrays, "land");
    model.areas = shapes(arrays, "feeder");
    model.bounds = bounds(model);
    const months = meta.months.length;
    model.metersOf = (t) => model.group.order.subarray(model.group.start[t], model.group.start[t + 1]);
    model.kwh = (i, m) => {
      const whole = arrays.months[i * months + m];
      return whole === NOWHERE ? NaN : whole * meta.kwh_step;
    };
    model.series = (i) => meta.months.map((_, m) => model.kwh(i, m));
    model.meanKwh = (i) => {
      const present = model.series(i).filter(Number.isFinite);
      return present.length ? present.reduce((s, v) => s + v, 0) / present.length : NaN;
    };
    return model;
  };
})();
