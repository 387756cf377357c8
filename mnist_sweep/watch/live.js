"use strict";
// Draws the live page from server-sent events. All text is set as text, so that no name or error becomes markup.
(() => {
  const SILENCE = 25000; // milliseconds without an event after which contact is lost: the server sends one every 10 s
  const RETRY = 2000;
  const MAX_POINTS = 2000;
  const COLORS = ["#2b83ba", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#808080"];
  const BEST = "#d55e00";
  const PHASES = {
    starting: ["Starting", "running"], running: ["Running", "running"], stopping: ["Stopping: trials write their checkpoints", "running"],
    ended: ["Finished", ""], interrupted: ["Interrupted", "bad"], killed: ["Killed", "bad"], unknown: ["Not running", ""],
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const get = (id) => document.getElementById(id);
  const rows = new Map();
  let fields = [];
  let state = null;
  let received = 0; // when the state came, in milliseconds
  let place = "new";
  let source = null;
  let heard = Date.now();
  let show = null; // shows rows in the table
  let columns = [];

  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.filter((child) => child !== null));
    return made;
  };
  const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(2)}%`);
  const objective = () => state.rows.status.objective;
  const measured = (value) => (value === null ? "–" : objective().unit === "share" ? percent(value) : `${Number(value.toPrecision(4))} ${objective().unit}`.trim());
  const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const sign = () => (objective().direction === "maximize" ? 1 : -1);
  const duration = (seconds) => {
    if (seconds < 60) return `${Math.round(seconds)} s`;
    const minutes = Math.round(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.round(minutes / 1440)} days`;
  };
  const setText = (id, text) => { if (get(id).textContent !== text) get(id).textContent = text; };
  const fill = (holder, key, make) => { // makes children again only where what they show has changed
    const content = JSON.stringify(key);
    if (holder.dataset.content !== content) { holder.dataset.content = content; holder.replaceChildren(...make()); }
  };
  const trialButton = (name) => {
    const button = element("button", { type: "button", textContent: name });
    button.addEventListener("click", () => open(name));
    return button;
  };
  const shortNames = () => {
    const last = fields.map((name) => name.split(".").pop());
    return fields.map((name, index) => (last.filter((one) => one === last[index]).length > 1 ? name : last[index]));
  };

  // What the first look answers: how far, how long yet, what is best, did anything fail, what did it cost.
  const cards = () => {
    const { phase, run, time_left: left, rows: { status, best_label: label, best_test: test, trial_seconds: spent } } = state;
    const passed = (Date.now() - received) / 1000;
    const total = run ? run.num_trials : null;
    const isRunning = phase === "running" || phase === "stopping";
    const made = [["Progress", run ? `${run.num_done.toLocaleString("en")} of ${total.toLocaleString("en")}` : count(status.num_trials, "trial"), run ? (run.num_done < total ? `${count(total - run.num_done, "trial")} to go, ${run.running.length} running now` : "all trials have ended") : "the number of planned trials is not known"]];
    if (phase === "running" && left) {
      const range = left.low === null ? "too few trials have ended for an interval" : `95% interval ${duration(Math.max(0, left.low - passed))} to ${duration(Math.max(0, left.high - passed))}`;
      made.push(["Time left", `about ${duration(Math.max(1, left.seconds - passed))}`, status.race ? `${range}, if the race goes on as it is expected to` : range]);
    } else if (isRunning || phase === "starting") {
      made.push(["Time left", "not known yet", phase === "stopping" ? "the run is stopping" : "no trial of this run has ended"]);
    } else if (phase === "interrupted" || phase === "killed") {
      made.push(["Run", PHASES[phase][0], `${run && run.error ? `${run.error}; ` : ""}the same command resumes it`, "bad"]);
    } else {
      made.push(["Run", PHASES[phase][0], phase === "unknown" ? "no run is known to write to this folder" : "every trial has a row"]);
    }
    const best = status.best[0];
    const seeds = best && best.trial_ids.length > 1 ? `; mean of ${best.trial_ids.length} seeds` : "";
    const tested = test ? `; test ${measured(test[0])}${test[1] === null ? "" : `, 95% interval ${measured(test[1])} to ${measured(test[2])}`}` : "";
    made.push([`Best validation ${objective().name.replaceAll("_", " ")}`, best ? measured(best.val) : "none yet", best ? `${label}${seeds}${tested}` : "no trial has succeeded"]);
    const { failed, diverged } = status.statuses;
    const also = diverged ? `${count(diverged, "trial")} diverged` : "";
    made.push(["Failures", failed ? count(failed, "trial") : "none", failed ? `${status.failures[0].cause}${also ? `; ${also}` : ""}` : also || "no trial has failed", failed ? "bad" : ""]);
    made.push(["Cost so far", duration(spent), run ? `of training, ${count(run.num_workers, "trial")} at a time` : "of training, over all trials"]);
    fill(get("cards"), made, () => made.map(([term, fact, more, kind]) => element("div", { className: kind || "" }, element("dt", { textContent: term }), element("dd", {}, fact, element("small", { textContent: more })))));
  };

  const progress = () => {
    const { phase, run, rows: { status: { statuses, num_trials: number } } } = state;
    const parts = Object.entries(statuses).filter(([, size]) => size).map(([kind, size]) => [kind, size, kind]);
    const now = run ? run.running.length : 0;
    const left = run ? Math.max(0, run.num_trials - run.num_done - now) : 0;
    if (now) parts.push(["now", now, "running"]);
    if (left) parts.push(["left", left, "to go"]);
    fill(get("bar"), parts, () => parts.map(([kind, size]) => { const part = element("span", { className: kind }); part.style.flexGrow = size; return part; }));
    fill(get("legend"), parts, () => parts.map(([kind, size, name]) => element("span", {}, kind === "left" ? null : element("i", { className: kind }), `${size.toLocaleString("en")} ${name}`)));
    get("bar").setAttribute("aria-label", `Progress: ${parts.map(([, size, name]) => `${size} ${name}`).join(", ") || "no trial has ended"}`);
    get("bar").hidden = !parts.length;
    const [text, kind] = PHASES[phase];
    setText("phase", text);
    get("phase").className = `badge ${kind}`;
    document.title = run ? `${run.num_done}/${run.num_trials} ${get("subtitle").dataset.name}` : `${number} ${get("subtitle").dataset.name}`;
  };

  const runningTrials = () => {
    const running = state.run ? state.run.running : [];
    get("running").hidden = !running.length;
    const now = Math.floor(Date.now() / 1000);
    const shown = running.map((trial) => [trial.trial_id, trial.label, trial.curve.at(-1) || [0, null], trial.num_steps, duration(Math.max(0, now - trial.started))]);
    fill(get("running").lastChild, shown, () => shown.map(([name, label, [step, value], most, since], index) => {
      const bar = element("div", { className: "bar", ariaHidden: "true" }, element("span", { className: "ok" }), element("span", {}));
      [...bar.children].forEach((part, half) => { part.style.flexGrow = half ? Math.max(0, most - step) : step; });
      const item = element("li", {}, element("span", { textContent: label }), bar, element("small", { textContent: `step ${step.toLocaleString("en")} of ${most.toLocaleString("en")} · ${value === null ? "not evaluated yet" : `val ${measured(value)}`} · ${since} · ${name}` }));
      item.style.borderLeftColor = COLORS[index % COLORS.length]; // as its curve
      return item;
    }));
  };

  const lists = () => {
    const { run, errors, rows: { status } } = state;
    const failures = status.failures.slice(0, 20).map(({ cause, trial_ids: names }) => [cause, names.length, names[0]]);
    get("failures").hidden = !failures.length;
    fill(get("failures").lastChild, failures, () => failures.map(([cause, number, name]) => element("li", {}, `${cause} `, element("small", {}, `${count(number, "trial")}, such as `, trialButton(name)))));
    const notices = [...status.notes, ...(run ? [...run.notices].reverse() : [])];
    get("notices").hidden = !notices.length;
    fill(get("notices").lastChild, notices, () => notices.map((text) => element("li", { textContent: text })));
    get("errors").hidden = !errors.length;
    fill(get("errors"), errors, () => errors.map((text) => element("li", { textContent: text })));
    const { race } = status;
    get("race").hidden = !race;
    if (race) {
      setText("race-title", race.end ? "Race: ended" : `Race: ${race.remaining.length} of ${race.settings.length} configs remain`);
      const finding = get("race").querySelector(".finding");
      const left = race.forecast?.trials;
      finding.textContent = race.sentences[0] + (left ? ` About ${count(left.middle, "more trial")} (95% interval ${left.low} to ${left.high}).` : "");
      fill(get("race").querySelector("tbody"), race.settings, () => race.settings.map((one) => element("tr", { className: one.remains ? "" : "out" },
        element("th", { scope: "row", textContent: one.label }), element("td", { className: "number", textContent: percent(one.val_accuracy) }),
        element("td", { className: "number", textContent: one.num_seeds }), element("td", { textContent: one.state }))));
    }
  };

  const table = () => {
    const values = [...rows.values()];
    setText("empty", values.length ? "" : state.phase === "unknown" ? "No trial has a row here. Start the sweep, and its trials appear." : "No trial has ended yet.");
    get("empty").hidden = values.length > 0;
    if (!values.length) return;
    const titles = shortNames();
    const isNumber = (index) => values.every((row) => row.values[index] === null || typeof row.values[index] === "number");
    const next = [
      { title: "trial", name: "trial_id" }, { title: "status", name: "status" },
      ...fields.map((name, index) => ({ title: titles[index], name, numeric: isNumber(index), digits: null })),
      ...[`val_${objective().name}`, `test_${objective().name}`, "val_loss"].map((name) => ({ title: name.replaceAll("_", " "), name, numeric: true, digits: 4 })),
      { title: "seconds", name: "seconds_total", numeric: true, digits: 1 },
    ];
    if (JSON.stringify(next) !== JSON.stringify(columns)) {
      columns = next;
      get("table")?.remove();
      const head = element("tr", {}, ...columns.map(({ title, numeric }) => element("th", { scope: "col", textContent: title, className: numeric ? "number" : "" })));
      const scroll = element("div", { className: "scroll", tabIndex: 0 }, element("table", {}, element("caption", { textContent: "All trials, the best first; the id opens its details" }), element("thead", {}, head), element("tbody", {})));
      scroll.setAttribute("role", "group");
      scroll.setAttribute("aria-label", "All trials");
      const holder = element("div", { id: "table", className: "interactive" }, scroll);
      get("trials").append(holder);
      show = interactiveTable(holder, columns, open);
    }
    const order = ["ok", "stopped", "diverged", "failed"];
    const score = (row) => (row.val === null ? -Infinity : sign() * row.val);
    values.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status) || (score(a) === score(b) ? (a.trial_id < b.trial_id ? -1 : 1) : score(b) - score(a)));
    show(values.map((row) => [row.trial_id, row.status, ...row.values, row.val, row.test, row.val_loss, row.seconds]));
  };

  const plot = (id, traces, x, more = {}, showlegend = false, title = `validation ${objective().name.replaceAll("_", " ")}`) => {
    const layout = { margin: { l: 56, r: 12, t: 8, b: 44 }, height: 320, hovermode: "closest", dragmode: false, template: plotTemplate(!dark.matches),
      showlegend, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, xaxis: { title: { text: x }, automargin: true, ...more },
      yaxis: { title: { text: title }, automargin: true, tickformat: objective().unit === "share" ? ".1%" : "" } };
    return Plotly.react(get(id), traces, layout, PLOT_CONFIG);
  };
  const plots = () => {
    if (!window.Plotly) return;
    const ended = [...rows.values()].filter((row) => row.ended && row.val !== null && row.status === "ok").sort((a, b) => a.ended - b.ended);
    const running = (state.run ? state.run.running : []).filter((trial) => trial.curve.length);
    const best = state.rows.best_curve;
    get("plots").hidden = !ended.length && !running.length;
    get("ended-figure").hidden = !ended.length;
    get("curves-figure").hidden = !running.length && best.length < 2;
    if (ended.length) {
      let most = -Infinity;
      const line = ended.map((row) => sign() * (most = Math.max(most, sign() * row.val)));
      const kept = ended.map((row, index) => index).filter((index) => ended.length <= MAX_POINTS || index % Math.ceil(ended.length / MAX_POINTS) === 0 || index >= ended.length - 100 || line[index] !== line[index - 1]);
      const x = kept.map((index) => new Date(1000 * ended[index].ended));
      setText("ended-text", `A point for each trial${kept.length < ended.length ? ` (${kept.length.toLocaleString("en")} of ${ended.length.toLocaleString("en")} are drawn)` : ""}; the line is the best so far.`);
      plot("ended", [
        { type: "scatter", mode: "markers", name: "trial", x, y: kept.map((index) => ended[index].val), marker: { color: COLORS[0], size: 6 }, text: kept.map((index) => ended[index].trial_id), hovertemplate: "%{y}<br>%{text}<extra></extra>" },
        { type: "scatter", mode: "lines", name: "best so far", x, y: kept.map((index) => line[index]), line: { color: BEST, width: 2, shape: "hv" }, hoverinfo: "skip" },
      ], "time", { type: "date", nticks: 4, tickangle: 0 });
    }
    if (running.length || best.length > 1) {
      const lines = running.slice(0, 30).map((trial, index) => ({ name: trial.label, x: trial.curve.map(([step]) => step), y: trial.curve.map(([, value]) => value), line: { color: COLORS[index % COLORS.length], width: 2 } }));
      if (best.length > 1) lines.unshift({ name: "best trial", x: best.map(([step]) => step), y: best.map(([, value]) => value), line: { color: BEST, width: 3, dash: "dot" } });
      setText("curves-text", running.length ? `${count(running.length, "trial")} running now, in the colours above${best.length > 1 ? "; dotted: the best trial of the best config" : ""}.` : "The best trial of the best config.");
      plot("curves", lines.map((one) => ({ type: "scatter", mode: one.x.length > 1 ? "lines" : "markers", hovertemplate: "%{y} after %{x} steps<extra>%{fullData.name}</extra>", ...one })), "training steps");
    }
  };

  let next = 0;
  let waiting = false;
  const draw = () => { // as seldom as needed to leave the browser free, and not while the page is hidden
    if (waiting) return;
    waiting = true;
    setTimeout(() => requestAnimationFrame(() => {
      waiting = false;
      if (!state) return;
      const start = performance.now();
      progress(); cards(); runningTrials(); lists(); table(); plots();
      next = performance.now() + Math.max(200, 10 * (performance.now() - start));
    }), Math.max(0, next - performance.now()));
  };

  const open = async (name) => {
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
    const { row, confusion, command, notices } = found;
    const facts = [["status", row.status], [`validation ${objective().name.replaceAll("_", " ")}`, measured(row.val)], [`test ${objective().name.replaceAll("_", " ")}`, measured(row.test)], ["steps", row.steps], ["parameters", row.parameters], ["seconds", row.seconds_total && row.seconds_total.toFixed(1)], ["worker", row.worker], ["error", row.error]];
    const isAccuracy = objective().name === "accuracy";
    const pair = ([term, fact]) => element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: fact }));
    const curve = row.history.filter((point) => point.val !== null || (isAccuracy && point.train_accuracy !== null));
    const heading = (text) => element("h3", { textContent: text });
    const parts = [element("dl", { className: "facts" }, ...facts.filter(([, fact]) => fact !== null && fact !== "–").map(pair))];
    if (curve.length > 1) parts.push(heading("Learning curve"), element("div", { id: "details-curve", className: "live" }));
    if (confusion) parts.push(heading("Confusion on the test split"), element("p", { textContent: confusion.text }), ...(confusion.figure ? [element("div", { id: "details-confusion" })] : []));
    if (row.traceback) parts.push(heading("Traceback"), element("pre", { textContent: row.traceback, tabIndex: 0 }));
    if (notices.length) parts.push(heading("Notices"), ...notices.map((text) => element("p", { textContent: text })));
    parts.push(heading("Run it again"), element("pre", { textContent: command }), heading("Config"));
    parts.push(element("dl", { className: "facts" }, ...Object.entries(row.config).map(([key, value]) => pair([key, typeof value === "string" ? value : JSON.stringify(value)]))));
    content.replaceChildren(...parts);
    if (!window.Plotly) return;
    if (curve.length > 1) {
      const line = (name, key, style) => ({ type: "scatter", mode: "lines", name, x: curve.map((point) => point.step), y: curve.map((point) => point[key]), line: style });
      plot("details-curve", [...(isAccuracy ? [line("train", "train_accuracy", { color: COLORS[0], dash: "dot" })] : []), line("validation", "val", { color: BEST, width: 3 })], "training steps", {}, true, objective().name.replaceAll("_", " "));
    }
    if (confusion && confusion.figure) Plotly.react("details-confusion", confusion.figure.data, { ...confusion.figure.layout, template: plotTemplate(!dark.matches) }, PLOT_CONFIG);
  };

  const connect = () => {
    source?.close();
    source = new EventSource(`events/${place}`);
    const on = (kind, receive) => source.addEventListener(kind, (event) => {
      heard = Date.now();
      get("contact").hidden = true;
      if (event.lastEventId) place = event.lastEventId;
      receive(JSON.parse(event.data));
    });
    on("ping", () => {});
    on("reset", (names) => { rows.clear(); fields = names; });
    on("state", (found) => { state = found; received = Date.now(); draw(); });
    on("rows", (batch) => {
      batch.forEach((row) => (row.status ? rows.set(row.trial_id, row) : rows.delete(row.trial_id)));
      draw();
    });
    source.addEventListener("error", () => { source.close(); lost(); setTimeout(connect, RETRY); });
  };
  const lost = () => {
    if (get("contact").hidden) setText("contact", `No contact with mnist-sweep watch since ${new Date(heard).toLocaleTimeString()}; the page keeps trying. What is shown may be old.`);
    get("contact").hidden = false;
  };
  setInterval(() => {
    if (Date.now() - heard > SILENCE) { heard = Date.now(); lost(); connect(); }
    if (state && !document.hidden) { cards(); runningTrials(); }
  }, 1000);
  get("subtitle").dataset.name = document.title;
  dark.addEventListener("change", draw);
  document.addEventListener("DOMContentLoaded", draw); // Plotly is there
  connect();
})();
