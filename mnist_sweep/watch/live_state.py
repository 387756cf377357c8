"""What the live page shows besides the rows: a summary of them, and the run with its forecast."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mnist_sweep.analysis.folder_status import FolderStatus, folder_status
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.statistics.intervals import half_width_of_mean, interval_of_sum, wilson_interval
from mnist_sweep.statistics.time_left import TimeLeft, time_left
from mnist_sweep.sweep.live_run import LiveRun
from mnist_sweep.system.folder_lock import held_since
from mnist_sweep.text.names import label
from mnist_sweep.trials.row import TrialRow

MAX_POINTS = 100  # of a curve
Phase = Literal["starting", "running", "stopping", "ended", "interrupted", "killed", "unknown"]
Interval = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsSummary:
    """A summary of a folder's rows.

    Attributes:
        status: As of `mnist-sweep status --json`, with the fields of the run besides those in which rows differ.
        best_labels: These fields of the best configs but the seed, in words.
        best_test: The best config's mean value on test and its 95% interval, as mean, low and high; None if it was not
            measured. The interval is for new images if that is the accuracy; else for these, NaN for one seed.
        best_curve: Step and validation value of the evaluations of the best config's best trial.
        trial_seconds: Time that the trials took together.
        ends: When they ended, in Unix seconds.
    """

    status: FolderStatus
    best_labels: tuple[str, ...]
    best_test: Interval | None
    best_curve: tuple[tuple[int, float], ...]
    trial_seconds: float
    ends: tuple[float, ...] = field(metadata={"json": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """The state of a results folder, and of the run into it.

    Attributes:
        phase: `starting`: the run's workers are not ready. `running`. `stopping`: its trials write their checkpoints.
            `ended`. `interrupted`: it ended before its last trial. `killed`: it did not
            record its end. `unknown`: there was no run, or one of an earlier version.
        rows: A summary of the rows.
        run: The last run; None if it is unknown.
        time_left: Time that the run still takes; None if it does not run, or none of its trials has ended.
        errors: What is wrong with files of the folder, in lines.
        time: When this was so, in Unix seconds by the watching machine's clock.
    """

    phase: Phase
    rows: RowsSummary
    run: LiveRun | None
    time_left: TimeLeft | None
    errors: tuple[str, ...]
    time: float


def summary(rows: Mapping[str, TrialRow], folder: Path, fields: Sequence[str] = ()) -> RowsSummary:
    """Return a summary of a folder's rows, in which the trials of a run differ in these fields.

    Raises:
        LedgerError: The file of a race, or the row of the best trial, is damaged.
    """
    status = folder_status([*rows.values()], folder, fields)
    best = status.best[0].trial_ids if status.best else ()
    shown = [name for name in status.fields if name != "seed"]
    curve = Ledger(folder).row(best[0]).history if best else ()
    points = [(point.step, point.val) for point in curve if point.val is not None]
    known = [row for row in rows.values() if row.started is not None and row.seconds_total is not None]
    return RowsSummary(
        status=status,
        best_labels=tuple(label(rows[one.trial_ids[0]].config, shown) for one in status.best),
        best_test=_test_interval([rows[name] for name in best]),
        best_curve=tuple(points[:: -(-len(points) // MAX_POINTS) or 1]),
        trial_seconds=math.fsum(row.seconds_total or 0.0 for row in known),
        ends=tuple((row.started or 0.0) + (row.seconds_total or 0.0) for row in known),
    )


def phase_of(run: LiveRun | None, folder: Path) -> Phase:
    """Return the phase of the last run into a folder."""
    since = held_since(folder)
    if since is not None and (run is None or since > run.started):
        return "starting"
    if run is None:
        return "unknown"
    if run.phase != "ended":
        return "killed" if since is None else run.phase
    return "interrupted" if run.error or run.num_done < run.num_trials else "ended"


def as_of(phase: Phase, run: LiveRun | None, rows: Mapping[str, TrialRow]) -> LiveRun | None:
    """Return a run as it is in a phase, with these rows.

    One that was killed has left running trials behind that run no longer; and a row may be newer than the run's state.
    """
    if run is None:
        return None
    known = [(trial, rows.get(trial.trial_id)) for trial in run.running]
    running = tuple(trial for trial, row in known if row is None or (row.started or 0.0) < run.started)
    num_done = run.num_done + len(known) - len(running)
    return dataclasses.replace(run, num_done=num_done, running=running if phase in ("running", "stopping") else ())


def time_left_of(run: LiveRun, rows: RowsSummary, now: float) -> TimeLeft | None:
    """Return the time that a run still takes, from the trials that have ended in it."""
    ends, num_left = [end for end in rows.ends if end >= run.started], run.num_trials - run.num_done
    return time_left(ends, started=run.started, now=now, num_left=num_left, num_workers=max(1, run.num_workers))


def _test_interval(rows: Sequence[TrialRow]) -> Interval | None:
    """Return the mean value on test of a config's trials, and its interval, as `select` does."""
    known = [(row.test, row.num_test) for row in rows if row.test is not None and row.num_test]
    if not known:
        return None
    values, num_test, measure = [value for value, _ in known], known[0][1], rows[0].measure
    mean, ends = statistics.fmean(values), list[tuple[float, float]]()
    if measure.is_accuracy:
        lows, highs = wilson_interval([value * num_test for value in values], num_test)
        ends.append((float(lows.mean()), float(highs.mean())))
    if len({*values}) > 1:
        half = float(half_width_of_mean(statistics.stdev(values), len(values)))
        ends.append((mean - half, mean + half))
    return mean, *(measure.clipped(*interval_of_sum(mean, *ends)) if ends else (math.nan, math.nan))
