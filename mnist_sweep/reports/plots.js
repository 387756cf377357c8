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

// Values that are far worse than the rest would squeeze it: up to a third of them, a point that is drawn twice being one,
// are drawn at the edge of their axis, as triangles.
// Returns the traces, and what to say of the edge. More is better if `sign` is 1, less if it is -1.
const atEdge = (traces, axis, sign, text) => {
  const points = traces.filter(({ hoverinfo }) => hoverinfo !== "skip").flatMap(({ x, y, text, [axis]: values }) => values.map((value, i) => [`${x[i]} ${y[i]} ${text?.[i]}`, value]));
  const sorted = [...new Map(points).values()].filter((value) => value !== null).map((value) => sign * value).sort((a, b) => a - b);
  const [middle, best] = [sorted[sorted.length >> 1], sorted.at(-1)];
  if (!(best > middle && best - sorted[0] > 6 * (best - middle))) return [traces, ""];
  const least = middle - 3 * (best - middle);
  if (3 * sorted.filter((value) => value < least).length > sorted.length) return [traces, ""];
  const isOut = (value) => value !== null && sign * value < least;
  const told = ({ customdata, hovertemplate, [axis]: values }) => ({ customdata: customdata ?? values, ...(hovertemplate && { hovertemplate: hovertemplate.replace(`%{${axis}`, "%{customdata") }) });
  const shown = (trace) => ({ ...trace, ...told(trace), [axis]: trace[axis].map((value) => (!isOut(value) ? value : trace.mode === "markers" ? null : sign * least)) });
  const symbol = `triangle-${{ x: ["right", "left"], y: ["up", "down"] }[axis][Number(sign > 0)]}`;
  const triangles = ({ marker, line, ...trace }) => ({ ...trace, ...told(trace), mode: "markers", showlegend: false,
    [axis]: trace[axis].map((value) => (isOut(value) ? sign * least : null)), marker: { color: marker?.color ?? line.color, size: 9, symbol } });
  const out = traces.filter((trace) => trace[axis].some(isOut));
  const marked = out.filter(({ hoverinfo, meta }) => hoverinfo !== "skip" && !meta?.intervals).map(triangles);
  return [[...traces.map((trace) => (out.includes(trace) ? shown(trace) : trace)), ...marked], ` Triangles at the edge: ${sign > 0 ? "below" : "above"} ${text(sign * least)}.`];
};
