"""Progress of a run: a live view in a terminal, a plain line for each finished trial in a log."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mnist_sweep.text.names import Flat, label
from mnist_sweep.text.numbers import clock, counted
from mnist_sweep.trials.row import Evaluation, Status, TrialRow


class Work(NamedTuple):
    """What there is to do.

    Attributes:
        flats: The flat configs of all trials by id; a search adds to them as it goes.
        done: The rows that were there before.
        num_trials: How many trials there will be in the end at the most.
        num_workers: How many run at a time.
        names: The fields by which people tell the trials apart.
    """

    flats: Mapping[str, Flat]
    done: Sequence[TrialRow]
    num_trials: int
    num_workers: int
    names: Sequence[str]

    @property
    def is_one_trial(self) -> bool:
        """Whether one trial runs alone, so that all of its learning curve is shown."""
        return self.num_trials - len(self.done) == 1


class Progress(Protocol):
    """What a run shows meanwhile; a context that lasts as long as the run."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, work: Work) -> None:
        """Note what there is to do."""

    def started(self, trial_id: str) -> None:
        """Note that a trial has started."""

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Note a point of a running trial's learning curve."""

    def noted(self, text: str) -> None:
        """Note what the user should know, in one line."""

    def finished(self, row: TrialRow) -> None:
        """Note a trial's row."""


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show nothing."""

    def begin(self, work: Work) -> None:
        """Show nothing."""

    def started(self, trial_id: str) -> None:
        """Show nothing."""

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Show nothing."""

    def noted(self, text: str) -> None:
        """Show nothing."""

    def finished(self, row: TrialRow) -> None:
        """Show nothing."""


class Log(Quiet):
    """Prints a plain line for each finished trial.

    Attributes:
        console: Where the lines go.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    def begin(self, work: Work) -> None:
        """Print how much there is to do."""
        self._work, self._num_done = work, len(work.done)
        to_run = work.num_trials - self._num_done
        trials = counted(work.num_trials, "trial")
        self._print(f"{trials}, {self._num_done} done before, {to_run} to run, {work.num_workers} at a time")

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Print a point of the learning curve if no other trial runs."""
        if self._work.is_one_trial:
            self._print(point_line(evaluation))

    def noted(self, text: str) -> None:
        """Print what the user should know."""
        self._print(text)

    def finished(self, row: TrialRow) -> None:
        """Print the row in one line."""
        self._num_done += 1
        self._print(f"{self._num_done}/{self._work.num_trials} {line(row, self._work.names)}")

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


class Live:
    """Redraws trials done, running, failed, the best so far and the time left a few times a second.

    Attributes:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._running: dict[str, Evaluation | None] = {}
        self._rows: list[TrialRow] = []
        self._work: Work | None = None
        self._live = RichLive(console=console, transient=True, get_renderable=self._view)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, work: Work) -> None:
        """Note what there is to do."""
        self._work, self._rows, self._start = work, list(work.done), time.monotonic()

    def started(self, trial_id: str) -> None:
        """Add a running trial."""
        self._running[trial_id] = None

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Show where a running trial is, and all of its learning curve if no other trial runs."""
        self._running[trial_id] = evaluation
        if self._work and self._work.is_one_trial:
            self.console.print(point_line(evaluation), markup=False, highlight=False, soft_wrap=True)

    def noted(self, text: str) -> None:
        """Let a line stay on the screen."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def finished(self, row: TrialRow) -> None:
        """Take a trial off the running ones; a failure stays on the screen."""
        self._running.pop(row.trial_id, None)
        self._rows.append(row)
        if row.status is Status.FAILED and self._work:
            self.console.print(Text(line(row, self._work.names), style="red"), soft_wrap=True)

    def _view(self) -> RenderableType:
        if not self._work:
            return Text("starting the workers …", style="dim")
        work, num_done = self._work, len(self._rows)
        head = Table.grid(padding=(0, 1))
        head.add_row(ProgressBar(total=work.num_trials, completed=num_done, width=30), Text(self._headline(work)))
        running = Table.grid(padding=(0, 2))
        for trial_id, evaluation in list(self._running.items())[: work.num_workers]:
            flat = work.flats[trial_id]
            step = f"step {evaluation.step if evaluation else 0}/{flat['num_steps']}"
            accuracy = _shown_accuracy(evaluation) if evaluation else ""
            running.add_row(Text(step), Text(accuracy), Text(label(flat, work.names), style="dim"))
        return Group(head, running)

    def _headline(self, work: Work) -> str:
        num_done, num_before = len(self._rows), len(work.done)
        num_failed = sum(row.status is Status.FAILED for row in self._rows)
        ended = (row for row in self._rows if row.status is Status.OK and row.val_accuracy is not None)
        best = max(ended, key=_accuracy, default=None)
        parts = [f"{num_done}/{work.num_trials}"] + [f"{num_failed} failed"] * bool(num_failed)
        if best:
            parts.append(f"best val {best.val_accuracy:.4f} ({label(best.config, work.names)})")
        if num_done > num_before:
            each = (time.monotonic() - self._start) / (num_done - num_before)
            parts.append(f"{clock(each * (work.num_trials - num_done))} left")
        return " · ".join(parts)


def point_line(point: Evaluation) -> str:
    """Return a point of a learning curve in one line: what the classic logging hooks showed, and the validation."""
    parts = [
        f"step {point.step}",
        f"learning rate {point.learning_rate:.4g}",
        f"cross-entropy {point.train_loss:.4f}",
        f"accuracy {point.train_accuracy:.4f}",
    ]
    if point.val_accuracy is not None:
        parts.append(f"val cross-entropy {point.val_loss:.4f} accuracy {point.val_accuracy:.4f}")
    return ", ".join([*parts, f"{point.seconds:.1f} s"])


def _shown_accuracy(point: Evaluation) -> str:
    return f"train {point.train_accuracy:.4f}" if point.val_accuracy is None else f"val {point.val_accuracy:.4f}"


def line(row: TrialRow, names: Sequence[str]) -> str:
    """Return a row in one line: status, accuracies, time, what is special about it, and its id."""
    parts = [f"{row.status.value:8}"]
    if row.val_accuracy is not None and row.test_accuracy is not None:
        parts.append(f"val {row.val_accuracy:.4f} test {row.test_accuracy:.4f}")
    elif row.status is Status.STOPPED:
        parts.append(f"val {row.val_accuracy:.4f} at step {row.steps}")
    if row.seconds_total is not None:
        parts.append(f"{row.seconds_total:.1f} s")
    parts += [label(row.config, names), f"({row.trial_id})"]
    return " ".join(parts + [row.error] * bool(row.error))  # type: ignore[list-item]


def for_console(console: Console) -> Progress:
    """Return the progress that suits a console."""
    return Live(console) if console.is_terminal else Log(console)


def _accuracy(row: TrialRow) -> Any:
    return row.val_accuracy
