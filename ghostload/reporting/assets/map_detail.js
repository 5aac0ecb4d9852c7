// The panel of the chosen transformer: its months in total, its meters' months as lines, and a table of them.
"use strict";
(function () {
  const GL = window.GL;
  const [WIDTH, LEFT, RIGHT, TOP, BOTTOM] = [340, 46, 8, 8, 22];

  function niceTicks(high, count) {
    const raw = Math.max(high, 1e-9) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const ticks = [];
    for (let k = 0; k * step < high + step * 0.999; k++) ticks.push(k * step);
    return ticks;
  }

  const short = (v) => (v >= 1e6 ? `${+(v / 1e6).toPrecision(3)} M` : v >= 10000 ? `${+(v / 1e3).toPrecision(3)} k` : GL.format(v, 1));
  const monthName = (m) => `${m.slice(0, 4)}-${m.slice(4)}`;

  function frame(height, high, low, label) {
    const { months } = GL.model.meta;
    const ticks = niceTicks(high, height > 100 ? 4 : 3);
    const top = ticks[ticks.length - 1] || 1;
    const bottom = Math.min(low, 0);
    const x = (m) => LEFT + ((WIDTH - LEFT - RIGHT) * (months.length > 1 ? m / (months.length - 1) : 0.5));
    const y = (v) => height - BOTTOM - ((height - TOP - BOTTOM) * (v - bottom)) / (top - bottom);
    const chart = GL.svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label, class: "chart" });
    for (const tick of ticks) {
      chart.append(GL.svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }));
      chart.append(GL.svg("text", { x: LEFT - 5, y: y(tick) + 3.5, class: "tick", "text-anchor": "end" }, short(tick)));
    }
    const every = Math.max(1, Math.ceil(months.length / 4));
    months.forEach((month, m) => {
      if (m % every) return;
      const anchor = m === 0 && months.length > 1 ? "start" : x(m) > WIDTH - 30 ? "end" : "middle";
      chart.append(GL.svg("line", { x1: x(m), x2: x(m), y1: height - BOTTOM, y2: height - BOTTOM + 3, class: "axis" }));
      chart.append(GL.svg("text", { x: x(m), y: height - 6, class: "tick", "text-anchor": anchor }, monthName(month)));
    });
    return { chart, x, y };
  }

  // A missing month breaks the line.
  function path(values, x, y) {
    let d = "";
    let pen = false;
    values.forEach((v, m) => {
      if (Number.isFinite(v)) d += `${pen ? "L" : "M"}${x(m).toFixed(1)},${y(v).toFixed(1)}`;
      pen = Number.isFinite(v);
    });
    return d;
  }

  Object.assign(GL, { frame, linePath: path, monthName });

  function totalChart(list) {
    const { months } = GL.model.meta;
    const sums = months.map((_, m) => list.reduce((s, i) => s + (Number.isFinite(GL.model.kwh(i, m)) ? GL.model.kwh(i, m) : 0), 0));
    const { chart, x, y } = frame(96, Math.max(...sums, 0), Math.min(...sums, 0), "Total registered energy by month, kWh");
    chart.append(GL.svg("path", { d: path(sums, x, y), class: "total-line" }));
    sums.forEach((v, m) => {
      const dot = GL.svg("circle", { cx: x(m), cy: y(v), r: 2.6, class: "total-dot" });
      dot.append(GL.svg("title", {}, `${monthName(months[m])}: ${GL.format(v, 1)} kWh`));
      chart.append(dot);
    });
    return chart;
  }

  // In kWh, or each meter against its own mean, which is where a change shows.
  let relative = false;

  function seriesOf(i) {
    const values = GL.model.series(i);
    const mean = GL.model.meanKwh(i);
    return relative ? values.map((v) => (mean > 0 ? (100 * v) / mean : NaN)) : values;
  }

  function metersChart(list) {
    const { model } = GL;
    const series = list.map(seriesOf);
    const all = series.flat().filter(Number.isFinite);
    const high = all.reduce((s, v) => Math.max(s, v), 0);
    const low = all.reduce((s, v) => Math.min(s, v), 0);
    const { chart, x, y } = frame(190, high, low, `Registered energy of ${list.length} meters by month, ${relative ? "% of the own mean" : "kWh"}`);
    const lines = GL.svg("g", {});
    list.forEach((i, k) => {
      const line = GL.svg("path", {
        d: path(series[k], x, y), class: "meter-line", stroke: GL.classLook(model.meta.classes[model.a.meter_class[i]]).fill,
        "data-meter": i,
      });
      line.append(GL.svg("title", {}, `${model.meta.meter_ids[i]}: mean ${GL.format(model.meanKwh(i), 1)} kWh a month`));
      line.addEventListener("click", () => GL.choose({ meter: i }));
      line.addEventListener("mouseenter", () => mark(i));
      line.addEventListener("mouseleave", () => mark(GL.state.meter));
      for (const hook of GL.hooks.line) hook(line, i, lines, x, y, series[k]);
      lines.append(line);
    });
    chart.append(lines);
    chart.classList.add("meters-chart");
    return chart;
  }

  // Bring one meter's line and row to the fore.
  function mark(i) {
    const panel = document.getElementById("detail");
    for (const node of panel.querySelectorAll(".marked")) node.classList.remove("marked");
    for (const node of panel.querySelectorAll(`[data-meter="${i}"]`)) {
      node.classList.add("marked");
      if (node.tagName === "path") node.parentNode.append(node);
    }
  }

  function unitChoice(list) {
    const button = (label, value) => GL.el("button", { type: "button", "aria-pressed": String(relative === value), onclick: (event) => {
      relative = value;
      for (const other of event.target.parentNode.children) other.setAttribute("aria-pressed", String(other === event.target));
      document.querySelector("#detail .meters-chart").replaceWith(metersChart(list));
      mark(GL.state.meter);
    } }, label);
    return GL.el("div", { class: "head" }, GL.el("h3", {}, "Each meter by month"),
      GL.el("div", { class: "choice small", role: "group", "aria-label": "Unit" }, button("kWh", false), button("% of own mean", true)));
  }

  function metersTable(list) {
    const { model } = GL;
    const heads = ["Meter", "Class", "kVA", "kWh a month"];
    const body = GL.el("tbody", {});
    const sorted = [...list].sort((p, q) => (model.meanKwh(q) || 0) - (model.meanKwh(p) || 0) || p - q);
    for (const i of sorted) {
      const go = GL.el("button", { type: "button", class: "link", onclick: () => GL.goTo({ meter: i }) }, model.meta.meter_ids[i]);
      for (const hook of GL.hooks.detail) hook(go, i);
      const row = GL.el("tr", { "data-meter": i, onmouseenter: () => mark(i), onmouseleave: () => mark(GL.state.meter) },
        GL.el("td", {}, go),
        GL.el("td", {}, model.meta.classes[model.a.meter_class[i]]),
        GL.el("td", { class: "number" }, GL.format(model.a.meter_kva[i], 1)),
        GL.el("td", { class: "number" }, GL.format(model.meanKwh(i), 0)));
      body.append(row);
    }
    const head = GL.el("tr", {}, ...heads.map((h, k) => GL.el("th", { scope: "col", class: k > 1 ? "number" : "" }, h)));
    return GL.el("div", { class: "table-box" },
      GL.el("table", {}, GL.el("caption", {}, `${list.length} meters, largest first`), GL.el("thead", {}, head), body));
  }

  GL.showDetail = function () {
    const panel = document.getElementById("detail");
    const { tx, meter } = GL.state;
    const close = GL.el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => GL.choose({}) }, "×");
    document.body.classList.toggle("has-detail", tx >= 0 || meter >= 0);
    if (tx < 0 && meter < 0) {
      panel.replaceChildren(GL.el("p", { class: "quiet" }, "Click a transformer to see what its meters registered, month by month."));
      return;
    }
    const list = tx >= 0 ? [...GL.model.metersOf(tx)] : [meter];
    const title = tx >= 0 ? `Transformer ${GL.model.meta.tx_ids[tx]}` : `Meter ${GL.model.meta.meter_ids[meter]}`;
    const parts = [close, GL.el("h2", {}, title), GL.rows(tx >= 0 ? GL.txRows(tx) : GL.meterRows(meter))];
    if (tx >= 0 && meter >= 0) {
      parts.push(GL.el("h3", {}, `Meter ${GL.model.meta.meter_ids[meter]}`), GL.rows(GL.meterRows(meter)));
    }
    if (tx >= 0) for (const hook of GL.hooks.panel) parts.push(...hook(tx));
    if (GL.model.meta.months.length && list.length) {
      parts.push(GL.el("h3", {}, "Total of its meters, kWh a month"), totalChart(list));
      parts.push(unitChoice(list), metersChart(list), metersTable(list));
    }
    panel.replaceChildren(...parts);
    if (meter >= 0) mark(meter);
    panel.parentNode.scrollTop = 0;
  };
})();
