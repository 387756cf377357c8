"""The state of a run in `live.json`, for those who watch it from outside; derived, so that nothing depends on it.

A file that is damaged or cannot be read raises LedgerError; one that cannot be written is left out.
"""

import contextlib
import dataclasses
import json
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mnist_sweep.system.atomic_files import read_json, replacing
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.names import label
from mnist_sweep.trials import events
from mnist_sweep.trials.row import Status, TrialRow, rank
from mnist_sweep.validation import coerce

if TYPE_CHECKING:
    from mnist_sweep.statistics.time_left import TimeLeft

FILE, MAX_BYTES = "live.json", 4 << 20
SECONDS_BETWEEN, MAX_TIME_SHARE = 0.5, 0.005
MAX_POINTS, NUM_NOTICES = 100, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTrial:
    """A trial that a worker is running.

    Attributes:
        trial_id, label, num_steps: Its id, what tells it from others, and its training steps.
        started: Since when, in Unix seconds.
        worker: The process that runs it, as in rows (`host:process id`); empty while it is not known.
        step, last: When it was evaluated last, and the value, as `val 0.9300`; empty before.
        curve: Step and validation value of its evaluations.
    """

    trial_id: str
    label: str
    num_steps: int
    started: float
    worker: str = ""
    step: int = 0
    last: str = ""
    curve: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        coerce(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """The state of a run.

    Attributes:
        phase: `running`; `stopping`, while its trials write their checkpoints; or `ended`.
        started, ended: When its workers were ready, and when it ended, in Unix seconds; 0 before.
        num_trials: Trials of the sweep; of a search at most, of a race as expected.
        num_done: Those that have rows.
        num_workers: Trials at a time.
        fields: The fields in which the trials of the sweep differ.
        running: The trials that run now.
        notices: The last lines that the run has reported.
        error: What ended it before its last trial, in one line; None for nothing, or an interrupt.
    """

    phase: Literal["running", "stopping", "ended"] = "running"
    started: float = 0.0
    ended: float = 0.0
    num_trials: int = 0
    num_done: int = 0
    num_workers: int = 0
    fields: tuple[str, ...] = ()
    running: tuple[RunningTrial, ...] = ()
    notices: tuple[str, ...] = ()
    error: str | None = None

    def __post_init__(self) -> None:
        coerce(self)


def read(folder: Path) -> LiveRun | None:
    """Return the state of the last run into a results folder; None if there was none, or one of an earlier version."""

    def live_run(*, running: Sequence[Mapping[str, Any]], **others: Any) -> LiveRun:
        return LiveRun(running=tuple(RunningTrial(**trial) for trial in running), **others)

    return read_json(folder / FILE, live_run, max_bytes=MAX_BYTES, way_out="delete it, no result depends on it")


class LiveRunState:
    """A listener that keeps the state of a run, and the `best` of the sweep's rows (None before) and `num_failed`."""

    def __init__(self) -> None:
        self._run, self._running = LiveRun(), dict[str, RunningTrial]()
        self.best: TrialRow | None = None
        self.num_failed, self._ends = 0, list[float]()

    @property
    def run(self) -> LiveRun:
        """The state of the run."""
        return dataclasses.replace(self._run, running=tuple(self._running.values()))

    def time_left(self) -> "TimeLeft | None":
        """Return the time that the run still takes; None if no trial has ended."""
        from mnist_sweep.statistics.time_left import time_left  # loads SciPy

        run, now = self._run, time.time()
        num_left, num_workers = run.num_trials - run.num_done, run.num_workers
        return time_left(self._ends, started=run.started, now=now, num_left=num_left, num_workers=num_workers)

    def on_event(self, event: events.Event) -> None:
        """Update the state with an event."""
        match event:
            case events.RunStarted(rows=rows, num_trials=num_trials, fields=fields):
                self._replace(num_trials=num_trials, num_done=len(rows), fields=fields)
                self._add(*rows)
            case events.WorkersReady(num_workers=num_workers):
                self._replace(num_workers=num_workers, started=time.time())
            case events.TrialStarted(trial_id=name, config=config) | events.TrialRetried(trial_id=name, config=config):
                title, num_steps = label(config, self._run.fields), config["num_steps"]
                trial = RunningTrial(trial_id=name, label=title, num_steps=num_steps, started=time.time())
                self._running[name] = trial
            case events.TrialPlaced(trial_id=name) | events.TrialEvaluated(trial_id=name) if name in self._running:
                self._running[name] = _followed(self._running[name], event)
            case events.TrialPaused(trial_id=name):
                self._running.pop(name, None)
            case events.RowCommitted(row=row):
                self._running.pop(row.trial_id, None)
                self._replace(num_done=self._run.num_done + 1)
                self._ends.append(time.time())
                self._add(row)
            case events.RunInterrupted():
                self._replace(phase="stopping")
            case events.RunEnded(error=error):
                self._running.clear()
                is_fault = error is not None and not isinstance(error, KeyboardInterrupt)
                self._replace(
                    phase="ended", ended=time.time(), error=first_cause(error) if error and is_fault else None
                )
        if isinstance(event, events.Notice | events.RaceForecast | events.TrialRetried):
            num_trials = event.num_trials if isinstance(event, events.RaceForecast) else self._run.num_trials
            notices = (*self._run.notices, notice_line(event, self._run.fields))[-NUM_NOTICES:]
            self._replace(num_trials=num_trials, notices=notices)

    def _add(self, *rows: TrialRow) -> None:
        for row in rows:
            self.num_failed += row.status is Status.FAILED
            if row.status is Status.OK and row.val is not None:
                self.best = min(self.best or row, row, key=rank)

    def _replace(self, **changes: Any) -> None:
        self._run = dataclasses.replace(self._run, **changes)


def _followed(trial: RunningTrial, event: events.TrialPlaced | events.TrialEvaluated) -> RunningTrial:
    if isinstance(event, events.TrialPlaced):
        return dataclasses.replace(trial, worker=event.worker)
    point, curve = event.evaluation, trial.curve
    if point.val is not None and math.isfinite(point.val):
        curve = (*(curve[1::2] if len(curve) >= MAX_POINTS else curve), (point.step, point.val))
    values = {"val": point.val, "train": point.train_accuracy}
    last = next((f"{split} {known:.4f}" for split, known in values.items() if known is not None), "")
    return dataclasses.replace(trial, step=point.step, last=last, curve=curve)


class LiveRunWriter:
    """A listener that writes the state of a run, at most twice a second, in a thread: no trial waits for it."""

    def __init__(self, folder: Path) -> None:
        self._path, self._state, self._has_changed = folder / FILE, LiveRunState(), False
        self._lock, self._end = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._write_often, name=FILE, daemon=True)

    def on_event(self, event: events.Event) -> None:
        """Update the state with an event; write it when the workers are ready and when the run has ended."""
        with self._lock:
            self._has_changed = True
            self._state.on_event(event)
        if isinstance(event, events.WorkersReady):
            self._write()
            if not self._thread.is_alive():  # a runner may start workers anew
                self._thread.start()
        if isinstance(event, events.RunEnded) and self._thread.is_alive():
            self._end.set()
            self._thread.join()
            if event.can_write:
                self._write()

    def _write_often(self) -> None:
        pause = SECONDS_BETWEEN
        while not self._end.wait(pause):
            start = time.thread_time()  # on a busy machine, much less than the time that passes
            if self._has_changed:
                self._write()
            pause = max(SECONDS_BETWEEN, (time.thread_time() - start) / MAX_TIME_SHARE)

    def _write(self) -> None:
        with self._lock:
            self._has_changed, run = False, self._state.run
        content = json.dumps(dataclasses.asdict(run), separators=(",", ":")).encode()
        with contextlib.suppress(OSError), replacing(self._path, durable=False) as file:  # a row reports a full disk
            file.write(content)


def notice_line(
    event: events.Notice | events.RaceForecast | events.TrialRetried | events.RunInterrupted, fields: Sequence[str]
) -> str:
    """Return what the user should know in one line."""
    if isinstance(event, events.TrialRetried):
        return f"{label(event.config, fields)} ({event.trial_id}) is retried: {event.cause}"
    return event.text
