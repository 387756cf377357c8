"""What is said of the disk is what real runs left there."""

import json
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CNN, Adam, GradientDescent, Keep, Softmax, TrialConfig, grid, repeat
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.digits import Digits
from mnist_sweep.planning import disk_usage
from mnist_sweep.results.kept_models import MAX_UNFINISHED
from mnist_sweep.trials.artifacts import Retention
from mnist_sweep.trials.config import from_flat

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
SWEEPS = ["quickstart", "deep_mnist", "deep_mnist_tensorboard"]
DIGITS = Digits()


def left(
    *sized: tuple[TrialConfig, int],
    models: Retention = "none",
    num_workers: int = 1,
    is_population: bool = False,
) -> dict[str, int]:
    datasets: dict[object, Dataset] = {DIGITS: loading.load(DIGITS)}
    return disk_usage.estimate(
        sized, datasets, Keep(models=models), num_workers=num_workers, is_population=is_population
    )


@pytest.mark.parametrize("sweep", SWEEPS)
def test_rows_and_tables_are_as_large_as_those_of_real_runs(sweep: str) -> None:
    files = sorted((REFERENCE / sweep / "rows").glob("*.json"))
    trials = [from_flat(json.loads(file.read_text())["config"]) for file in files]
    points = [length(json.loads(file.read_text())["history"]) for file in files]
    assert [disk_usage.num_points(trial) for trial in trials] == points
    found = disk_usage.estimate(
        [(trial, 1) for trial in trials],
        {trial.data: loading.load(DIGITS) for trial in trials},
        Keep(models="none", predictions=False),
        num_workers=1,
    )
    tables = sum(file.stat().st_size for file in (REFERENCE / sweep).glob("*.csv"))
    real = sum(-(-file.stat().st_size // disk_usage.BLOCK) * disk_usage.BLOCK for file in files)
    assert 1 / 1.5 < found["rows"] / real < 1.5
    assert 1 / 2 < (found["tables"] - disk_usage.REPORT) / tables < 2
    assert (found["predictions"], found["models"]) == (0, 0)


def length(history: Any) -> int:
    """Return how many points a row's learning curve has, in the form of any version."""
    return len(history["step"]) if isinstance(history, dict) else len(history)


def test_points_of_the_curve_and_of_training_alone_are_counted_once() -> None:
    assert disk_usage.num_points(TrialConfig(num_steps=100, evaluate_every=30)) == 4
    assert disk_usage.num_points(TrialConfig(num_steps=100, evaluate_every=30, log_every=20)) == 7
    assert disk_usage.num_points(TrialConfig(num_steps=1, evaluate_every=30, log_every=20)) == 1
    assert disk_usage.num_points(TrialConfig(num_steps=60, evaluate_every=30, log_every=20)) == 4


def test_points_of_a_very_long_trial_are_counted_at_once() -> None:
    assert disk_usage.num_points(TrialConfig(num_steps=10**15, evaluate_every=1)) == 10**15


def test_models_that_stay_and_checkpoints_of_trials_that_run() -> None:
    small = (TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=2), 650)
    large = (TrialConfig(model=CNN(), optimizer=Adam(), num_steps=2), 10**6)
    one, both = left(large, models="best")["models"], left(small, large, models="all")["models"]
    assert 4 * 10**6 < one < both
    assert left(small, large, models="best")["models"] == one
    assert left(small, large)["models"] == 0
    assert left(small, large)["checkpoints"] == left(large)["checkpoints"]
    assert 2 * 3 * 4 * 10**6 <= left(large)["checkpoints"] < left(small, large, num_workers=2)["checkpoints"]


def test_models_that_may_be_selected_stay_until_the_last_seed() -> None:
    def models(configs: int, seeds: int) -> int:
        trials = repeat(grid(TrialConfig(model=Softmax()), {"num_steps": range(1, configs + 1)}), seeds=seeds)
        return left(*[(trial, 10**6) for trial in trials], models="best")["models"]

    one = models(1, 1)
    assert models(40, 1) == one
    assert models(2, 3) == 6 * one
    assert models(40, 3) == (2 + 3 * MAX_UNFINISHED) * one


def test_the_end_of_every_trial_of_a_population_stays_until_the_last() -> None:
    large = (TrialConfig(model=CNN(), optimizer=Adam(), num_steps=2), 10**6)
    running, ends = left(*[large] * 5)["checkpoints"], left(*[large] * 5, is_population=True)["checkpoints"]
    assert ends - running == 5 * running / 2
