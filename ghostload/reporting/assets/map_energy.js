// The chosen transformer's energy balance: delivered, registered and lost by month, as a chart and a table.
"use strict";
(function () {
  const GL = window.GL;
  const NOWHERE = -(2 ** 31);
  const LOOKS = {
    delivered: { label: "delivered", colour: "#1F2933" },
    registered: { label: "registered", colour: "#0072B2" },
    lost: { label: "lost", colour: "#D55E00" },
    technical: { label: "technical", colour: "#6B7280", dash: "4 3" },
    non_technical: { label: "non-technical", colour: "#AA0055", dash: "1.5 2.5" },
  };
  let energy = null;

  function series(name, t) {
    if (name === "lost") {
      const registered = series("registered", t);
      return series("delivered", t).map((v, m) => v - registered[m]);
    }
    const count = GL.model.meta.months.length;
    const part = energy.arrays[name].subarray(t * count, (t + 1) * count);
    return Array.from(part, (v) => (v === NOWHERE ? NaN : v * energy.meta.steps[name]));
  }

  const names = () => ["delivered", "registered", "lost", ...(energy.meta.truth ? ["technical", "non_technical"] : [])];

  function chart(found) {
    const all = Object.values(found).flat().filter(Number.isFinite);
    const { chart: svg, x, y } = GL.frame(150, Math.max(...all, 0), Math.min(...all, 0),
      "Energy delivered, registered and lost by month, kWh");
    svg.classList.add("energy-chart");
    for (const [name, values] of Object.entries(found)) {
      const { colour, dash, label } = LOOKS[name];
      const line = GL.svg("path", { d: GL.linePath(values, x, y), class: "energy-line", stroke: colour, "data-energy": name,
        ...(dash ? { "stroke-dasharray": dash } : {}) });
      line.append(GL.svg("title", {}, label));
      svg.append(line);
      values.forEach((v, m) => {
        if (!Number.isFinite(v)) return;
        const dot = GL.svg("circle", { cx: x(m), cy: y(v), r: 2, fill: colour });
        dot.append(GL.svg("title", {}, `${label}, ${GL.monthName(GL.model.meta.months[m])}: ${GL.format(v, 1)} kWh`));
        svg.append(dot);
      });
    }
    return svg;
  }

  // Months in which both sides are known: only these can be held against each other.
  function totals(found) {
    const known = found.lost.map(Number.isFinite);
    return Object.fromEntries(Object.entries(found).map(([name, values]) =>
      [name, values.reduce((s, v, m) => s + (known[m] ? v : 0), 0)]));
  }

  function table(found) {
    const columns = Object.keys(found);
    const number = (tag, text) => GL.el(tag, { class: "number" }, text);
    const row = (label, value) => GL.el("tr", {}, GL.el("td", {}, label), ...columns.map((name) => number("td", value(name))));
    const sum = totals(found);
    const share = (name) => (sum.delivered > 0 ? `${GL.format((100 * sum[name]) / sum.delivered, 1)} %` : "–");
    const rows = GL.model.meta.months.map((month, m) => row(GL.monthName(month),
      (name) => (Number.isFinite(found[name][m]) ? GL.format(found[name][m], 0) : "–")));
    const head = GL.el("tr", {}, GL.el("th", { scope: "col" }, "Month"),
      ...columns.map((name) => GL.el("th", { scope: "col", class: "number" }, LOOKS[name].label)));
    return GL.el("div", { class: "table-box" }, GL.el("table", { class: "energy-table" },
      GL.el("caption", {}, "kWh by month; sums over the months in which both sides are known"), GL.el("thead", {}, head),
      GL.el("tbody", {}, row("Sum", (name) => GL.format(sum[name], 0)), row("Share", share), ...rows)));
  }

  function key(found) {
    return GL.el("ul", { class: "energy-key" }, ...Object.keys(found).map((name) => GL.el("li", {},
      GL.el("i", { style: `background:${LOOKS[name].colour}`, "aria-hidden": "true" }), LOOKS[name].label)));
  }

  function panel(t) {
    const found = Object.fromEntries(names().map((name) => [name, series(name, t)]));
    const title = GL.el("h3", {}, "Energy balance, kWh a month");
    if (!found.delivered.some(Number.isFinite)) {
      return [title, GL.el("p", { class: "quiet" }, "This transformer has no meter of its own: what it delivers is not known.")];
    }
    const note = energy.meta.truth
      ? "Ground truth: what left the transformer, and where it went. The rest of what is lost are errors of meters."
      : "Delivered is what the transformer's own meter shows; lost holds losses of wires, errors of meters, and theft.";
    return [title, key(found), chart(found), GL.el("p", { class: "quiet" }, note), table(found)];
  }

  GL.startEnergy = async function () {
    energy = await GL.unpack(GL.readBlock("energy-data"));
    GL.hooks.panel.push(panel);
  };
})();
