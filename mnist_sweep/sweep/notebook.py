"""What a notebook shows of a run: one output that changes while the run lasts, and then its outcome.

The output is a display of IPython, which every notebook has, so that neither widgets nor a server are needed. A front
end without HTML shows its first line.
"""

import contextlib
import importlib
import threading
import warnings
from collections.abc import Container, Iterator, Sequence
from typing import Any

from markupsafe import Markup

from mnist_sweep.sweep.live_run import LiveRun, LiveRunState
from mnist_sweep.text.html_fragments import curves, paragraphs, strip, table
from mnist_sweep.text.names import label
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials import ranking
from mnist_sweep.trials.events import Event, RowCommitted, RunEnded, RunInterrupted, RunStarted
from mnist_sweep.trials.row import Status, TrialRow

SECONDS_BETWEEN, NUM_BEST, NUM_CURVES, NUM_LINES = 0.5, 10, 100, 5
STARTING = "starting the workers …"


class NotebookView:
    """Shows a run as one output of its cell, changed at most twice a second; a listener."""

    def __init__(self) -> None:
        with warnings.catch_warnings(), contextlib.suppress(ImportError):
            warnings.filterwarnings("ignore", "IProgress not found")  # Ray and Optuna import it and need no widgets
            importlib.import_module("tqdm.auto")
        self._handle: Any = importlib.import_module("IPython.display").DisplayHandle()
        self._state, self._lock, self._end = LiveRunState(), threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._show_often, name="notebook", daemon=True)
        self._failures, self._shown = list[str](), dict[str, str]()
        self._stop, self._stopping = "ended early", ""

    def on_event(self, event: Event) -> None:
        """Update the state with an event; show at once that a run starts, stops and has ended."""
        with self._lock:
            self._state.on_event(event)
            self._update(event)
            if isinstance(event, RunStarted):
                self._handle.display({"text/plain": STARTING}, raw=True)
                self._thread.start()
            if isinstance(event, RunInterrupted | RunEnded):
                self._show()
        if isinstance(event, RunEnded):
            self._end.set()

    def _update(self, event: Event) -> None:
        match event:
            case RunStarted(rows=rows):
                for row in rows:
                    self._add(row)
            case RowCommitted(row=row):
                self._add(row)
            case RunInterrupted(out_of_time=out_of_time):
                self._stop, self._stopping = "out of time" if out_of_time else "interrupted", event.text

    def _add(self, row: TrialRow) -> None:
        if row.status is Status.FAILED:
            self._failures.append(f"failed: {label(row.config, self._state.run.fields)} ({row.trial_id}): {row.error}")

    def _show_often(self) -> None:
        while not self._end.wait(SECONDS_BETWEEN):
            with self._lock:
                self._show()

    def _show(self) -> None:
        """Show the run if what there is to show has changed; whoever calls this holds the lock."""
        run = self._state.run
        line = " · ".join(self._headline(run))
        page = Markup('<progress value="{}" max="{}"></progress> {}\n').format(run.num_done, run.num_trials, line)
        if run.running:
            cells = [(one.label, f"{one.step:,} of {one.num_steps:,}", one.last) for one in run.running]
            page += table(["running", "step", "last value"], cells)
        page += paragraphs([*self._failures[-NUM_LINES:], *run.notices[-NUM_LINES:]])
        bundle = {"text/html": page, "text/plain": line}
        if bundle != self._shown:
            self._handle.update(bundle, raw=True)
        self._shown = bundle

    def _headline(self, run: LiveRun) -> Iterator[str]:
        yield f"{run.num_done:,} of {counted(run.num_trials, 'trial')}"
        if self._state.num_failed:
            yield f"{self._state.num_failed:,} failed"
        if row := self._state.best:
            name = label(row.config, self._state.run.fields)
            yield f"best validation {row.measure.title} {row.measure.text(row.val or 0.0)} ({name})"
        if run.error:
            yield f"ended by an error: {run.error}"
        elif run.phase == "ended" and run.num_done < run.num_trials:
            yield f"{self._stop}: the same cell runs the rest"
        elif run.phase == "stopping":
            yield self._stopping
        elif run.phase == "running" and not run.num_workers:
            yield STARTING
        elif run.phase == "running" and (left := self._state.time_left()):
            yield left.text()


def outcome(
    rows: Sequence[TrialRow], sentences: Sequence[str], fields: Sequence[str], dropped: Container[str] = ()
) -> str:
    """Return a sweep's rows as HTML: sentences, the best configs with their seeds, learning curves, failures.

    Configs that a race has dropped come last.
    """
    page, results = paragraphs(sentences), ranking.selected_first(ranking.by_config(rows).values(), dropped)
    if results:
        measure = results[0].measure
        text, title = measure.text, f"validation {measure.title}"
        names, best = [name for name in fields if name != "seed"], results[:NUM_BEST]
        values = [[row.val or 0.0 for row in one.rows] for one in best]
        ends, cells = (min(map(min, values)), max(map(max, values))), []
        for one, seeds in zip(best, values, strict=True):
            test = "" if one.test is None else text(one.test)
            dots = strip(seeds, *ends, f"{title} of each seed")
            cells.append((label(one.rows[0].config, names), len(seeds), text(one.val), dots, test))
        heads = f"best of {counted(len(results), 'config')}", "seeds", title, f"from {text(ends[0])} to {text(ends[1])}"
        page += table([*heads, "test"], cells)
        history = [one.median_seed.history for one in reversed(results[:NUM_CURVES])]
        lines = [[(point.step, point.val) for point in points if point.val is not None] for points in history]
        if lines[-1]:
            caption = f"A line for each config: {title} of its median seed by training step; the best one is blue."
            edge = measure.edge(value for line in lines for _, value in line)
            caption += "" if edge is None else f" Values worse than {text(edge)} are drawn there."
            drawn = [[(step, measure.no_worse(value, edge)) for step, value in line] for line in lines if line]
            page += curves(drawn, caption) + paragraphs([caption])
    failures = [f"failed: {row.trial_id}: {row.error}" for row in rows if row.status is Status.FAILED]
    return str(page + paragraphs(failures[:NUM_LINES]))
