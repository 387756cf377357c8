"""Laws of the grid of a sweep's rows: what scripts for Ray Tune read of it is what the rows hold."""

from pathlib import Path

import pytest
from ray.tune import ResultGrid

from mnist_sweep import Evaluation, LogLoss, Status, TrialConfig
from mnist_sweep.runners.ray.result_grid import RowGrid
from tests.conftest import MakeRow


def curve(*accuracies: float) -> tuple[Evaluation, ...]:
    return tuple(
        Evaluation(step, 0.5, 0.5, 0.5, accuracy, 0.1, 1.0) for step, accuracy in enumerate(accuracies, start=1)
    )


@pytest.fixture
def grid(make_row: MakeRow, tmp_path: Path) -> RowGrid:
    rows = [
        make_row(TrialConfig(seed=0), val_accuracy=0.7, val_loss=0.9, history=curve(0.95, 0.7)),
        make_row(TrialConfig(seed=1), val_accuracy=0.8, val_loss=0.1, history=curve(0.6, 0.8)),
        make_row(TrialConfig(seed=2), status=Status.FAILED, error="no luck", val_accuracy=None, history=()),
    ]
    return RowGrid(rows, tmp_path)


def test_it_is_a_grid_of_tune_with_a_result_for_each_row(grid: RowGrid, tmp_path: Path) -> None:
    assert isinstance(grid, ResultGrid)
    assert (len(grid), grid.num_errors, grid.num_terminated) == (3, 1, 2)
    assert [str(error) for error in grid.errors] == ["no luck"]
    assert grid.experiment_path == str(tmp_path)
    assert [result.metrics["status"] for result in grid] == ["ok", "ok", "failed"]
    assert grid[0].config["seed"] == 0
    assert list(grid[1].metrics_dataframe["val_accuracy"]) == [0.6, 0.8]
    assert repr(grid).startswith("ResultGrid<[")


def test_the_best_result_is_that_of_the_row_or_of_the_whole_curve(grid: RowGrid) -> None:
    assert grid.get_best_result().config["seed"] == 1
    assert grid.get_best_result(scope="all").config["seed"] == 0
    assert grid.get_best_result("val_loss", "max").config["seed"] == 0
    assert grid.get_best_result("val_loss", "min").config["seed"] == 1
    with pytest.raises(RuntimeError, match="no result has a value of 'loss'"):
        grid.get_best_result("loss", "min")
    with pytest.raises(ValueError, match="last or all"):
        grid.get_best_result(scope="avg")


def test_which_way_a_metric_is_better_is_not_guessed(grid: RowGrid) -> None:
    assert grid.get_best_result("test_accuracy", scope="last").metrics["status"] == "ok"
    for ask in (grid.get_best_result, grid.get_dataframe):
        with pytest.raises(ValueError, match="state the mode of 'val_loss', max or min: trials are judged by val_acc"):
            ask("val_loss")


def test_the_best_point_of_what_is_minimised_is_its_least(make_row: MakeRow, tmp_path: Path) -> None:
    objective = {"name": "log_loss", "direction": "minimize", "unit": "nats"}
    points = tuple(point._replace(val_objective=point.val_accuracy) for point in curve(0.9, 0.2, 0.4))
    row = make_row(TrialConfig(objective=LogLoss()), objective=objective, val_objective=0.4, history=points)
    assert list(RowGrid([row], tmp_path).get_dataframe("val_log_loss")["val_log_loss"]) == [0.2]


def test_its_table_has_a_line_for_each_row(grid: RowGrid) -> None:
    table = grid.get_dataframe()
    assert list(table["config/seed"]) == [0, 1, 2]
    assert list(table["val_accuracy"][:2]) == [0.7, 0.8]
    best = grid.get_dataframe(filter_metric="val_accuracy", filter_mode="max")
    assert list(best["val_accuracy"][:2]) == [0.95, 0.8]
    assert list(best["step"][:2]) == [1, 2]
