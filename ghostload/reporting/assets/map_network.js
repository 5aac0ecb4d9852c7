// Lines: medium voltage always, low voltage from where meters are drawn, coloured by the planned voltage drop.
"use strict";
(function () {
  const GL = window.GL;
  const UNKNOWN = -(2 ** 15);
  const GREY = "#9CA3AF";
  // Five steps of viridis without its palest end: each is darker than the one before, so no hue has to be told apart.
  const SHADES = ["#B5DE2B", "#35B779", "#26828E", "#3E4A89", "#440154"];
  const EDGES = [-2, 0, 2, 4]; // per cent below the rated voltage; negative is above it
  const NOTE = "per cent below the rated voltage that the planner expects at a line's far end at peak (negative: above it)";
  let lines = null;
  let filled = null; // transformers whose low-voltage lines stand in the source

  GL.lineColour = (drop) => (Number.isFinite(drop) ? SHADES[EDGES.filter((edge) => drop >= edge).length] : GREY);

  function read({ meta, arrays: a }) {
    const count = a.line_level.length;
    const ends = ["x0", "y0", "x1", "y1"].map(() => new Float64Array(count));
    let [lon, lat] = [0, 0];
    for (let k = 0; k < 2 * count; k++) {
      lon += a.line_lon[k];
      lat += a.line_lat[k];
      ends[2 * (k % 2)][k >> 1] = GL.toX(lon / 1e6);
      ends[2 * (k % 2) + 1][k >> 1] = GL.toY(lat / 1e6);
    }
    const drop = Float64Array.from(a.line_drop, (d) => (d === UNKNOWN ? NaN : d / 100));
    const [mv, of] = [[], new Map()];
    for (let k = 0; k < count; k++) {
      if (a.line_level[k] === 0) mv.push(k);
      else if (of.has(a.line_tx[k])) of.get(a.line_tx[k]).push(k);
      else of.set(a.line_tx[k], [k]);
    }
    return { meta, a, ends, drop, mv, of };
  }

  const shown = (k) => { const f = lines.a.line_feeder[k]; return f < 0 || GL.state.feederOn[f] === 1; };

  function columns(list) {
    const data = { x0: [], y0: [], x1: [], y1: [], colour: [] };
    for (const k of list) {
      if (!shown(k)) continue;
      ["x0", "y0", "x1", "y1"].forEach((name, at) => data[name].push(lines.ends[at][k]));
      data.colour.push(GL.lineColour(lines.drop[k]));
    }
    return data;
  }

  const lowOf = (list) => list.flatMap((t) => lines.of.get(t) || []);

  function draw(v, force) {
    const on = document.getElementById("lines-on").checked;
    if (force) GL.fill("mv", columns(on ? lines.mv : []));
    const near = on ? GL.state.txDrawn : [];
    if (!force && near === filled) return;
    filled = near;
    GL.fill("low", columns(lowOf(near)));
    GL.state.shown.lines = { mv: GL.sources.mv.data.x0.length, low: GL.sources.low.data.x0.length };
  }

  function legend() {
    const scale = { colours: SHADES, label: ["", ...EDGES.map((edge) => String(edge).replace("-", "−")), "%"] };
    const low = lines.meta.low ? "low voltage when zoomed in" : "low voltage not drawn: too many lines for one page";
    document.getElementById("line-scale").replaceChildren(...GL.colourBar({ title: "Voltage drop", scale }),
      GL.el("p", { class: "quiet" }, `${NOTE}. Medium voltage always, ${low}.`));
    document.getElementById("lines-on").addEventListener("change", () => GL.drawAll());
  }

  function largestDrop(hit) {
    if (!(hit.tx >= 0)) return [];
    const drops = lowOf([hit.tx]).map((k) => lines.drop[k]).filter(Number.isFinite);
    return drops.length ? [["Planned drop", `up to ${GL.format(Math.max(...drops), 1)} %`]] : [];
  }

  GL.startNetwork = async function () {
    lines = read(await GL.unpack(GL.readBlock("network-data")));
    if (lines.meta.low) {
      const frame = GL.layers.chosen_drops.glyph;
      [frame.line_width, frame.line_alpha] = [6, 0.28];
      GL.lowLines = (list) => {
        const { x0, y0, x1, y1 } = columns(lowOf(list));
        return { x0, y0, x1, y1 };
      };
    }
    GL.hooks.draw.push(draw);
    GL.hooks.legend.push(legend);
    GL.hooks.tip.push(largestDrop);
  };
})();
