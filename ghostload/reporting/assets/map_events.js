// Pointer: what is under it, the tip beside it, and what a tap chooses.
"use strict";
(function () {
  const GL = window.GL;
  const REACH = 9; // pixels round a meter in which a pointer still means it

  function nearestMeter(x, y, resolution) {
    const { model, state } = GL;
    let best = -1;
    let least = (REACH * resolution) ** 2;
    for (const i of state.inView || []) {
      const d = (model.meter.x[i] - x) ** 2 + (model.meter.y[i] - y) ** 2;
      if (d < least) [best, least] = [i, d];
    }
    return [best, Math.sqrt(least) / resolution];
  }

  function nearestTransformer(x, y, resolution) {
    const { model } = GL;
    let best = -1;
    let least = Infinity;
    for (let t = 0; t < model.numTx; t++) {
      const d = Math.hypot(model.tx.x[t] - x, model.tx.y[t] - y) / resolution;
      const reach = GL.txSize(model.a.tx_capacity[t]) / 2 + 3;
      if (d < reach && d / reach < least && GL.txShown(t)) [best, least] = [t, d / reach];
    }
    return best;
  }

  // A meter wins where the pointer is right on it, else the transformer, else the nearest meter.
  GL.at = function (x, y) {
    const { resolution } = GL.view.now();
    const [meter, away] = nearestMeter(x, y, resolution);
    if (meter >= 0 && away < 3.5) return { meter };
    const tx = nearestTransformer(x, y, resolution);
    if (tx >= 0) return { tx };
    return meter >= 0 ? { meter } : {};
  };

  GL.txRows = function (t) {
    const { model } = GL;
    const { a, meta } = model;
    return [
      ["Feeder", meta.feeders[a.tx_feeder[t]]],
      ["District", meta.districts[a.tx_district[t]]],
      ["Capacity", `${GL.format(a.tx_capacity[t], 1)} kVA`],
      ["Loading", GL.percent(a.tx_loading[t])],
      ["Meters", GL.format(model.group.start[t + 1] - model.group.start[t])],
    ];
  };

  GL.meterRows = function (i) {
    const { model } = GL;
    const { a, meta } = model;
    const t = a.meter_tx[i];
    return [
      ["Class", meta.classes[a.meter_class[i]]],
      ["Transformer", t >= 0 ? meta.tx_ids[t] : "none in the data"],
      ["Peak demand", `${GL.format(a.meter_kva[i], 2)} kVA`],
      ["Mean month", `${GL.format(model.meanKwh(i), 1)} kWh`],
    ];
  };

  function tipFor(hit) {
    const { meta } = GL.model;
    const [title, rows] = hit.meter >= 0
      ? [meta.meter_ids[hit.meter], GL.meterRows(hit.meter)]
      : [meta.tx_ids[hit.tx], GL.txRows(hit.tx)];
    for (const hook of GL.hooks.tip) rows.push(...hook(hit));
    return [GL.el("strong", {}, title), GL.rows(rows)];
  }

  GL.rows = (pairs) => {
    const list = GL.el("dl", {});
    for (const [name, value] of pairs) list.append(GL.el("dt", {}, name), GL.el("dd", {}, value));
    return list;
  };

  function showTip(event) {
    const tip = document.getElementById("tip");
    const hit = GL.at(event.x, event.y);
    const found = hit.tx >= 0 || hit.meter >= 0;
    document.getElementById("map").classList.toggle("over", found);
    tip.hidden = !found;
    if (!found) return;
    const key = `${hit.tx}/${hit.meter}`;
    if (tip.dataset.key !== key) {
      tip.replaceChildren(...tipFor(hit));
      tip.dataset.key = key;
    }
    const { width, height } = GL.view.now();
    const right = event.sx > width - tip.offsetWidth - 24;
    const low = event.sy > height - tip.offsetHeight - 24;
    tip.style.left = `${right ? event.sx - tip.offsetWidth - 12 : event.sx + 14}px`;
    tip.style.top = `${low ? event.sy - tip.offsetHeight - 12 : event.sy + 14}px`;
  }

  const hideTip = () => { document.getElementById("tip").hidden = true; };

  function showPlace(event) {
    const lat = GL.latOf(event.y);
    const lon = GL.lonOf(event.x);
    const text = `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`;
    document.getElementById("cursor").textContent = text;
  }

  GL.choose = function (hit) {
    const { state, model } = GL;
    state.meter = hit.meter >= 0 ? hit.meter : -1;
    state.tx = hit.meter >= 0 ? model.a.meter_tx[hit.meter] : hit.tx >= 0 ? hit.tx : -1;
    GL.drawRing();
    GL.showDetail();
  };

  GL.onEvent = function (event) {
    if (!GL.model) return;
    if (event.event_name === "tap") GL.choose(GL.at(event.x, event.y));
    else if (event.event_name === "doubletap") GL.view.zoomAt(event.x, event.y, 2.5);
    else if (event.event_name === "mousemove") { showTip(event); showPlace(event); } else hideTip();
  };
})();
