"""When each worker was busy, and the share of time in which it was idle."""

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mnist_sweep.reports.blocks import Plot, Section, Table, columns_of
from mnist_sweep.reports.plotly_figures import BLUE, bars, figure, literal
from mnist_sweep.reports.report_data import Results
from mnist_sweep.results.runs import RunRecord
from mnist_sweep.results.runs import read as read_runs
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.trials.row import TrialRow

PAUSE = 20.0
MAX_BARS = 1500
MAX_WORKERS = 64


class Span(NamedTuple):
    """An interval of time, in seconds."""

    start: float
    end: float


class Timeline(NamedTuple):
    """The work of a sweep's workers, in seconds since the first trial, without pauses.

    A pause is more than PAUSE seconds in which no worker ran a trial, as between two runs.

    Attributes:
        work: The trials of each worker, in order, one at a time.
        available: Seconds of all workers, as many between two pauses as ran trials at a time.
        length: Duration of the whole timeline.
    """

    work: Mapping[str, Sequence[Span]]
    available: float
    length: float

    @property
    def idle(self) -> float:
        """The share of the available time in which workers ran no trial, in [0, 1]."""
        return max(0.0, 1 - sum(map(busy, self.work.values())) / self.available) if self.available else 0.0


def section(results: Results) -> Section | None:
    """Return the timeline of workers with their idle share; None if fewer than two rows have a start time.

    A worker is a process here: one that was replaced, or that of another run, is another worker, which is there only
    when the first one has gone.
    """
    timed = [row for row in results.rows if row.started is not None and row.seconds_total and row.worker]
    if len(timed) < 2:
        return None
    found = worker_timeline(timed, read_runs(results.folder))
    shown, most = [*found.work][:MAX_WORKERS], at_a_time(itertools.chain(*found.work.values()))
    finding = (
        f"{counted(len(timed), 'trial')} ran in {duration(found.length)}, at most {most:,} at a time; "
        f"workers were idle {found.idle:.1%} of the time."
    )
    missing = len(results.rows) - len(timed)
    finding += f" Left out: {counted(missing, 'trial')} without a start time." if missing else ""
    drawing, table = _figure(found, shown), _table(found, shown)
    plot = Plot(title="Trials of each worker", finding=_legend(found, shown), figure=drawing, table=table)
    return Section(key="timeline", title="Were the workers busy?", finding=finding, blocks=[plot])


def worker_timeline(rows: Sequence[TrialRow], runs: Sequence[RunRecord] = ()) -> Timeline:
    """Return the timeline of rows with a start time, with workers in the order of their first trial.

    A trial has not begun before the run in which it ended, as far as `runs` are known.
    """
    trials = _trials(rows, [Span(_seconds(run.started), _seconds(run.ended) + 1) for run in runs])
    periods = merge([span for span, _ in trials], PAUSE)
    ends, available, length = [period.end for period in periods], 0.0, 0.0
    work = defaultdict[str, list[Span]](list)
    for number, of_period in itertools.groupby(trials, key=lambda trial: bisect.bisect_left(ends, trial[0].start)):
        period, spans = periods[number], list[Span]()
        for (start, end), worker in of_period:
            spans.append(Span(length + (start - period.start), length + (end - period.start)))
            work[worker].append(spans[-1])
        available += at_a_time(spans) * (period.end - period.start)
        length += period.end - period.start
    return Timeline(dict(work), available, length)


def at_a_time(spans: Iterable[Span]) -> int:
    """Return the largest number of spans that overlap."""
    spans = [*spans]
    changes = sorted([(span.start, 1) for span in spans] + [(span.end, -1) for span in spans])
    return max(itertools.accumulate(change for _, change in changes))


def busy(spans: Iterable[Span]) -> float:
    """Return the time in spans, in seconds."""
    return sum(end - start for start, end in spans)


def merge(ordered: Sequence[Span], gap: float) -> list[Span]:
    """Join spans, ordered by their start, that are at most `gap` seconds apart."""
    joined: list[Span] = []
    for span in ordered:
        if joined and span.start <= joined[-1].end + gap:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _trials(rows: Sequence[TrialRow], runs: Sequence[Span]) -> list[tuple[Span, str]]:
    """Return the span and the worker of each trial, ordered by start.

    The row of a trial that was paused has a start as if it had not been. Its span begins when its last worker's trial
    before it ended, or when the run began.
    """
    trials, free_since = [], defaultdict[str, float](float)
    for row in sorted(rows, key=_end):
        worker, end = row.worker or "", _end(row)
        begun = max((run.start for run in runs if run.start <= end <= run.end), default=0.0)
        trials.append((Span(max(row.started or 0.0, free_since[worker], begun), end), worker))
        free_since[worker] = end
    return sorted(trials)


def _seconds(utc: str) -> float:
    """Return a time of a run in Unix seconds; 0 if it is not a valid time."""
    try:
        return datetime.fromisoformat(utc).timestamp()
    except ValueError:
        return 0.0


def _end(row: TrialRow) -> float:
    return (row.started or 0.0) + (row.seconds_total or 0.0)


def _legend(found: Timeline, shown: Sequence[str]) -> str:
    text = f"Each bar is a trial, each gap is idle time. Pauses of all workers longer than {PAUSE:g} s are cut out."
    omitted = len(found.work) - len(shown)
    return text + (f" Only the first {len(shown)} workers are drawn; {omitted:,} more are not." if omitted else "")


def _drawn(found: Timeline, shown: Sequence[str]) -> list[tuple[str, Span]]:
    """Return the worker and the span of each bar, with bars joined across the smallest gaps if there are too many."""
    drawn = [(worker, span) for worker in shown for span in found.work[worker]]
    gap = found.length / 5000
    while len(drawn) > MAX_BARS:
        drawn = [(worker, span) for worker in shown for span in merge(found.work[worker], gap)]
        gap *= 2
    return drawn


def _figure(found: Timeline, shown: Sequence[str]) -> Any:
    drawn = _drawn(found, shown)
    return figure(
        bars(
            y=[literal(worker) for worker, _ in drawn],
            base=[round(span.start, 3) for _, span in drawn],
            x=[round(span.end - span.start, 3) for _, span in drawn],
            marker={"color": BLUE, "line": {"width": 0.5, "color": "rgba(128, 128, 128, 0.8)"}},
            hovertemplate="%{y}: trial from %{base:.1f} s on<extra></extra>",
        ),
        x="seconds, without pauses",
        y="",
        height=120 + 22 * len(shown),
        yaxis_autorange="reversed",
        yaxis_type="category",
        barmode="overlay",
        bargap=0.25,
        meta={"y": "worker"},
    )


def _table(found: Timeline, shown: Sequence[str]) -> Table:
    return Table(
        caption="Workers",
        columns=columns_of("worker", ("trials", 0), ("busy seconds", 1)),
        rows=[[worker, len(found.work[worker]), busy(found.work[worker])] for worker in shown],
    )
