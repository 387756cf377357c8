"use strict";
// Gives each plot a button that downloads its data as CSV, made from the figure's own JSON. Two hints of a figure help:
// `meta` of its layout names axes without a title, and `meta` of a trace names it, or says that its lines are intervals.
(() => {
  const FORMULA = /^'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^'*[\t\r]/; // as in the tables, results/csv_tables.py
  const plain = (text) => text.replace(/<br>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
  const rounded = (number) => Number(number.toPrecision(12));

  const cell = (value) => {
    const text = typeof value === "string" ? plain(value) : String(value ?? "");
    const safe = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };

  const heatmap = ({ x, y, z, name }, titles, { annotations }) => {
    const shown = new Map(annotations.map((one) => [`${one.x},${one.y}`, Number(one.text)]));
    const line = (i, j) => ({ [titles.x]: x[j], [titles.y]: y[i], [name]: z[i][j] ?? shown.get(`${j},${i}`) });
    return y.flatMap((_, i) => x.map((_, j) => line(i, j)));
  };

  const points = (trace, titles, layout) => {
    const { meta, base, text, customdata } = trace;
    const tick = (axis, value) => {
      const { tickvals, ticktext } = layout[`${axis}axis`];
      return ticktext?.[tickvals.indexOf(value)] ?? value;
    };
    const ends = (axis, low, high) => ({ [`${titles[axis]} low`]: low, [`${titles[axis]} high`]: high });
    const around = (axis, i) => {
      const half = trace[`error_${axis}`]?.value;
      return half == null ? {} : ends(axis, rounded(trace[axis][i] - half), rounded(trace[axis][i] + half));
    };
    const along = (i) => {
      if (meta?.intervals) return { [titles.x]: null, ...ends("x", trace.x[i], trace.x[i + 1]) };
      if (!base) return { [titles.x]: tick("x", trace.x[i]) };
      return { [`${titles.x}: start`]: base[i], [`${titles.x}: end`]: rounded(base[i] + trace.x[i]) };
    };
    const line = (i) => ({
      trace: meta?.name ?? trace.name, ...along(i), ...around("x", i),
      [titles.y]: customdata ? customdata[i] : tick("y", trace.y[i]), ...around("y", i), label: text?.[i],
    });
    const isPoint = (i) => trace.x[i] !== null && trace.y[i] !== null && !(meta?.intervals && i % 3);
    return [...trace.x.keys()].filter(isPoint).map(line);
  };

  const csv = ({ data, layout }) => {
    const title = (axis) => layout[`${axis}axis`].title.text || layout.meta?.[axis] || axis;
    const titles = { x: title("x"), y: title("y") };
    const lines = data.flatMap((trace) => (trace.type === "heatmap" ? heatmap : points)(trace, titles, layout));
    const columns = [...new Set(lines.flatMap(Object.keys))].filter((name) => lines.some((line) => line[name] != null));
    return [columns, ...lines.map((line) => columns.map((name) => line[name]))]
      .map((cells) => `${cells.map(cell).join(",")}\n`).join("");
  };

  document.querySelectorAll(".plot").forEach((plot) => {
    const figure = plot.closest("figure"), name = figure.querySelector("h3").textContent;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "csv", textContent: "CSV", ariaLabel: `CSV of the plot “${name}”` });
    button.addEventListener("click", () => {
      const content = csv(JSON.parse(document.getElementById(`figure-${plot.id}`).textContent));
      const url = URL.createObjectURL(new Blob([content], { type: "text/csv;charset=utf-8" }));
      const file = `${document.title} ${name}`.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 100);
      Object.assign(document.createElement("a"), { href: url, download: `${file}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    });
    figure.querySelector("details").before(button);
  });
})();
