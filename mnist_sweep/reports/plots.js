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
