from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Sweep, run, trial_id
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import runs, saved_plan
from mnist_sweep.runners.protocol import Runner
from tests.conftest import Refused


def predict(folder: Path, trials: Any, *, seconds: float = 9.0) -> None:
    """Leave a prediction of a run of these trials."""
    saved_plan.write(folder / "rates", saved_plan.run_of(map(trial_id, trials), "Instant", 1), seconds)


def test_each_run_adds_a_line_that_says_how_it_ran(tmp_path: Path, sweep: Sweep, instant: Runner) -> None:
    for num_trials in (1, 3):
        run(sweep.with_options(num_trials=num_trials), results=tmp_path, runner=instant)
    lines = runs.read(tmp_path / "rates")
    assert [(line.runner, line.num_workers, line.num_run) for line in lines] == [("Instant", 1, 1), ("Instant", 1, 2)]
    assert len(lines[0].data) == 3  # a digest for each split


def test_a_run_records_what_was_predicted_of_it_and_no_other(tmp_path: Path, sweep: Sweep, instant: Runner) -> None:
    predict(tmp_path, sweep.trials)
    run(sweep.with_options(num_trials=2), results=tmp_path, runner=instant)  # of another sweep
    predict(tmp_path, sweep.trials[2:])
    run(sweep, results=tmp_path, runner=instant)  # of the trial that is missing
    assert [line.predicted_seconds for line in runs.read(tmp_path / "rates")] == [None, 9.0]


def test_a_run_that_ended_early_was_not_predicted(tmp_path: Path, sweep: Sweep, instant: Runner) -> None:
    predict(tmp_path, sweep.trials)
    run(sweep, results=tmp_path, runner=instant, time_budget=1e-6)
    [line] = runs.read(tmp_path / "rates")
    assert (line.num_run, line.predicted_seconds) == (0, None)


def test_a_damaged_prediction_is_named_before_anything_runs(
    tmp_path: Path, sweep: Sweep, instant: Runner, refused: Refused
) -> None:
    predict(tmp_path, sweep.trials)
    (tmp_path / "rates" / saved_plan.FILE).write_text("{")
    with refused(LedgerError, saved_plan.FILE, "delete it"):
        run(sweep, results=tmp_path, runner=instant)
    assert not (tmp_path / "rates" / "rows").exists()


def test_a_run_that_cannot_write_adds_no_line(
    tmp_path: Path, sweep: Sweep, instant: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr("mnist_sweep.results.ledger.Ledger.commit", full)
    with pytest.raises(LedgerError):
        run(sweep, results=tmp_path, runner=instant)
    assert runs.read(tmp_path / "rates") == []
