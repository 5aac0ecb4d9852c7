// Ground truth: marks by kind, dates in the panel, and the share of thieves as one more colour mode.
"use strict";
(function () {
  const GL = window.GL;
  const MOST = 1500; // marks in one window; more would hide the map
  const FAMILIES = {
    theft: { label: "theft", markers: ["triangle", "inverted_triangle", "star", "hex", "triangle_pin", "plus"], shapes: "▲▼★⬢▲✚" },
    fault: { label: "fault", markers: ["square_x", "square_cross", "square_dot"], shapes: "⊠⊞⊡" },
    benign: { label: "look-alike", markers: ["diamond", "circle_x", "circle_cross", "diamond_cross", "circle_dot"], shapes: "◇⊗⊕◈⊙" },
  };
  const COLOURS = {
    theft: ["#D81B60", "#8E0045", "#E65100", "#5E35B1", "#AD1457", "#BF360C"],
    fault: ["#004D40", "#00695C", "#00897B"],
    benign: ["#FFFFFF"],
  };
  const LINES = { theft: "#FFFFFF", fault: "#FFFFFF", benign: "#374151" };
  const NONE = -(2 ** 31);
  let truth = null;

  const monthName = (m) => `${Math.floor(m / 12)}-${String((m % 12) + 1).padStart(2, "0")}`;

  function looks(kinds) {
    const seen = {};
    return kinds.map(({ family, kind }) => {
      const k = (seen[family] = (seen[family] ?? -1) + 1);
      const { markers, shapes, label } = FAMILIES[family];
      const [fills, symbols] = [COLOURS[family], [...shapes]];
      const fill = fills[k % fills.length];
      return {
        family, kind, label, fill, on: family === "theft", marker: markers[k % markers.length], line: LINES[family],
        symbol: symbols[k % symbols.length], ink: family === "benign" ? LINES.benign : fill,
      };
    });
  }

  function describe(e) {
    const { a, kinds, meta } = truth;
    const kind = kinds[a.event_kind[e]];
    const start = a.event_start[e] === NONE ? "" : ` from ${monthName(a.event_start[e])}`;
    const end = a.event_end[e] === NONE ? "" : ` to ${monthName(a.event_end[e])}`;
    const lost = a.event_lost[e] > 0 ? `, ${GL.format(a.event_lost[e])} kWh lost` : "";
    const band = kind.family === "theft" && meta.bands[e] ? `, ${meta.bands[e]} risk` : "";
    return [kind.label, `${kind.kind}${start}${end}${lost}${band}`];
  }

  const eventsOf = (i) => truth.byMeter.get(i) || [];

  function shareOfThieves(t) {
    const list = GL.model.metersOf(t);
    return list.length ? list.reduce((s, i) => s + (truth.thief[i] ? 1 : 0), 0) / list.length : NaN;
  }

  function draw(v) {
    const { model, state } = GL;
    const b = { west: v.west, east: v.east, south: v.south, north: v.north };
    const near = new Set(GL.txWithin(b));
    const data = { x: [], y: [], marker: [], size: [], fill: [], line: [] };
    const size = Math.min(Math.max(9 - Math.log2(v.metresPerPixel / 4), 4.5), 13);
    const { a, kinds } = truth;
    let wanted = 0;
    for (let e = 0; e < a.event_meter.length; e++) {
      const look = kinds[a.event_kind[e]];
      const i = a.event_meter[e];
      const t = model.a.meter_tx[i];
      if (!look.on || Number.isNaN(model.meter.x[i]) || (t >= 0 && !near.has(t))) continue;
      if (!GL.view.contains(model.meter.x[i], model.meter.y[i], 10) || ++wanted > MOST) continue;
      data.x.push(model.meter.x[i]); data.y.push(model.meter.y[i]);
      data.marker.push(look.marker); data.size.push(size);
      data.fill.push(look.fill); data.line.push(look.line);
    }
    if (wanted > MOST) for (const column of Object.values(data)) column.length = 0;
    state.shown.marks = data.x.length;
    const many = `${GL.format(wanted)} marks are too many at once. Zoom in to see them, or colour the transformers by thieves.`;
    document.getElementById("truth-note").textContent = wanted > MOST ? many : "";
    GL.fill("marks", data);
  }

  function legend() {
    const counts = truth.kinds.map(() => 0);
    for (const k of truth.a.event_kind) counts[k]++;
    document.getElementById("truth-kinds").replaceChildren(...truth.kinds.map((look, k) => {
      const box = GL.el("input", { type: "checkbox", checked: look.on, "aria-label": `Show ${look.kind}`,
        onchange: (event) => { look.on = event.target.checked; draw(GL.view.now()); } });
      return GL.el("li", {}, box, GL.el("i", { style: `color:${look.ink}`, "aria-hidden": "true" }, look.symbol),
        `${look.label}: ${look.kind}`, GL.el("span", { class: "quiet" }, GL.format(counts[k])));
    }));
  }

  // Lines of meters with an event stand out, and the months of the event are thick.
  function markLine(line, i, parent, x, y, series) {
    const first = GL.model.meta.months[0];
    const origin = +first.slice(0, 4) * 12 + +first.slice(4) - 1;
    for (const e of eventsOf(i)) {
      const look = truth.kinds[truth.a.event_kind[e]];
      const from = truth.a.event_start[e] === NONE ? 0 : Math.max(truth.a.event_start[e] - origin, 0);
      const to = truth.a.event_end[e] === NONE ? series.length - 1 : Math.min(truth.a.event_end[e] - origin, series.length - 1);
      let d = "";
      for (let m = from; m <= to; m++) if (Number.isFinite(series[m])) d += `${d ? "L" : "M"}${x(m).toFixed(1)},${y(series[m]).toFixed(1)}`;
      if (!d) continue;
      const attributes = { d: d.includes("L") ? d : `${d}h0.1`, class: "event-line", stroke: look.ink };
      if (look.family !== "theft") attributes["stroke-dasharray"] = "3 3";
      const event = GL.svg("path", attributes);
      event.append(GL.svg("title", {}, `${GL.model.meta.meter_ids[i]}: ${describe(e).join(": ")}`));
      parent.append(event);
    }
  }

  GL.startTruth = async function () {
    const { meta, arrays: a } = await GL.unpack(GL.readBlock("truth-data"));
    truth = { meta, a, kinds: looks(meta.kinds), byMeter: new Map(), thief: new Uint8Array(GL.model.numMeters) };
    a.event_meter.forEach((i, e) => {
      truth.byMeter.set(i, [...eventsOf(i), e]);
      if (truth.kinds[a.event_kind[e]].family === "theft") truth.thief[i] = 1;
    });
    GL.modes.thieves = {
      title: "Thieves", note: "share of a transformer's meters with theft, from the ground truth",
      scale: GL.steps([0.02, 0.05, 0.1, 0.2, 0.35], ["0", "2", "5", "10", "20", "35", "%"]), value: shareOfThieves,
    };
    GL.hooks.draw.push(draw);
    GL.hooks.legend.push(legend);
    GL.hooks.line.push(markLine);
    GL.hooks.tip.push((hit) => (hit.meter >= 0 ? eventsOf(hit.meter).map(describe) : []));
    GL.hooks.detail.push((node, i) => {
      for (const e of eventsOf(i)) {
        const look = truth.kinds[a.event_kind[e]];
        node.append(GL.el("span", { style: `color:${look.ink}`, title: describe(e).join(": ") }, ` ${look.symbol}`));
      }
    });
  };
})();
