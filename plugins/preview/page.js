"use strict";
/* Opens one dashboard at a time and draws its charts when it is first seen. */
(() => {
  const root = document.documentElement;
  const drawn = new Map(); // Dashboard element to the promise that its charts are there.
  const views = []; // Pairs of a chart's element and Bokeh's view of it.
  root.classList.add("scripted");

  /* Numbers in tooltips: a step of units.py says from where on what they are divided by. */
  window.inUnit = (value, steps) => {
    if (!Number.isFinite(value)) return "–";
    let [, divisor, suffix] = steps[0];
    for (const step of steps) if (Math.abs(value) >= step[0]) [, divisor, suffix] = step;
    const scaled = value / divisor;
    if (scaled === 0) return "0" + steps.reduce((a, b) => (Math.abs(Math.log(b[1])) < Math.abs(Math.log(a[1])) ? b : a))[2];
    const decimals = Number.isInteger(scaled) ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(scaled))));
    return scaled.toFixed(Math.min(decimals, 12)) + suffix;
  };

  /* What a number of a stack stands on. */
  window.below = (source, place) =>
    source.data.below?.[place.index]?.[place.segment_index] ?? 0;

  async function charts(dashboard) {
    const packed = dashboard.querySelector("script");
    if (!packed) return [];
    const bytes = Uint8Array.from(atob(packed.textContent), (each) => each.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  }

  async function draw(dashboard) {
    for (const [id, item] of await charts(dashboard)) {
      const element = document.getElementById(id);
      const manager = await Bokeh.embed.embed_item(item, id);
      const view = [...manager][0];
      element.addEventListener("dblclick", () => view.model.reset.emit());
      views.push([element, view]);
    }
  }

  async function show() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const all = [...document.querySelectorAll(".dashboard")];
    const one = all.find((each) => each.id === wanted) || all[0];
    const open = wanted === "all" ? all : [one].filter(Boolean);
    for (const each of all) each.classList.toggle("open", open.includes(each));
    for (const link of document.querySelectorAll(".side li a")) {
      const here = link.hash === "#all" ? wanted === "all" : wanted !== "all" && link.hash === "#" + one?.id;
      link.classList.toggle("here", here);
    }
    for (const each of open) if (!drawn.has(each)) drawn.set(each, draw(each));
    await Promise.all(open.map((each) => drawn.get(each)));
    await idle();
    root.dataset.drawn = wanted || "first";
  }

  /* Bokeh paints some frames later. */
  async function idle() {
    const begun = performance.now();
    while (views.some(([, view]) => !view.has_finished()) && performance.now() - begun < 20000)
      await new Promise((next) => setTimeout(next, 50));
  }

  /* Paper has its own width: charts are printed as pictures that fit it. */
  let printed = [];
  addEventListener("beforeprint", () => {
    for (const [element, view] of views) {
      if (!element.offsetParent) continue;
      const picture = new Image();
      picture.src = view.export("png").canvas.toDataURL();
      element.append(picture);
      element.classList.add("pictured");
      printed.push([element, picture]);
    }
  });
  addEventListener("afterprint", () => {
    for (const [element, picture] of printed) {
      picture.remove();
      element.classList.remove("pictured");
    }
    printed = [];
  });

  async function reopened() {
    delete root.dataset.drawn;
    scrollTo(0, 0);
    await show();
  }
  addEventListener("hashchange", reopened);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const [, view] of views) view.request_repaint?.();
  });
  reopened();
})();
