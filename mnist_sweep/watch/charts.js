"use strict";
// The plots of the live page.
const MAX_POINTS = 2000;

const plot = (id, text, traces, x, more = {}, showlegend = false, title = `validation ${objective().name.replaceAll("_", " ")}`) => {
  const layout = { margin: { l: 56, r: 12, t: 8, b: 44 }, height: 320, hovermode: "closest", dragmode: false, template: plotTemplate(!dark.matches),
    showlegend, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, xaxis: { title: { text: x }, automargin: true, ...more },
    yaxis: { title: { text: title, standoff: 12 }, automargin: true, tickformat: objective().unit === "share" ? ".1%" : "" } };
  const [drawn, note] = atEdge(traces.map((trace) => ({ type: "scatter", customdata: trace.y.map(measured), ...trace })), "y", sign(), measured);
  setText(`${id}-text`, text + note);
  return Plotly.react(get(id), drawn, layout, PLOT_CONFIG);
};
const loadPlotly = (() => { // once, and after the rest of the page has been drawn, since it takes longer than that
  let script = null;
  return () => {
    if (script) return;
    script = element("script", { src: get("plots").dataset.src, integrity: get("plots").dataset.integrity });
    script.addEventListener("load", plots);
    document.body.append(script);
  };
})();
const plots = () => {
  if (live.rows.size < live.state.rows.status.num_trials) return; // the rest is on its way
  const val = valIndex();
  const ended = [...live.rows.values()].filter(({ ended: end, cells }) => end && cells[val] !== null && cells[1] === "ok").sort((a, b) => a.ended - b.ended);
  const running = (live.state.run ? live.state.run.running : []).filter((trial) => trial.curve.length);
  const best = live.state.rows.best_curve;
  get("plots").hidden = !ended.length && !running.length;
  get("ended-figure").hidden = !ended.length;
  get("curves-figure").hidden = !running.length && best.length < 2;
  if (!window.Plotly) { loadPlotly(); return; }
  if (ended.length) {
    let most = -Infinity;
    const line = ended.map((row) => sign() * (most = Math.max(most, sign() * row.cells[val])));
    const kept = ended.map((row, index) => index).filter((index) => ended.length <= MAX_POINTS || index % Math.ceil(ended.length / MAX_POINTS) === 0 || index >= ended.length - 100 || line[index] !== line[index - 1]);
    const x = kept.map((index) => new Date(1000 * ended[index].ended));
    const text = `A point for each trial, which opens its details${kept.length < ended.length ? ` (${kept.length.toLocaleString("en")} of ${ended.length.toLocaleString("en")} are drawn)` : ""}; the line is the best single trial so far.`;
    plot("ended", text, [
      { mode: "markers", name: "trial", x, y: kept.map((index) => ended[index].cells[val]), marker: { color: COLORS[0], size: 6 }, text: kept.map((index) => ended[index].cells[0]), hovertemplate: "%{customdata}<br>%{text}<extra></extra>" },
      { mode: "lines", name: "best so far", x, y: kept.map((index) => line[index]), line: { color: BEST, width: 2, shape: "hv" }, hoverinfo: "skip" },
    ], "time", { type: "date", nticks: 4, tickangle: 0 });
    get("ended").removeAllListeners("plotly_click");
    get("ended").on("plotly_click", (event) => openTrial(event.points[0].text));
  }
  if (running.length || best.length > 1) {
    const lines = running.slice(0, 30).map((trial, index) => ({ name: trial.label, x: trial.curve.map(([step]) => step), y: trial.curve.map(([, value]) => value), line: { color: COLORS[index % COLORS.length], width: 2 } }));
    if (best.length > 1) lines.unshift({ name: "best trial", x: best.map(([step]) => step), y: best.map(([, value]) => value), line: { color: BEST, width: 3, dash: "dot" } });
    const text = running.length ? `Running trials from their first evaluation on, in the colours above${best.length > 1 ? "; dotted: the best trial of the best config" : ""}.` : "The best trial of the best config.";
    plot("curves", text, lines.map((one) => ({ mode: one.x.length > 1 ? "lines" : "markers", hovertemplate: "%{customdata} after %{x} steps<extra>%{fullData.name}</extra>", ...one })), "training steps");
  }
};
