"use strict";
const PLOT_CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false };

// What a figure leaves to the browser, which knows the reader's scheme: colours of text, grid and background.
const plotTemplate = (light) => {
  const text = light ? "#1a1d21" : "#e8eaed";
  const axis = { gridcolor: light ? "#e2e5e9" : "#33393f", linecolor: light ? "#9aa1aa" : "#6b737c", zerolinecolor: light ? "#9aa1aa" : "#6b737c", tickcolor: text };
  return { layout: {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis: axis, yaxis: axis,
    font: { color: text, family: "system-ui, sans-serif", size: 12 },
    annotationdefaults: { font: { color: text }, bgcolor: light ? "rgba(255,255,255,0.75)" : "rgba(20,23,26,0.75)" },
    hoverlabel: { bgcolor: light ? "#ffffff" : "#1e2226", bordercolor: light ? "#9aa1aa" : "#6b737c", font: { color: text } },
  } };
};

// Draws a plot when it is scrolled near the viewport, and all plots before the page is printed.
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

  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); draw(entry.target); });
  }, { rootMargin: "300px" });
  plots.forEach((plot) => near.observe(plot));

  dark.addEventListener("change", () => drawn.forEach(draw));
  addEventListener("beforeprint", () => { printing = true; plots.forEach(draw); });
  addEventListener("afterprint", () => { printing = false; plots.forEach(draw); });
})();
