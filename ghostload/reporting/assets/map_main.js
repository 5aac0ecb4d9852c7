// Puts the page together once the figure is there.
"use strict";
(function () {
  const GL = window.GL;
  const byId = (id) => document.getElementById(id);

  // The one thing that may ask the network for something, and only when the reader switches it on.
  function baseMap(tiles) {
    const box = byId("base-map");
    let layer = null;
    box.addEventListener("change", () => {
      const { plot } = GL.view;
      if (!layer) {
        const make = (name, attributes) => new (Bokeh.Models.get(name))(attributes);
        const tileSource = make("WMTSTileSource", { url: tiles.url, attribution: "", max_zoom: 19 });
        layer = make("TileRenderer", { tile_source: tileSource, level: "underlay", name: "tiles" });
        plot.renderers = [layer, ...plot.renderers];
      }
      layer.visible = box.checked;
      GL.sources.land.data = box.checked ? { xs: [], ys: [] } : GL.landData;
      byId("attribution").textContent = box.checked ? tiles.attribution : "";
    });
  }

  function buttons() {
    byId("zoom-in").addEventListener("click", () => GL.view.zoom(2));
    byId("zoom-out").addEventListener("click", () => GL.view.zoom(0.5));
    byId("zoom-home").addEventListener("click", () => GL.view.fit(GL.model.bounds));
    byId("areas-on").addEventListener("change", (event) => { GL.layers.areas.visible = event.target.checked; GL.drawNames(GL.view.now()); });
    byId("map").addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
      if (moves[event.key]) GL.view.pan(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") GL.view.zoom(2);
      else if (event.key === "-") GL.view.zoom(0.5);
      else return;
      event.preventDefault();
    });
  }

  function notes() {
    const { not_drawn: n } = GL.model.meta;
    const lines = [];
    if (n.transformers) lines.push(`${GL.format(n.transformers)} transformers have no usable place and are not drawn.`);
    if (n.meters) lines.push(`${GL.format(n.meters)} meters have no usable place and are not drawn.`);
    if (n.meters_unserved) lines.push(`${GL.format(n.meters_unserved)} meters name a transformer that is not in the data.`);
    byId("notes").replaceChildren(...lines.map((line) => GL.el("p", {}, line)));
  }

  function layers(plot) {
    GL.sources = {};
    GL.layers = {};
    for (const renderer of plot.renderers) {
      GL.layers[renderer.name] = renderer;
      GL.sources[renderer.name] = renderer.data_source;
    }
  }

  function readModel(content) {
    const model = (GL.model = GL.buildModel(content));
    const capacity = model.a.tx_capacity;
    model.bySize = Array.from({ length: model.numTx }, (_, t) => t).sort((p, q) => capacity[q] - capacity[p] || p - q);
    model.unserved = [];
    model.a.meter_tx.forEach((t, i) => { if (t < 0) model.unserved.push(i); });
    GL.state.feederOn = new Uint8Array(model.meta.feeders.length).fill(1);
  }

  async function start() {
    const began = performance.now();
    const [content, views] = await Promise.all([
      GL.unpack(GL.readBlock("map-data")),
      Bokeh.embed.embed_item({ ...GL.readBlock("map-figure"), target_id: "figure" }),
    ]);
    const plotView = views instanceof Array ? views[0] : [...views][0];
    const plot = plotView.model;
    layers(plot);
    GL.view.attach(plot, plotView);
    readModel(content);
    if (GL.startNetwork) await GL.startNetwork();
    if (GL.startEnergy) await GL.startEnergy();
    if (GL.startTruth) await GL.startTruth();
    GL.view.fit(GL.model.bounds);
    GL.home = GL.view.now().resolution;
    GL.state.zoomFactor = 1;
    GL.drawLand();
    GL.landData = GL.sources.land.data;
    GL.drawAll();
    GL.drawPanel();
    GL.showDetail();
    notes();
    buttons();
    baseMap(GL.readBlock("map-tiles"));
    GL.view.listeners.push(GL.onZoomed, GL.drawNames, GL.scaleBar);
    GL.scaleBar(GL.view.now());
    new ResizeObserver(() => requestAnimationFrame(GL.onView)).observe(byId("map"));
    byId("waiting").remove();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      GL.startedMs = performance.now() - began;
      document.body.dataset.ready = "yes";
    }));
  }

  start().catch((error) => {
    byId("waiting").textContent = `The map could not be drawn: ${error.message}`;
    document.body.dataset.ready = "failed";
    console.error(error);
  });
})();
