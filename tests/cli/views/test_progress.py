import io
from typing import Any

import pytest
from rich.console import Console

from mnist_sweep.cli.views.progress import Live, Log, evaluation_line, for_console, row_line
from mnist_sweep.trials.events import (
    Notice,
    RaceForecast,
    RowCommitted,
    RunEnded,
    RunInterrupted,
    RunStarted,
    TrialEvaluated,
    TrialRetried,
    TrialStarted,
    WorkersReady,
)
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

CONFIGS = {
    name: {"data": "digits", "model": "cnn", "optimizer": "adam", "num_steps": 100, "model.dropout": rate}
    for name, rate in [("a", 0.0), ("b", 0.5), ("c", 0.7)]
}
READY, END = WorkersReady(num_workers=2), RunEnded(num_run=1, error=None, can_write=True)


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)


def text(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def row(trial_id: str, **figures: Any) -> TrialRow:
    values: dict[str, Any] = {"config_id": "x", "status": Status.OK, "config": CONFIGS[trial_id]}
    return TrialRow(trial_id=trial_id, **values | figures)


def begun(*names: str) -> RunStarted:
    return RunStarted(rows=tuple(map(row, names)), num_trials=3, fields=("model.dropout",))


def started(name: str) -> TrialStarted:
    return TrialStarted(trial_id=name, config=CONFIGS[name])


def evaluated(name: str, **figures: Any) -> TrialEvaluated:
    values: dict[str, Any] = {"train_loss": 1, "train_accuracy": 0.5, "val_loss": 1, "val_accuracy": 0.5}
    values |= {"step": 50, "learning_rate": 0.1, "seconds": 1} | figures
    return TrialEvaluated(trial_id=name, evaluation=Evaluation(**values))


def ended(name: str, **figures: Any) -> RowCommitted:
    return RowCommitted(row=row(name, **figures))


def send(listener: Any, *events: Any) -> None:
    for event in events:
        listener.on_event(event)


def test_a_log_has_one_plain_line_for_each_finished_trial() -> None:
    shown = console(terminal=False)
    good = ended("b", val_accuracy=0.9, test_accuracy=0.8, seconds_total=1.25)
    bad = ended("c", status=Status.FAILED, error="ValueError: [bold]x")
    send(Log(shown), begun("a"), READY, started("b"), evaluated("b"), good, bad, END)
    assert text(shown).splitlines() == [
        "3 trials, 1 done before, 2 to run, 2 at a time",
        "2/3 ok       val 0.9000 test 0.8000 1.2 s dropout=0.5 (b)",
        "3/3 failed   dropout=0.7 (c) ValueError: [bold]x",
    ]


@pytest.mark.parametrize("kind", [Log, Live])
def test_a_trial_that_runs_alone_shows_its_learning_curve(kind: Any) -> None:
    shown = console(terminal=kind is Live)
    points = evaluated("c", val_loss=None, val_accuracy=None), evaluated("c", step=100)
    send(kind(shown), begun("a", "b"), READY, started("c"), *points, END)
    lines = [line for line in text(shown).splitlines() if "cross-entropy" in line]
    assert "step 50, learning rate 0.1, cross-entropy 1.0000, accuracy 0.5000, 1.0 s" in lines[0]
    assert "accuracy 0.5000, val cross-entropy 1.0000 accuracy 0.5000, 1.0 s" in lines[1]


def test_metrics_that_own_training_code_does_not_report_are_left_out() -> None:
    unknown = dict.fromkeys(("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate"))
    for known, shown in {"val_accuracy": "val accuracy 0.5000", "train_accuracy": "accuracy 0.5000"}.items():
        point = evaluated("c", **unknown | {known: 0.5}).evaluation
        assert evaluation_line(point, "loss") == f"step 50, {shown}, 1.0 s"


@pytest.mark.parametrize("kind", [Log, Live])
def test_what_the_user_should_know_stays_on_the_screen_whenever_it_comes(kind: Any) -> None:
    shown = console(terminal=kind is Live)
    interrupts = RunInterrupted(out_of_time=False), RunInterrupted(out_of_time=True)
    retried = TrialRetried(trial_id="b", config=CONFIGS["b"], cause="out of memory")
    send(kind(shown), Notice(text="[b]efore"), begun(), retried, *interrupts, END, Notice(text="after"))
    for part in (
        "[b]efore",
        "dropout=0.5 (b) is retried: out of memory",
        "interrupt again to stop at once",
        "the time budget is used up",
        "after",
    ):
        assert part in text(shown)


def test_the_live_view_shows_done_running_failed_best_and_time_left() -> None:
    shown = console(terminal=True)
    live = Live(shown)
    send(live, begun())
    shown.print(live._view())
    assert "starting the workers" in text(shown)
    send(live, READY, started("a"), started("b"), evaluated("b", val_accuracy=0.625))
    send(live, ended("a", val_accuracy=0.875, test_accuracy=0.8), started("c"))
    send(live, RaceForecast(text="2 of 3 configs remain", num_trials=4))
    send(live, ended("c", status=Status.FAILED, error="OSError: no"))
    shown.print(live._view())
    send(live, END)
    seen = text(shown)
    parts = ["2/4", "1 failed", "best val 0.8750 (dropout=0)", "about 0:00 left", "step 50/100", "val 0.6250", "0:00"]
    for part in [*parts, "dropout=0.5"]:
        assert part in seen
    assert seen.count("2 of 3 configs remain") > 1
    assert "failed   dropout=0.7 (c) OSError: no" in seen


def test_the_live_view_leaves_the_cursor_as_it_was() -> None:
    shown = console(terminal=True)
    send(Live(shown), begun(), READY, END)
    assert text(shown).rindex("\x1b[?25h") > text(shown).rindex("\x1b[?25l")


def test_a_terminal_gets_the_live_view_and_a_file_the_log() -> None:
    assert isinstance(for_console(console(terminal=True)), Live)
    assert isinstance(for_console(console(terminal=False)), Log)


def test_a_terminal_that_cannot_be_redrawn_gets_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(for_console(console(terminal=True)), Log)


def test_many_running_trials_leave_room_for_the_rest() -> None:
    shown = Console(file=io.StringIO(), force_terminal=True, width=80, height=12, color_system=None)
    live = Live(shown)
    names = [str(number) for number in range(64)]
    many = (TrialStarted(trial_id=name, config=CONFIGS["a"]) for name in names)
    send(live, RunStarted(rows=(), num_trials=64, fields=()), WorkersReady(num_workers=64), *many)
    assert len(shown.render_lines(live._view())) <= 6
    send(live, END)


def test_a_line_leaves_out_what_a_trial_does_not_have() -> None:
    assert row_line(row("a", status=Status.DIVERGED), ["model.dropout"]) == "diverged dropout=0 (a)"
