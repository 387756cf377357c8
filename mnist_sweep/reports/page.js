"use strict";
// Opens the section that a link leads to. Unpacks Plotly, and draws a plot when it is scrolled near the viewport. Before
// the page is printed, all sections are opened and all plots drawn.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PRINTED = 660; // pixels that fit the width of A4 and Letter
  const PRINTED_SMALL = 300;
  const drawn = new Set();
  const plots = [...document.querySelectorAll(".plot")];
  let printing = false;
  let closed = [];

  const open = (hash) => {
    const fold = hash && document.getElementById(decodeURIComponent(hash.slice(1)))?.querySelector(".fold");
    if (fold) fold.open = true;
  };
  document.addEventListener("click", ({ target }) => open(target.closest('a[href^="#"]')?.hash));
  addEventListener("hashchange", () => open(location.hash));
  open(location.hash);

  const draw = (plot) => {
    const { data, layout } = JSON.parse(document.getElementById(`figure-${plot.id}`).textContent);
    const [traces, note] = layout.meta?.better ? atEdge(data, ...layout.meta.better, (value) => String(Number(value.toPrecision(4)))) : [data, ""];
    if (!drawn.has(plot)) plot.closest("figure").querySelector("p").append(note);
    const printed = plot.closest(".plots") ? PRINTED_SMALL : PRINTED;
    const width = printing ? { width: printed, autosize: false } : {};
    drawn.add(plot);
    return Plotly.react(plot, traces, { ...layout, ...width, template: plotTemplate(printing || !dark.matches) }, PLOT_CONFIG);
  };
  const drawAll = () => { if (window.Plotly) plots.forEach(draw); };

  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); draw(entry.target); });
  }, { rootMargin: "300px" });

  const unpack = async () => {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (char) => char.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  };
  unpack().then(() => plots.forEach((plot) => near.observe(plot)), () => {
    document.getElementById("no-plots").hidden = false;
    plots.forEach((plot) => { plot.hidden = true; });
  });

  dark.addEventListener("change", () => drawn.forEach(draw));
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll(".fold:not([open])")];
    closed.forEach((fold) => { fold.open = true; });
    printing = true;
    drawAll();
  });
  addEventListener("afterprint", () => {
    closed.forEach((fold) => { fold.open = false; });
    printing = false;
    drawn.forEach(draw);
  });
})();
