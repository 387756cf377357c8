import contextlib
import itertools
import locale
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import (
    CNN,
    GradientDescent,
    Keep,
    Local,
    Softmax,
    Sweep,
    TrialConfig,
    WandB,
    grid,
    plan,
    read_history,
    read_summary,
    read_trials,
    run,
    trial_id,
)
from mnist_sweep.errors import ConfigError, DataError, LedgerError, SweepError
from mnist_sweep.results import runs
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.row_validation import KINDS
from mnist_sweep.trials.artifacts import Retention
from mnist_sweep.trials.row import Status, rank
from tests.conftest import Figures, Refused

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=4, evaluate_every=2)
RATES = [0.1, 0.2, 0.4]


def sweep(rates: Sequence[float] = RATES) -> Sweep:
    return Sweep(name="rates", trials=grid(BASE, {"optimizer.learning_rate": rates}))


@dataclass(frozen=True)
class Counting:
    """The local runner, with a note of what it was asked to run, and whether it could start something in advance."""

    asked: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def ahead(self) -> Iterator["Counting"]:
        self.asked.append("ahead")
        yield self

    def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
        self.asked.extend(trials)
        Local(in_process=True).run(trials, datasets, observer, artifacts=options["artifacts"])


def nothing() -> Any:
    """A user's data set that forgot to return."""


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (folder / "rows").iterdir()}


def test_every_trial_gets_a_row_and_the_tables_tell_them(tmp_path: Path) -> None:
    outcome = run(sweep(), results=tmp_path, runner=Local(in_process=True))
    assert outcome.complete
    assert [row.trial_id for row in outcome.rows] == [trial_id(trial) for trial in sweep().trials]
    assert list(read_trials(outcome.folder)["optimizer.learning_rate"]) == RATES
    assert list(read_history(outcome.folder)["step"]) == [2, 4] * 3
    assert list(read_summary(outcome.folder)["n"]) == [1, 1, 1]


def test_a_folder_that_was_moved_is_continued(tmp_path: Path) -> None:
    before = run(sweep([0.1]), results=tmp_path / "here", runner=Local(in_process=True))
    moved = (tmp_path / "here").rename(tmp_path / "there")
    after = run(sweep([0.1, 0.2]), results=moved, runner=Local(in_process=True))
    assert (after.num_run, after.rows[0]) == (1, before.rows[0])


def nameless(*_: object, **__: object) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_decimal_comma_and_a_host_name_that_nobody_knows_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(sweep([0.1]), results=tmp_path / "plain", runner=Local(in_process=True))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr"):
        monkeypatch.setattr(socket, name, nameless)
    before = locale.setlocale(locale.LC_ALL)
    try:
        with contextlib.suppress(locale.Error):  # this machine may have no such locale
            locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
        other = run(sweep([0.1]), results=tmp_path / "other", runner=Local(in_process=True))
        assert read_history(other.folder)["train_loss"].equals(read_history(plain.folder)["train_loss"])
        assert read_trials(other.folder)["val_loss"].equals(read_trials(plain.folder)["val_loss"])
    finally:
        locale.setlocale(locale.LC_ALL, before)


def test_a_clock_that_steps_back_makes_no_negative_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count(2e9, -3600)
    monkeypatch.setattr(time, "time", lambda: next(times))
    outcome = run(sweep([0.1]), results=tmp_path, runner=Local(in_process=True))
    seconds = [getattr(row, name) for row in outcome.rows for name in KINDS if name.startswith("seconds_")]
    seconds += [point.seconds for row in outcome.rows for point in row.history]
    assert min(*seconds, *(one.seconds for one in runs.read(outcome.folder))) >= 0


def test_a_second_run_trains_nothing_and_changes_no_row(tmp_path: Path) -> None:
    first = run(sweep(), results=tmp_path, runner=Local(in_process=True))
    before, runner = stamps(first.folder), Counting()
    second = run(sweep(), results=tmp_path, runner=runner)
    assert (second.num_run, runner.asked, second.rows) == (0, [], first.rows)
    assert stamps(first.folder) == before


def test_a_longer_axis_runs_the_new_trials_only(tmp_path: Path) -> None:
    first, runner = run(sweep(), results=tmp_path, runner=Local(in_process=True)), Counting()
    before = stamps(first.folder)
    longer = run(sweep([0.05, *RATES]), results=tmp_path, runner=runner)
    assert runner.asked == ["ahead", trial_id(sweep([0.05]).trials[0])]
    assert before.items() <= stamps(first.folder).items()
    assert (len(longer.rows), longer.num_run) == (4, 1)


def test_a_run_that_broke_off_is_finished_with_the_same_table(tmp_path: Path, figures: Figures) -> None:
    class BrokenError(Exception):
        pass

    class Breaking(Counting):
        def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
            some = dict(list(trials.items())[:2])
            Local(in_process=True).run(some, datasets, observer)
            raise BrokenError

    whole = run(sweep(), results=tmp_path / "whole", runner=Local(in_process=True))
    with pytest.raises(BrokenError):
        run(sweep(), results=tmp_path / "broken", runner=Breaking())
    broken = tmp_path / "broken" / "rates"
    assert len(read_trials(broken)) == 2
    before = stamps(broken)
    run(sweep(), results=tmp_path / "broken", runner=Local(in_process=True))
    assert before.items() <= stamps(broken).items()
    assert figures(broken) == figures(whole.folder)


def test_what_a_killed_run_left_half_written_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = run(sweep(RATES[:1]), results=tmp_path, runner=Local(in_process=True)).folder
    mine = [folder / ".gitignore", folder / "rows" / ".mine-1", folder / "notes" / "a.json-7"]
    left = [folder / ".trials.csv-7", folder / "rows" / ".0123-0.json-7", folder / "checkpoints" / ".0123-0.ckpt-7"]
    for path in (*mine, *left):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    run(sweep(), results=tmp_path, runner=Local(in_process=True))
    assert [path.exists() for path in (*mine, *left)] == [True] * 3 + [False] * 3


def test_a_failed_row_runs_again_only_when_asked(tmp_path: Path) -> None:
    trial = replace(BASE, model=Fickle())
    failing = Sweep(name="fickle", trials=[trial])
    Fickle.fails = True
    first = run(failing, results=tmp_path, runner=Local(in_process=True))
    assert [row.status for row in first.rows] == [Status.FAILED]
    assert not first.complete
    Fickle.fails = False
    assert run(failing, results=tmp_path, runner=Local(in_process=True)).num_run == 0
    again = run(failing, results=tmp_path, runner=Local(in_process=True), retry=[Status.FAILED])
    assert (again.num_run, again.complete) == (1, True)


@dataclass(frozen=True)
class Fickle:
    """A user's model that fails at times."""

    fails = False

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        if self.fails:
            raise ValueError("not today")
        return Softmax().build(image_shape, num_classes)


@pytest.mark.parametrize(
    ("trial", "error"),
    [
        (replace(BASE, batch_size=2000), ConfigError),
        (replace(BASE, model=CNN(filters=(1,) * 7)), ConfigError),
        (replace(BASE, data=nothing), DataError),
    ],
)
def test_a_trial_that_cannot_run_stops_the_sweep_before_anything_is_written(
    tmp_path: Path, trial: TrialConfig, error: type[Exception]
) -> None:
    with pytest.raises(error):
        run(Sweep(name="bad", trials=[BASE, trial]), results=tmp_path / "results", runner=Local(in_process=True))
    assert list(tmp_path.iterdir()) == []


def test_only_a_sweep_is_run_or_planned(tmp_path: Path) -> None:
    unsuited: Any = "sweeps/quickstart.py"
    trials: Any = [BASE] * 9
    for function in (run, plan):
        with pytest.raises(ConfigError, match="`sweep is a Sweep` must hold, but got sweep='sweeps/"):
            function(unsuited, results=tmp_path / "results")
        with pytest.raises(ConfigError, match=r"got sweep=\[TrialConfig\(.{,300}…\.$"):
            function(trials, results=tmp_path / "results")


@pytest.mark.parametrize("runner", ["local", Local])
def test_only_an_instance_of_a_runner_runs_or_is_planned_for(tmp_path: Path, runner: Any) -> None:
    for function in (run, plan):
        with pytest.raises(ConfigError, match=r"runner is an instance of a runner, such as Local\(\) or RayTune\(\)"):
            function(Sweep(name="a", trials=[BASE]), results=tmp_path / "results", runner=runner)
    assert list(tmp_path.iterdir()) == []


def exiting() -> Any:
    """A user's data set that exits."""
    sys.exit(0)


@dataclass(frozen=True)
class Checking:
    """A user's model whose check exits."""

    def check(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        os._exit(0)

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        return Softmax().build(image_shape, num_classes)


class Connecting(WandB):
    """A user's tracker that exits."""

    def connect(self, sweep: str, folder: Path) -> Any:
        sys.exit(0)


class Forgetful(Counting):
    """A runner that runs nothing."""

    def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
        observer.ready(1)


@pytest.mark.parametrize(
    ("trial", "options", "message"),
    [
        (replace(BASE, data=exiting), {"runner": Local(in_process=True)}, "SystemExit: 0 (test_execution.py:"),
        (replace(BASE, data=exiting), {"runner": Local()}, "the data source exiting raised SystemExit: 0 (test_exec"),
        (replace(BASE, model=Checking()), {}, "ProcessExitError: os._exit(0) (test_execution.py:"),
        (BASE, {"listeners": [Connecting(project="p")]}, "SystemExit: 0 (test_execution.py:"),
        (BASE, {"runner": Forgetful()}, "the runner Forgetful ended without rows of 1 trial."),
    ],
)
def test_no_exit_and_no_runner_ends_a_run_without_rows_and_an_error(
    tmp_path: Path, refused: Refused, trial: TrialConfig, options: Any, message: str
) -> None:
    with refused(SweepError, message):
        run(Sweep(name="exits", trials=[trial]), results=tmp_path / "results", **options)


def test_an_exit_handler_does_not_hide_that_rows_are_missing(tmp_path: Path) -> None:
    code = """
import atexit, os
from mnist_sweep import run
from tests.sweep.test_execution import Forgetful, sweep
atexit.register(lambda: os._exit(0))
run(sweep(), runner=Forgetful())
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert ended.returncode not in (0, None), ended.stderr
    assert "the runner Forgetful ended without rows of 3 trials" in ended.stderr


def test_a_results_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be"):
        run(sweep(), results=tmp_path / "file", runner=Local(in_process=True))


def test_rows_of_other_settings_stay_and_are_in_the_tables(tmp_path: Path) -> None:
    run(sweep([0.1]), results=tmp_path, runner=Local(in_process=True))
    other = run(sweep([0.2]), results=tmp_path, runner=Local(in_process=True))
    assert len(other.rows) == 1
    assert len(Ledger(other.folder).rows()) == len(read_trials(other.folder)) == 2


@pytest.mark.parametrize(("models", "num_kept"), [("best", 1), ("all", 3), ("none", 0)])
def test_models_are_kept_as_asked_and_the_best_one_is_that_of_the_best_row(
    tmp_path: Path, models: Retention, num_kept: int
) -> None:
    outcome = run(sweep(), results=tmp_path, runner=Local(in_process=True), keep=Keep(models=models))
    kept = Ledger(outcome.folder).models()
    assert len(kept) == num_kept
    assert num_kept == 0 or min(outcome.rows, key=rank).trial_id in kept


def test_a_better_trial_takes_the_place_of_the_kept_model_and_a_worse_one_does_not(tmp_path: Path) -> None:
    for rates, best in [([0.2], 0.2), ([0.2, 0.001], 0.2), ([0.2, 0.001, 1.0], 1.0)]:
        outcome = run(sweep(rates), results=tmp_path, runner=Local(in_process=True))
        expected = {trial_id(trial) for trial in sweep([best]).trials}
        assert min(outcome.rows, key=rank).trial_id in expected
        assert set(Ledger(outcome.folder).models()) == expected


def test_a_run_into_a_folder_that_was_deleted_keeps_its_best_model_again(tmp_path: Path) -> None:
    for _ in range(2):
        outcome = run(sweep([0.2]), results=tmp_path, runner=Local(in_process=True))
        assert len(Ledger(outcome.folder).models()) == 1
        shutil.rmtree(outcome.folder)


def test_rows_of_before_are_not_counted_as_run_again(tmp_path: Path) -> None:
    assert run(sweep(), results=tmp_path, runner=Local(in_process=True)).num_run == 3
    again = run(sweep(), results=tmp_path, runner=Local(in_process=True), retry=[Status.OK], time_budget=1e-6)
    assert (again.num_run, again.out_of_time, len(again.rows)) == (0, True, 3)


def test_summaries_lie_beside_the_rows_and_change_no_figure(tmp_path: Path, figures: Figures) -> None:
    plain = run(sweep(), results=tmp_path / "plain", runner=Local(in_process=True))
    shown = run(sweep(), results=tmp_path / "shown", runner=Local(in_process=True), keep=Keep(summaries="full"))
    assert figures(shown.folder) == figures(plain.folder)
    logs = {path.name for path in (shown.folder / "logs").iterdir()}
    rows = zip(RATES, shown.rows, strict=True)
    assert logs == {"sweep.tfevents", *(f"learning_rate={rate} {row.trial_id}" for rate, row in rows)}
    assert not (plain.folder / "logs").exists()
