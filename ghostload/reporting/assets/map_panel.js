// The side panel: colour mode and legends, feeders to show, and a search for any id.
"use strict";
(function () {
  const GL = window.GL;
  const MOST = 12; // hits that a search lists
  const byId = (id) => document.getElementById(id);

  function colourBar(mode) {
    const { colours, label } = mode.scale;
    const bar = GL.el("div", { class: "bar", role: "img", "aria-label": `${mode.title}: pale is low, dark is high` });
    const ticks = GL.el("div", { class: "bar-ticks", "aria-hidden": "true" });
    colours.forEach((colour, k) => {
      bar.append(GL.el("span", { style: `background:${colour}` }));
      ticks.append(GL.el("span", {}, label[k]));
    });
    ticks.append(GL.el("span", {}, label[colours.length]));
    return [bar, ticks];
  }

  GL.colourBar = colourBar;

  function drawModes() {
    const box = byId("modes");
    const buttons = Object.entries(GL.modes).map(([name, mode]) => GL.el("button", {
      type: "button", "aria-pressed": String(GL.state.mode === name), "data-mode": name,
      onclick: () => { GL.state.mode = name; drawModes(); GL.drawTransformers(); },
    }, mode.title));
    const mode = GL.modes[GL.state.mode];
    box.replaceChildren(GL.el("div", { class: "choice", role: "group", "aria-label": "Colour transformers by" }, ...buttons),
      ...(mode.scale ? colourBar(mode) : []), GL.el("p", { class: "quiet" }, mode.note));
  }

  GL.drawSizeLegend = function () {
    const present = [...new Set(GL.model.a.tx_capacity)].filter((c) => c > 0).sort((p, q) => p - q);
    const pick = present.length > 4 ? [0, 1 / 3, 2 / 3, 1].map((f) => present[Math.round(f * (present.length - 1))]) : present;
    byId("sizes").replaceChildren(...pick.map((capacity) => {
      const d = GL.txSize(capacity);
      return GL.el("span", { class: "size" },
        GL.el("i", { style: `width:${d.toFixed(1)}px;height:${d.toFixed(1)}px` }), GL.format(capacity, 1));
    }), GL.el("span", { class: "quiet" }, "kVA"));
  };

  function drawClasses() {
    const { meta, a, numMeters } = GL.model;
    const counts = new Array(meta.classes.length).fill(0);
    for (const c of a.meter_class) counts[c]++;
    const known = (name) => { const k = GL.CLASS_ORDER.indexOf(name); return k < 0 ? 9 : k; };
    const order = meta.classes.map((_, k) => k).sort((p, q) => known(meta.classes[p]) - known(meta.classes[q]));
    const shape = { circle: "●", square: "■", triangle: "▲", diamond: "◆" };
    byId("classes").replaceChildren(...order.map((k) => {
      const look = GL.classLook(meta.classes[k]);
      return GL.el("li", {}, GL.el("i", { style: `color:${look.fill}`, "aria-hidden": "true" }, shape[look.marker]),
        meta.classes[k] || "no class given",
        GL.el("span", { class: "quiet" }, `${GL.format(counts[k])} (${GL.percent(counts[k] / numMeters)})`));
    }));
  }

  function drawFeeders() {
    const { meta, a, numTx } = GL.model;
    const counts = new Array(meta.feeders.length).fill(0);
    for (let t = 0; t < numTx; t++) counts[a.tx_feeder[t]]++;
    const items = meta.feeders.map((name, f) => {
      const box = GL.el("input", { type: "checkbox", checked: true, "aria-label": `Show feeder ${name}`,
        onchange: (event) => { GL.state.feederOn[f] = event.target.checked ? 1 : 0; GL.drawAll(); } });
      return GL.el("li", {}, box, GL.el("i", { style: `background:${meta.feeder_colours[f]}`, "aria-hidden": "true" }),
        GL.el("button", { type: "button", class: "link", title: "Zoom to this feeder", onclick: () => GL.goTo({ feeder: f }) }, name || "no feeder given"),
        GL.el("span", { class: "quiet" }, GL.format(counts[f])));
    });
    byId("feeders").replaceChildren(...items);
    const all = (on) => () => {
      GL.state.feederOn.fill(on);
      for (const box of byId("feeders").querySelectorAll("input")) box.checked = on === 1;
      GL.drawAll();
    };
    byId("all-feeders").addEventListener("click", all(1));
    byId("no-feeders").addEventListener("click", all(0));
  }

  // What can be looked for, in the order in which hits are listed.
  function lists() {
    const { meta } = GL.model;
    const lower = (names) => names.map((name) => name.toLowerCase());
    return [
      { kind: "transformer", names: meta.tx_ids, low: lower(meta.tx_ids), hit: (k) => ({ tx: k }) },
      { kind: "meter", names: meta.meter_ids, low: lower(meta.meter_ids), hit: (k) => ({ meter: k }) },
      { kind: "feeder", names: meta.feeders, low: lower(meta.feeders), hit: (k) => ({ feeder: k }) },
      { kind: "district", names: meta.districts, low: lower(meta.districts), hit: (k) => ({ district: k }) },
    ];
  }

  function search(wanted, from) {
    const [exact, starts, holds] = [[], [], []];
    for (const list of from) {
      for (let k = 0; k < list.low.length && holds.length < MOST * 4; k++) {
        const at = list.low[k].indexOf(wanted);
        if (at < 0) continue;
        const entry = { kind: list.kind, name: list.names[k], hit: list.hit(k) };
        (list.low[k] === wanted ? exact : at === 0 ? starts : holds).push(entry);
        if (starts.length > MOST * 4) break;
      }
    }
    return [...exact, ...starts, ...holds].slice(0, MOST);
  }

  function drawSearch() {
    const box = byId("search");
    const results = byId("results");
    let from = null;
    const update = () => {
      from = from || lists();
      const wanted = box.value.trim().toLowerCase();
      const found = wanted ? search(wanted, from) : [];
      results.replaceChildren(...found.map((entry) => GL.el("li", {},
        GL.el("button", { type: "button", onclick: () => { results.replaceChildren(); box.value = entry.name; GL.goTo(entry.hit); } },
          entry.name, GL.el("span", { class: "quiet" }, entry.kind)))));
      if (wanted && !found.length) results.replaceChildren(GL.el("li", { class: "quiet" }, "nothing of that name"));
    };
    box.addEventListener("input", update);
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      update();
      const first = results.querySelector("button");
      if (first) first.click();
    });
  }

  function boxOf(list) {
    const { box } = GL.model;
    const b = { west: Infinity, east: -Infinity, south: Infinity, north: -Infinity };
    for (const t of list) {
      if (Number.isNaN(box[4 * t])) continue;
      b.west = Math.min(b.west, box[4 * t]); b.east = Math.max(b.east, box[4 * t + 1]);
      b.south = Math.min(b.south, box[4 * t + 2]); b.north = Math.max(b.north, box[4 * t + 3]);
    }
    return b.west === Infinity ? null : b;
  }

  function switchOn(f) {
    if (f === undefined || GL.state.feederOn[f]) return;
    GL.state.feederOn[f] = 1;
    byId("feeders").querySelectorAll("input")[f].checked = true;
    GL.drawAll();
  }

  // Bring a thing into view, and choose it where it can be chosen.
  GL.goTo = function (hit) {
    const { model } = GL;
    const every = Array.from({ length: model.numTx }, (_, t) => t);
    if (hit.feeder >= 0 || hit.district >= 0) {
      if (hit.feeder >= 0) switchOn(hit.feeder);
      const b = boxOf(every.filter((t) => (hit.feeder >= 0 ? model.a.tx_feeder[t] === hit.feeder : model.a.tx_district[t] === hit.district)));
      if (b) GL.view.fit(b, 1.3);
      return;
    }
    const t = hit.meter >= 0 ? model.a.meter_tx[hit.meter] : hit.tx;
    switchOn(model.a.tx_feeder[t]);
    const b = t >= 0 ? boxOf([t]) : null;
    if (b) GL.view.fit(b, 1.6);
    else if (hit.meter >= 0 && !Number.isNaN(model.meter.x[hit.meter])) GL.view.show(model.meter.x[hit.meter], model.meter.y[hit.meter], 1);
    GL.choose(hit);
  };

  GL.drawPanel = function () {
    drawModes();
    GL.drawSizeLegend();
    drawClasses();
    drawFeeders();
    drawSearch();
    for (const hook of GL.hooks.legend) hook();
  };
})();
