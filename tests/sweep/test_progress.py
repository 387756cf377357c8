import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from mnist_sweep.sweep.progress import Live, Log, Quiet, Work, for_console, line
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

MakeRow = Callable[..., TrialRow]


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)


def text(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


@pytest.fixture
def flats() -> dict[str, dict[str, Any]]:
    base = {"data": "digits", "model": "cnn", "optimizer": "adam", "schedule": "constant", "num_steps": 100}
    return {name: {**base, "model.dropout": rate} for name, rate in [("a", 0.0), ("b", 0.5), ("c", 0.7)]}


def row(trial_id: str, flat: dict[str, Any], **figures: Any) -> TrialRow:
    return TrialRow(**{"trial_id": trial_id, "config_id": "x", "status": Status.OK, "config": flat} | figures)


def work(flats: dict[str, dict[str, Any]], *done: TrialRow) -> Work:
    return Work(flats=flats, done=done, num_trials=3, num_workers=2, names=["model.dropout"])


def point(step: int, val_accuracy: float) -> Evaluation:
    return Evaluation(
        step=step,
        train_loss=1,
        train_accuracy=0.5,
        val_loss=1,
        val_accuracy=val_accuracy,
        learning_rate=0.1,
        seconds=1,
    )


def test_a_log_has_one_plain_line_for_each_finished_trial(flats: dict[str, dict[str, Any]]) -> None:
    shown = console(terminal=False)
    with Log(shown) as log:
        log.begin(work(flats, row("a", flats["a"])))
        log.started("b")
        log.evaluated("b", point(50, 0.5))
        log.finished(row("b", flats["b"], val_accuracy=0.9, test_accuracy=0.8, seconds_total=1.25))
        log.finished(row("c", flats["c"], status=Status.FAILED, error="ValueError: [bold]x"))
    assert text(shown).splitlines() == [
        "3 trials, 1 done before, 2 to run, 2 at a time",
        "2/3 ok       val 0.9000 test 0.8000 1.2 s dropout=0.5 (b)",
        "3/3 failed   dropout=0.7 (c) ValueError: [bold]x",
    ]


@pytest.mark.parametrize("kind", [Log, Live])
def test_a_trial_that_runs_alone_shows_its_learning_curve(flats: dict[str, dict[str, Any]], kind: Any) -> None:
    shown = console(terminal=kind is Live)
    with kind(shown) as progress:
        progress.begin(work(flats, *(row(name, flats[name]) for name in "ab")))
        progress.started("c")
        progress.evaluated("c", point(50, 0.5)._replace(val_loss=None, val_accuracy=None))
        progress.evaluated("c", point(100, 0.5))
    lines = [line for line in text(shown).splitlines() if "cross-entropy" in line]
    assert "step 50, learning rate 0.1, cross-entropy 1.0000, accuracy 0.5000, 1.0 s" in lines[0]
    assert "accuracy 0.5000, val cross-entropy 1.0000 accuracy 0.5000, 1.0 s" in lines[1]


def test_the_live_view_tells_done_running_failed_best_and_time_left(flats: dict[str, dict[str, Any]]) -> None:
    shown = console(terminal=True)
    with Live(shown) as live:
        live.begin(work(flats))
        live.started("a")
        live.started("b")
        live.evaluated("b", point(50, 0.625))
        live.finished(row("a", flats["a"], val_accuracy=0.875, test_accuracy=0.8))
        live.started("c")
        live.finished(row("c", flats["c"], status=Status.FAILED, error="OSError: no"))
        shown.print(live._view())
    seen = text(shown)
    for part in ["2/3", "1 failed", "best val 0.8750 (dropout=0)", "left", "step 50/100", "val 0.6250", "dropout=0.5"]:
        assert part in seen
    assert "failed   dropout=0.7 (c) OSError: no" in seen


def test_quiet_shows_nothing(flats: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    with Quiet() as quiet:
        quiet.begin(work(flats))
        quiet.finished(row("a", flats["a"]))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_the_live_view_and_a_file_the_log() -> None:
    assert isinstance(for_console(console(terminal=True)), Live)
    assert isinstance(for_console(console(terminal=False)), Log)


def test_a_line_leaves_out_what_a_trial_does_not_have(flats: dict[str, dict[str, Any]]) -> None:
    assert line(row("a", flats["a"], status=Status.DIVERGED), ["model.dropout"]) == "diverged dropout=0 (a)"
