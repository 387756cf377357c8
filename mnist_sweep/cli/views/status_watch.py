"""The live view of a results folder: what the page of `mnist-sweep watch` shows, in a terminal or as plain lines."""

import contextlib
import time
from collections.abc import Iterator, Mapping

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from mnist_sweep.cli.safe_console import print_lines
from mnist_sweep.cli.streams import has_reader
from mnist_sweep.cli.views import status
from mnist_sweep.cli.views.progress import row_line, running_table
from mnist_sweep.text.numbers import counted, duration
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.watch.feed import Feed
from mnist_sweep.watch.live_state import LiveState

FRAMES_PER_SECOND = 2.0
SECONDS_BETWEEN_HEADLINES = 60.0
EARLY = ("interrupted", "killed")
OVER = (*EARLY, "ended", "unknown")
PHASES = {"stopping": "stopping: trials write their checkpoints", "ended": "finished", "unknown": "no run is known"}


def follow(feed: Feed, console: Console) -> bool:
    """Show a results folder until the run into it has ended; return whether it is complete and no trial failed.

    It ends early if nobody reads what it prints any longer.
    """
    screen, lines = Live(console=console, screen=True, refresh_per_second=FRAMES_PER_SECOND), Lines(console)
    before = None
    with screen if console.is_interactive else contextlib.nullcontext():
        for state in feed.follow():
            if console.is_interactive:
                screen.update(Screen(state))
            else:
                lines.show(state, feed.rows)
            is_over = before in OVER and state.phase in OVER  # what came with the end has been read
            if is_over or not has_reader(console.file):
                break
            before = state.phase
    num_failed = sum(row.status is Status.FAILED for row in feed.rows.values())
    return feed.state.phase not in EARLY and not num_failed


class Screen:
    """A state that fills a terminal of any size: the longest parts are cut until all fit its height."""

    def __init__(self, state: LiveState) -> None:
        self._state = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inner = options.reset_height()
        parts = [console.render_lines(part, inner, pad=False) for part in self._parts(time.time())]
        kept = [len(lines) for lines in parts]
        while sum(kept) > (options.height or options.size.height) and max(kept) > 1:
            kept[kept.index(max(kept))] -= 1
        for lines, number in zip(parts, kept, strict=True):
            is_cut = number < len(lines)
            for line in lines[: number - is_cut]:
                yield from line
                yield Segment.line()
            if is_cut:
                yield Text(f"  … {counted(len(lines) - number + 1, 'more line')}", style="dim")

    def _parts(self, now: float) -> Iterator[RenderableType]:
        state, run = self._state, self._state.run
        yield Text(headline(state, now), style="bold")
        if run:
            yield ProgressBar(total=run.num_trials, completed=run.num_done)
        yield from (Text(error, style="red") for error in state.errors)
        yield Text(best(state))
        if run and run.running:
            yield Text(f"running: {len(run.running)} of {counted(run.num_workers, 'worker')}", style="bold")
            yield running_table(run.running, now)
        yield from [*status.parts(state.rows.status)][1:]  # the headline has its first line
        if run and run.notices:
            yield Text("\n".join(reversed(run.notices)), style="dim")


class Lines:
    """Prints a line for whatever changes: a row, a notice, the phase; and a headline once a minute."""

    def __init__(self, console: Console) -> None:
        self._console, self._rows = console, dict[str, TrialRow]()
        self._lines, self._phase, self._next = tuple[str, ...](), "", 0.0

    def show(self, state: LiveState, rows: Mapping[str, TrialRow]) -> None:
        """Print how a state differs from the one before."""
        new = [row for name, row in rows.items() if self._phase and self._rows.get(name) is not row]
        lines = (*state.errors, *(state.run.notices if state.run else ()))
        printed = [row_line(row, state.rows.status.fields) for row in new]
        printed += [line for line in lines if line not in self._lines]
        if self._phase != state.phase or (printed and time.monotonic() >= self._next):
            printed += [headline(state, time.time()), best(state)]
            self._next = time.monotonic() + SECONDS_BETWEEN_HEADLINES
        self._phase, self._rows, self._lines = state.phase, dict(rows), lines
        print_lines(self._console, *printed)


def headline(state: LiveState, now: float) -> str:
    """Return how far a run is, what went wrong, how long it still takes, and what it has cost."""
    run, rows = state.run, state.rows
    done = (
        f"{run.num_done:,} of {counted(run.num_trials, 'trial')}" if run else counted(rows.status.num_trials, "trial")
    )
    parts = [f"{PHASES.get(state.phase, state.phase)}: {done}"]
    parts += [f"{number:,} {name}" for name, number in rows.status.statuses.items() if number and name != "ok"]
    if run and run.started and (run.ended or state.phase in ("running", "stopping")):
        passed = duration(max(0.0, (run.ended or now) - run.started))
        parts.append(f"took {passed}" if run.ended else f"{passed} so far")
    if state.time_left:
        parts.append(state.time_left.text(now - state.time))
    cost = [f"{duration(rows.trial_seconds)} of training"]
    return " · ".join(parts + cost + ([run.error] if run and run.error else []))


def best(state: LiveState) -> str:
    """Return the best config with its interval."""
    rows, measure = state.rows, state.rows.status.objective
    if not rows.status.best:
        return "no trial has succeeded yet"
    config = rows.status.best[0]
    seeds = f", mean of {len(config.trial_ids)} seeds" if len(config.trial_ids) > 1 else ""
    test = ""
    if rows.best_test:
        new = " for new images" if measure.is_accuracy else ""
        test = f"; test {measure.text(rows.best_test[0])}, {measure.interval(*rows.best_test[1:])}{new}"
    return f"best val {measure.title} {measure.text(config.val)} ({rows.best_labels[0]}{seeds}){test}"
