"use strict";
// The details of a trial, in a dialog.
const openTrial = async (name) => {
  const content = get("details-content");
  setText("details-title", name);
  content.replaceChildren(element("p", { textContent: "Loading …" }));
  if (!get("details").open) get("details").showModal();
  let found;
  try {
    const answer = await fetch(`trials/${name}`);
    if (!answer.ok) throw new Error((await answer.text()).trim());
    found = await answer.json();
  } catch (error) {
    content.replaceChildren(element("p", { textContent: error instanceof TypeError ? "mnist-sweep watch does not answer." : error.message }));
    return;
  }
  if (get("details-title").textContent !== name) return; // another one has been opened since
  const { row, confusion, command, notices } = found;
  const cells = live.rows.get(name)?.cells ?? [];
  const facts = [["settings", live.fields.map((field, index) => `${field.split(".").pop()}=${cells[index + 2]}`).join(" ") || null], ["status", row.status], [`validation ${objective().name.replaceAll("_", " ")}`, measured(row.val)], [`test ${objective().name.replaceAll("_", " ")}`, measured(row.test)], ["steps", row.steps], ["parameters", row.parameters], ["seconds", row.seconds_total && row.seconds_total.toFixed(1)], ["worker", row.worker], ["error", row.error]];
  const isAccuracy = objective().name === "accuracy";
  const pair = ([term, fact]) => element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: fact }));
  const curve = row.history.filter((point) => point.val !== null || (isAccuracy && point.train_accuracy !== null));
  const log = row.history.map((point) => Object.entries(point).filter(([key, value]) => value !== null && key !== "val").map(([key, value]) => `${key.replaceAll("_", " ")} ${Number(value.toPrecision(5))}`).join(", "));
  const heading = (text) => element("h3", { textContent: text });
  const parts = [element("dl", { className: "facts" }, ...facts.filter(([, fact]) => fact !== null && fact !== "–").map(pair))];
  if (curve.length > 1) parts.push(heading("Learning curve"), element("p", { id: "details-curve-text" }), element("div", { id: "details-curve", className: "live" }));
  if (confusion) parts.push(heading("Confusion on the test split"), element("p", { textContent: confusion.text }), ...(confusion.figure ? [element("div", { id: "details-confusion" })] : []));
  if (row.traceback) parts.push(heading("Traceback"), element("pre", { textContent: row.traceback, tabIndex: 0 }));
  if (log.length + notices.length) parts.push(heading("Log"), element("pre", { textContent: [...log, ...notices].join("\n"), tabIndex: 0 }));
  parts.push(heading("Run it again"), element("pre", { textContent: command }), heading("Config"));
  parts.push(element("dl", { className: "facts" }, ...Object.entries(row.config).map(([key, value]) => pair([key, typeof value === "string" ? value : JSON.stringify(value)]))));
  content.replaceChildren(...parts);
  if (!window.Plotly) return;
  if (curve.length > 1) {
    const line = (name, key, style) => ({ mode: "lines", name, hovertemplate: "%{customdata} after %{x} steps", x: curve.map((point) => point.step), y: curve.map((point) => point[key]), line: style });
    plot("details-curve", "", [...(isAccuracy ? [line("train", "train_accuracy", { color: COLORS[0], dash: "dot" })] : []), line("validation", "val", { color: BEST, width: 3 })], "training steps", {}, true, objective().name.replaceAll("_", " "));
  }
  if (confusion && confusion.figure) Plotly.react("details-confusion", confusion.figure.data, { ...confusion.figure.layout, template: plotTemplate(!dark.matches) }, PLOT_CONFIG);
};
