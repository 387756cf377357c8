"""Progress of a run: a live view in a terminal, or a plain line for each finished trial in a log; both listeners."""

import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mnist_sweep.cli.safe_console import print_lines
from mnist_sweep.sweep.live_run import LiveRun, LiveRunState, RunningTrial, notice_line
from mnist_sweep.text.names import label, loss_title
from mnist_sweep.text.numbers import clock, counted
from mnist_sweep.trials import events
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

NOT_STARTED = events.RunStarted(rows=(), num_trials=0, fields=())


class _Progress:
    """A listener that prints what stays on the screen: notices, and the learning curve of a trial that runs alone."""

    def __init__(self, console: Console) -> None:
        self._console, self._run, self._state, self._loss = console, NOT_STARTED, LiveRunState(), ""

    def on_event(self, event: events.Event) -> None:
        """Update the state with an event, and print what stays on the screen."""
        self._state.on_event(event)
        match event:
            case events.RunStarted():
                self._run = event
            case events.TrialStarted(config=config):
                self._loss = loss_title(config)
            case events.TrialEvaluated() if self._run.num_missing == 1:
                print_lines(self._console, evaluation_line(event.evaluation, self._loss, self._run.measure.title))
            case events.Notice() | events.TrialRetried() | events.RaceForecast() | events.RunInterrupted():
                print_lines(self._console, notice_line(event, self._run.fields))


class Log(_Progress):
    """Prints a plain line for each finished trial, too."""

    def on_event(self, event: events.Event) -> None:
        """Print what has happened."""
        super().on_event(event)
        run = self._state.run
        if isinstance(event, events.WorkersReady):
            trials, num_missing = counted(run.num_trials, "trial"), self._run.num_missing
            line = f"{trials}, {run.num_done} done before, {num_missing} to run, {run.num_workers} at a time"
            print_lines(self._console, line)
        elif isinstance(event, events.RowCommitted):
            print_lines(self._console, f"{run.num_done}/{run.num_trials} {row_line(event.row, self._run.fields)}")


class Live(_Progress):
    """Redraws trials done, running, failed, the best so far, a race and the time left a few times a second."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live, self._race = RichLive(console=console, transient=True, get_renderable=self._view), ""

    def on_event(self, event: events.Event) -> None:
        """Change what is shown; failures and notices stay on the screen."""
        super().on_event(event)
        match event:
            case events.RunStarted():
                self._live.start()
            case events.RowCommitted(row=row):
                if row.status is Status.FAILED:
                    print_lines(self._console, row_line(row, self._run.fields), style="red")
            case events.RaceForecast(text=text):
                self._race = text
            case events.RunEnded():
                self._live.stop()

    def _view(self) -> RenderableType:
        run = self._state.run
        if not run.num_workers:
            return Text("starting the workers …", style="dim")
        head = Table.grid(padding=(0, 1))
        head.add_row(ProgressBar(total=run.num_trials, completed=run.num_done, width=30), Text(self._headline(run)))
        best = self._state.best
        line = f"best val {best.val:.4f} ({label(best.config, self._run.fields)})" if best else ""
        more = [Text(line) for line in (line, self._race) if line]
        return Group(head, *more, running_table(run.running[: max(1, self._console.height - 8)], time.time()))

    def _headline(self, run: LiveRun) -> str:
        failed = f"{self._state.num_failed} failed" if self._state.num_failed else ""
        left = self._state.time_left()
        return " · ".join(filter(None, (f"{run.num_done}/{run.num_trials}", failed, left.text() if left else "")))


def for_console(console: Console) -> events.Listener:
    """Return the progress that suits a console."""
    return Live(console) if console.is_interactive else Log(console)


def running_table(trials: Sequence[RunningTrial], now: float) -> Table:
    """Return running trials with worker, step, last value and time at a moment, in Unix seconds.

    A worker on the only machine is its process id.
    """
    table, hosts = Table.grid(padding=(0, 2)), {trial.worker.rpartition(":")[0] for trial in trials if trial.worker}
    for trial in trials:
        worker = trial.worker if len(hosts) > 1 else trial.worker.rpartition(":")[2]
        cells = f"step {trial.step}/{trial.num_steps}", trial.last, clock(max(0.0, now - trial.started))
        table.add_row(Text(worker or "…"), *map(Text, cells), Text(trial.label, style="dim"))
    return table


def evaluation_line(point: Evaluation, loss: str, objective: str = "accuracy") -> str:
    """Return a point of a learning curve in one line, as the classic logging hooks printed it, with the validation."""
    train = {loss: point.train_loss, "accuracy": point.train_accuracy}
    val = {loss: point.val_loss, "accuracy": point.val_accuracy, objective: point.val}
    rate = [] if point.learning_rate is None else [f"learning rate {point.learning_rate:.4g}"]
    validation = [f"val {' '.join(_known(val))}"] if _known(val) else []
    return ", ".join([f"step {point.step}", *rate, *_known(train), *validation, f"{point.seconds:.1f} s"])


def _known(metrics: dict[str, float | None]) -> list[str]:
    return [f"{name} {value:.4f}" for name, value in metrics.items() if value is not None]


def row_line(row: TrialRow, fields: Sequence[str]) -> str:
    """Return a row in one line: status, accuracies, time, what tells the trial from others, and its id."""
    parts = [f"{row.status.value:8}"]
    if row.val is not None and row.test is not None:
        parts.append(f"val {row.val:.4f} test {row.test:.4f}")
    elif row.status is Status.STOPPED:
        parts.append(f"val {row.val:.4f} at step {row.steps}")
    if row.seconds_total is not None:
        parts.append(f"{row.seconds_total:.1f} s")
    parts += [label(row.config, fields), f"({row.trial_id})", *([row.error] if row.error else [])]
    return " ".join(parts)
