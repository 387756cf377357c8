"""Laws of an outcome: what counts as complete, and that its other forms hold the same rows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_sweep import (
    GradientDescent,
    Local,
    Outcome,
    Softmax,
    Status,
    Sweep,
    TrialConfig,
    TrialRow,
    config_id,
    grid,
    repeat,
    run,
    select,
    trial_id,
)
from mnist_sweep.sweep.outcome import best_config
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.trials.config import to_flat

MakeRow = Callable[..., TrialRow]


def outcome(make_row: MakeRow, statuses: list[Status], num_trials: int = 3) -> Outcome:
    trials = grid(TrialConfig(), {"seed": [*range(num_trials)]})
    rows = tuple(make_row(trial, status=status) for trial, status in zip(trials, statuses, strict=False))
    return Outcome(folder=Path("results/mine"), rows=rows, num_trials=num_trials, num_run=len(rows), seconds=1.0)


@pytest.mark.parametrize(
    ("statuses", "num_failed", "complete"),
    [
        ([Status.OK, Status.OK, Status.OK], 0, True),
        ([Status.OK, Status.STOPPED, Status.DIVERGED], 0, True),
        ([Status.OK, Status.OK, Status.FAILED], 1, False),
        ([Status.OK, Status.OK], 0, False),
    ],
)
def test_a_sweep_is_complete_if_every_trial_has_a_row_that_did_not_fail(
    make_row: MakeRow, statuses: list[Status], num_failed: int, complete: bool
) -> None:
    found = outcome(make_row, statuses)
    assert (found.num_failed, found.complete) == (num_failed, complete)


def test_the_study_and_the_result_grid_hold_its_rows(make_row: MakeRow) -> None:
    found = outcome(make_row, [Status.OK, Status.STOPPED, Status.OK])
    ids = [row.trial_id for row in found.rows]
    study, results = found.to_study(), found.to_result_grid()
    assert study.study_name == "mine"
    assert [trial.user_attrs["trial_id"] for trial in study.trials] == ids
    assert [results[place].metrics["trial_id"] for place in range(len(results))] == ids


BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=4, evaluate_every=2)


def folder_with(row: TrialRow, path: Path) -> ResultsFolder:
    folder = ResultsFolder(path)
    folder.rows[row.trial_id] = row
    return folder


def test_the_best_is_the_selected_config_with_its_median_seed_and_its_model(tmp_path: Path) -> None:
    rates = Sweep(name="rates", trials=repeat(grid(BASE, {"optimizer.learning_rate": [0.1, 0.2, 0.4]}), seeds=3))
    outcome = run(rates, results=tmp_path, runner=Local(workers=1))
    best, chosen = outcome.best, select(outcome.folder)
    assert best is not None
    assert config_id(best.config) == chosen.config_id
    assert best.val == pytest.approx(chosen.val_mean)
    assert best.test == pytest.approx(chosen.test_mean)
    assert best.values == {"optimizer.learning_rate": best.config.optimizer.learning_rate}
    assert trial_id(best.config) == best.trial_ids[1]
    assert best.model == outcome.folder / "models" / f"{best.trial_ids[1]}.keras"
    assert list((outcome.folder / "models").iterdir()) == [best.model]
    again = run(rates, results=tmp_path, runner=Local(workers=1))
    assert again.best == best


def test_there_is_none_where_no_trial_succeeded(tmp_path: Path) -> None:
    failed = TrialRow(trial_id="a-0", config_id="a", status=Status.FAILED, config=to_flat(BASE))
    assert best_config({"a-0": BASE}, folder_with(failed, tmp_path)) is None


def test_its_model_is_none_if_it_was_not_kept(tmp_path: Path) -> None:
    row = TrialRow(trial_id="a-0", config_id="a", status=Status.OK, config=to_flat(BASE), val_accuracy=0.5)
    best = best_config({"a-0": BASE}, folder_with(row, tmp_path))
    assert best is not None
    assert (best.model, best.test, best.values, best.trial_ids) == (None, None, {}, ("a-0",))
