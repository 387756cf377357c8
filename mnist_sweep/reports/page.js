"use strict";
// Unpacks Plotly, draws a plot when it is scrolled near the viewport, and all plots before the page is printed.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PRINTED = 660; // pixels that fit the width of A4 and Letter
  const PRINTED_SMALL = 300;
  const drawn = new Set();
  const plots = [...document.querySelectorAll(".plot")];
  let printing = false;

  const draw = (plot) => {
    const { data, layout } = JSON.parse(document.getElementById(`figure-${plot.id}`).textContent);
    const printed = plot.closest(".plots") ? PRINTED_SMALL : PRINTED;
    const width = printing ? { width: printed, autosize: false } : {};
    drawn.add(plot);
    return Plotly.react(plot, data, { ...layout, ...width, template: plotTemplate(printing || !dark.matches) }, PLOT_CONFIG);
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
  addEventListener("beforeprint", () => { printing = true; drawAll(); });
  addEventListener("afterprint", () => { printing = false; drawAll(); });
})();
