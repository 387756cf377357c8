"""Laws of the study of a sweep's rows: every row is a trial of it, and Optuna's own functions take it."""

from dataclasses import replace
from typing import Any

import optuna
import pytest

from mnist_sweep import Adam, Momentum, Status, TrialConfig, TrialRow, grid
from mnist_sweep.errors import ConfigError
from mnist_sweep.search.study_export import to_study
from tests.conftest import MakeRow

AXES = {
    "model.filters": [(8, 16), (16, 32)],
    "optimizer": [Adam(), Adam(learning_rate=0.5), Momentum()],
    "seed": [0, 1],
}


@pytest.fixture
def rows(make_row: MakeRow) -> list[TrialRow]:
    trials = grid(TrialConfig(), AXES)
    good = [make_row(trial, val_accuracy=0.5 + number / 100) for number, trial in enumerate(trials[:-3])]
    nothing: dict[str, Any] = {"val_accuracy": None, "test_accuracy": None}
    stopped = make_row(trials[-3], **nothing | {"val_accuracy": 0.3, "status": Status.STOPPED})
    diverged = make_row(trials[-2], **nothing | {"status": Status.DIVERGED})
    failed = make_row(trials[-1], **nothing | {"status": Status.FAILED, "error": "no luck", "history": ()})
    return [*good, stopped, diverged, replace(failed, started=None)]


def test_each_row_is_a_trial_with_its_parameters_curve_and_state(rows: list[TrialRow]) -> None:
    study = to_study(rows, "mine")
    assert (study.study_name, len(study.trials), study.best_value) == ("mine", 12, 0.58)
    assert study.best_trial.user_attrs["trial_id"] == rows[8].trial_id
    first, last = study.trials[0], study.trials[-1]
    assert first.params == {"model.filters": "8,16", "optimizer": "adam", "optimizer.learning_rate": 0.001}
    assert last.params == {"model.filters": "16,32", "optimizer": "momentum", "optimizer.learning_rate": 0.05}
    assert first.intermediate_values == {50: 0.8}
    assert first.user_attrs["seed"] == 0
    states = [trial.state.name for trial in study.trials[-3:]]
    assert states == ["PRUNED", "FAIL", "FAIL"]
    assert {trial.state.name for trial in study.trials[:-3]} == {"COMPLETE"}


def test_numbers_keep_their_kind_and_wide_ones_are_logarithmic(make_row: MakeRow) -> None:
    axes = {"batch_size": [10, 50], "num_steps": [10, 1000], "weight_decay": [0.0, 0.5]}
    study = to_study([make_row(trial) for trial in grid(TrialConfig(), axes)], "mine")
    found = study.trials[0].distributions
    assert found["batch_size"] == optuna.distributions.IntDistribution(10, 50)
    assert found["num_steps"] == optuna.distributions.IntDistribution(10, 1000, log=True)
    assert found["weight_decay"] == optuna.distributions.FloatDistribution(0.0, 0.5)


def test_optuna_plots_and_weighs_it(rows: list[TrialRow]) -> None:
    study = to_study(rows[:-3], "mine")
    assert set(optuna.importance.get_param_importances(study)) <= {
        "model.filters",
        "optimizer",
        "optimizer.learning_rate",
    }
    plots = optuna.visualization
    for plot in (plots.plot_optimization_history, plots.plot_parallel_coordinate, plots.plot_intermediate_values):
        assert plot(study).data


@pytest.mark.parametrize("num", [0, 1])
def test_few_rows_have_a_study_too(make_row: MakeRow, num: int) -> None:
    study = to_study([make_row(TrialConfig())] * num, "mine")
    assert [trial.params for trial in study.trials] == [{}] * num


def test_several_objectives_make_a_study_with_a_front(make_row: MakeRow) -> None:
    trials = grid(TrialConfig(), {"model.dropout": [0.0, 0.1, 0.2, 0.3]})
    results = [(0.9, 100), (0.8, 50), (0.7, 80), (0.6, None)]
    rows = [make_row(trial, val_accuracy=a, parameters=b) for trial, (a, b) in zip(trials, results, strict=True)]
    study = to_study(rows, "mine", ("accuracy", "parameters"))
    assert sorted(one.user_attrs["trial_id"] for one in study.best_trials) == sorted(row.trial_id for row in rows[:2])
    assert study.trials[-1].state.name == "FAIL"
    with pytest.raises(ConfigError, match="several objectives are accuracy"):
        to_study(rows, "mine", ("val_accuracy", "parameters"))
