"""Laws of a run's best config: it is the selected one, with its median seed's model."""

from pathlib import Path

import pytest

from mnist_sweep import (
    GradientDescent,
    Local,
    Softmax,
    Sweep,
    TrialConfig,
    config_id,
    grid,
    repeat,
    run,
    select,
    trial_id,
)
from mnist_sweep.sweep.best_config import best_config
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.row import Status, TrialRow

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
