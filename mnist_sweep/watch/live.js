"use strict";
// Draws the live page from server-sent events.
(() => {
  const SILENCE = 25000; // milliseconds without an event after which contact is lost: the server sends one every 10 s
  const RETRY = 2000;
  const PHASES = {
    starting: ["Starting", "running"], running: ["Running", "running"], stopping: ["Stopping: trials write their checkpoints", "running"],
    ended: ["Finished", ""], interrupted: ["Interrupted", "bad"], killed: ["Killed", "bad"], unknown: ["Not running", ""],
  };
  let place = "new";
  let source = null;
  let heard = Date.now();
  let show = null; // shows rows in the table
  let columns = [];

  const trialButton = (name, textContent = name) => {
    const button = element("button", { type: "button", textContent });
    button.addEventListener("click", () => openTrial(name));
    return button;
  };
  const shortNames = () => {
    const last = live.fields.map((name) => name.split(".").pop());
    return live.fields.map((name, index) => (last.filter((one) => one === last[index]).length > 1 ? name : last[index]));
  };

  // What the first look answers: how far, how long yet, what is best, did anything fail, what did it cost.
  const cards = () => {
    const { phase, run, time_left: left, time, rows: { status, best_labels: [label], best_test: test, trial_seconds: spent } } = live.state;
    const passed = now() - time;
    const total = run ? run.num_trials : null;
    const isRunning = phase === "running" || phase === "stopping";
    const ran = run && run.started && (run.ended || isRunning) ? `; ${run.ended ? "ran" : "running"} for ${duration(Math.max(0, (run.ended || now()) - run.started))}` : "";
    const made = [["Progress", run ? `${run.num_done.toLocaleString("en")} of ${total.toLocaleString("en")}` : count(status.num_trials, "trial"), run ? (run.num_done < total ? `${isRunning ? `${run.running.length} running, ` : ""}${count(total - run.num_done - run.running.length, "trial")} not started` : "all trials have ended") : "the number of planned trials is not known"]];
    if (phase === "running" && left) {
      const range = left.low === null ? "too few trials have ended for an interval" : `95% interval ${duration(Math.max(0, left.low - passed))} to ${duration(Math.max(0, left.high - passed))}`;
      made.push(["Time left", duration(Math.max(1, left.seconds - passed)), `expected; ${range}${status.race ? ", if the race takes as many trials as expected" : ""}${ran}`]);
    } else if (isRunning || phase === "starting") {
      made.push(["Time left", "not known yet", phase === "stopping" ? `the run is stopping${ran}` : `no trial of this run has ended${ran}`]);
    } else if (phase === "interrupted" || phase === "killed") {
      made.push(["Run", PHASES[phase][0], `${run && run.error ? `${run.error}; ` : ""}the same command resumes it${ran}`, "bad"]);
    } else {
      made.push(["Run", PHASES[phase][0], phase === "unknown" ? "no run is known to write to this folder" : `every trial has a row${ran}`]);
    }
    const best = status.best[0];
    const seeds = best && best.trial_ids.length > 1 ? `; mean of ${best.trial_ids.length} seeds` : "";
    const tested = test ? `; test ${measured(test[0])}${test[1] === null ? "" : `, 95% interval ${objective().name === "accuracy" ? "for new images " : ""}${measured(test[1])} to ${measured(test[2])}`}` : "";
    made.push([`Best config, validation ${objective().name.replaceAll("_", " ")}`, best ? measured(best.val) : "none yet", best ? `${label}${seeds}${tested}` : "no trial has succeeded"]);
    const { failed, diverged } = status.statuses;
    const also = diverged ? `${count(diverged, "trial")} diverged` : "";
    made.push(["Failures", failed ? count(failed, "trial") : "none", failed ? `${short(status.failures[0].cause)}${also ? `; ${also}` : ""}` : also || "no trial has failed", failed ? "bad" : ""]);
    made.push(["Cost", duration(spent), `of training, summed over trials${run ? `; ${count(run.num_workers, "trial")} at a time` : ""}`]);
    fill(get("cards"), made, () => made.map(([term, fact, more, kind]) => element("div", { className: kind || "" }, element("dt", { textContent: term }), element("dd", {}, fact, element("small", { textContent: more })))));
  };

  const best = () => {
    const { status, best_labels: labels } = live.state.rows;
    const found = status.best.map(({ val, trial_ids: names }, index) => [labels[index], val, names.length, names.map((name) => live.rows.get(name)?.cells[valIndex()] ?? val).sort((a, b) => a - b), names[0]]);
    get("best").hidden = found.length < 2 || Boolean(status.race); // which has a table of its own
    if (get("best").hidden) return;
    const [[, first, number, seeds], [, second, others, more]] = found;
    const spread = Math.max(...[seeds, more].map((one) => one.at(-1) - one[0]));
    const lead = Math.abs(first - second);
    const several = Math.min(number, others) > 1 ? `; seeds of either config differ by up to ${difference(spread)}${lead < spread ? ", so this lead may well be chance" : ""}.` : ", which one seed cannot tell from chance.";
    get("best").querySelector(".finding").textContent = lead > 1e-9 ? `The first leads the second by ${difference(lead)}${several}` : "The first two are equal.";
    fill(get("best").querySelector("tbody"), found, () => found.map(([label, val, size, values, name]) => element("tr", {}, element("th", { scope: "row" }, trialButton(name, label)),
      ...[measured(val), size, size > 1 ? `${measured(values[0])} to ${measured(values.at(-1))}` : "–"].map((textContent) => element("td", { className: "number", textContent })))));
  };

  const progress = () => {
    const { phase, run, rows: { status: { statuses, num_trials: number } } } = live.state;
    const parts = Object.entries(statuses).filter(([, size]) => size).map(([kind, size]) => [kind, size, kind]);
    const now = run ? run.running.length : 0;
    const left = run ? Math.max(0, run.num_trials - run.num_done - now) : 0;
    if (now) parts.push(["now", now, "running"]);
    if (left) parts.push(["left", left, "not started"]);
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
    const running = live.state.run ? live.state.run.running : [];
    get("running").hidden = !running.length;
    if (running.length) setText("running-title", `Running now: ${running.length} of ${count(live.state.run.num_workers, "worker")}`);
    const shown = running.map((trial) => [trial.trial_id, trial.label, trial.step, trial.last, trial.num_steps, duration(Math.max(0, now() - trial.started)), trial.worker]);
    fill(get("running").lastChild, shown, () => shown.map(([name, label, step, last, most, since, worker], index) => {
      const bar = element("div", { className: "bar", ariaHidden: "true" }, element("span", { className: "ok" }), element("span", {}));
      [...bar.children].forEach((part, half) => { part.style.flexGrow = half ? Math.max(0, most - step) : step; });
      const facts = `${worker ? `worker\u00a0${worker} · ` : ""}step ${step.toLocaleString("en")} of ${most.toLocaleString("en")} · ${last || "not evaluated yet"} · ${since} · ${name}`;
      const item = element("li", {}, element("span", { textContent: label }), bar, element("small", { textContent: facts }));
      item.style.borderLeftColor = COLORS[index % COLORS.length]; // as its curve
      return item;
    }));
  };

  const lists = () => {
    const { run, errors, rows: { status } } = live.state;
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
        element("th", { scope: "row", textContent: one.label }), element("td", { className: "number", textContent: measured(one.val) }),
        element("td", { className: "number", textContent: one.num_seeds }), element("td", { textContent: one.state }))));
    }
  };

  const table = () => {
    const rows = [...live.rows.values()];
    setText("empty", rows.length ? "" : live.state.phase === "unknown" ? "No trial has a row here. Start the sweep, and its trials appear." : "No trial has ended yet.");
    get("empty").hidden = rows.length > 0;
    get("more").hidden = !rows.length;
    if (!rows.length || !live.changed) return;
    live.changed = false;
    const titles = shortNames();
    const isNumber = (index) => rows.every(({ cells }) => cells[index + 2] === null || typeof cells[index + 2] === "number");
    const next = [
      { title: "trial", name: "trial_id" }, { title: "status", name: "status" },
      ...live.fields.map((name, index) => ({ title: titles[index], name, numeric: isNumber(index), digits: null })),
      ...[`val_${objective().name}`, `test_${objective().name}`, "val_loss"].map((name) => ({ title: name.replaceAll("_", " "), name, numeric: true, digits: 4 })),
      { title: "seconds", name: "seconds_total", numeric: true, digits: 1 }, { title: "worker", name: "worker" },
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
      show = interactiveTable(holder, columns, openTrial);
    }
    const order = { ok: 0, stopped: 1, diverged: 2, failed: 3 };
    const [better, val] = [sign(), valIndex()];
    const score = (cells) => (cells[val] === null ? -Infinity : better * cells[val]);
    const loss = (cells) => cells[val + 2] ?? Infinity; // orders equal values, as it does in `status`
    const equals = (a, b) => loss(a) - loss(b) || (a[0] < b[0] ? -1 : 1);
    show(rows.map((row) => row.cells).sort((a, b) => order[a[1]] - order[b[1]] || (score(a) === score(b) ? equals(a, b) : score(b) - score(a))));
  };

  const seldom = (part) => { // draws as seldom as needed to leave the browser free, and not while the page is hidden
    let [next, waiting] = [0, false];
    return () => {
      if (waiting) return;
      waiting = true;
      setTimeout(() => requestAnimationFrame(() => {
        waiting = false;
        if (!live.state) return;
        const start = performance.now();
        part();
        next = performance.now() + Math.max(200, 5 * (performance.now() - start));
      }), Math.max(0, next - performance.now()));
    };
  };
  const parts = [() => { progress(); cards(); best(); runningTrials(); lists(); }, table, plots].map(seldom);
  const draw = () => parts.forEach((part) => part());

  const connect = () => {
    source?.close();
    source = new EventSource(`events/${place}`);
    const on = (kind, receive) => source.addEventListener(kind, (event) => {
      heard = Date.now();
      get("contact").hidden = true;
      if (event.lastEventId) place = event.lastEventId;
      receive(JSON.parse(event.data));
    });
    on("ping", (time) => { live.ahead = 1000 * time - Date.now(); });
    on("reset", (names) => { live.rows.clear(); live.fields = names; live.changed = true; });
    on("state", (found) => { live.state = found; draw(); });
    on("rows", (batch) => {
      batch.forEach(([ended, ...cells]) => (cells.length > 1 ? live.rows.set(cells[0], { ended, cells }) : live.rows.delete(cells[0])));
      live.changed = true;
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
    if (live.state && !document.hidden) { cards(); runningTrials(); }
  }, 1000);
  get("subtitle").dataset.name = document.title;
  dark.addEventListener("change", draw);
  connect();
})();
