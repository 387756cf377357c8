"""Laws of disk and memory: rows are those of real runs, workers hold what they may."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CNN, Adam, GradientDescent, Keep, Local, RayTune, Softmax, TrialConfig, grid, repeat
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.digits import Digits
from mnist_sweep.planning import resource_usage
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.results.kept_models import MAX_UNFINISHED
from mnist_sweep.trials.artifacts import Retention
from mnist_sweep.trials.config import from_flat
from mnist_sweep.trials.graph_sharing import graph_signature
from tests.planning.test_plan_builder import Wide

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
SWEEPS = ["quickstart", "deep_mnist", "deep_mnist_tensorboard"]
DIGITS = Digits()
GIB = 1 << 30
COST = TrialCost(step=1.0, image=0.0, overhead=2.0, tracing=0.0, saving=0.0, memory=3 * GIB, shared_memory=GIB)
BASE = TrialConfig(model=Softmax())
OWN = replace(BASE, model=Wide())


def left(
    *sized: tuple[TrialConfig, int],
    models: Retention = "none",
    num_workers: int = 1,
    is_population: bool = False,
) -> dict[str, int]:
    datasets: dict[object, Dataset] = {DIGITS: loading.load(DIGITS)}
    return resource_usage.disk(
        sized, datasets, Keep(models=models), num_workers=num_workers, is_population=is_population
    )


@pytest.mark.parametrize("sweep", SWEEPS)
def test_rows_and_tables_are_as_large_as_those_of_real_runs(sweep: str) -> None:
    files = sorted((REFERENCE / sweep / "rows").glob("*.json"))
    trials = [from_flat(json.loads(file.read_text())["config"]) for file in files]
    points = [length(json.loads(file.read_text())["history"]) for file in files]
    assert [resource_usage.num_points(trial) for trial in trials] == points
    found = resource_usage.disk(
        [(trial, 1) for trial in trials],
        {trial.data: loading.load(DIGITS) for trial in trials},
        Keep(models="none", predictions=False),
        num_workers=1,
    )
    tables = sum(file.stat().st_size for file in (REFERENCE / sweep).glob("*.csv"))
    real = sum(-(-file.stat().st_size // resource_usage.BLOCK) * resource_usage.BLOCK for file in files)
    assert 1 / 1.5 < found["rows"] / real < 1.5
    assert 1 / 2 < (found["tables"] - resource_usage.REPORT) / tables < 2
    assert (found["predictions"], found["models"]) == (0, 0)


def length(history: Any) -> int:
    """Return how many points a row's learning curve has, in the form of any version."""
    return len(history["step"]) if isinstance(history, dict) else len(history)


def test_points_of_the_curve_and_of_training_alone_are_counted_once() -> None:
    assert resource_usage.num_points(TrialConfig(num_steps=100, evaluate_every=30)) == 4
    assert resource_usage.num_points(TrialConfig(num_steps=100, evaluate_every=30, log_every=20)) == 7
    assert resource_usage.num_points(TrialConfig(num_steps=1, evaluate_every=30, log_every=20)) == 1
    assert resource_usage.num_points(TrialConfig(num_steps=60, evaluate_every=30, log_every=20)) == 4


def test_points_of_a_very_long_trial_are_counted_at_once() -> None:
    assert resource_usage.num_points(TrialConfig(num_steps=10**15, evaluate_every=1)) == 10**15


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


def measured(trials: Sequence[TrialConfig], cost: TrialCost = COST) -> dict[Any, TrialCost]:
    return {graph_signature(trial): cost for trial in trials}


@pytest.mark.parametrize(
    ("runner", "worker", "others"),
    [
        (Local(), 3 * GIB, resource_usage.DRIVER_MEMORY),
        (Local(in_process=True), 3 * GIB, 0),
        (RayTune(), 3 * GIB + resource_usage.WORKER_MEMORY, resource_usage.RAY_MEMORY),
    ],
)
def test_it_is_that_of_each_worker_of_what_they_share_and_of_what_runs_beside_them(
    runner: Local | RayTune, worker: int, others: int
) -> None:
    found = resource_usage.memory(runner, 2, [BASE], measured([BASE]))
    assert (found["worker_memory"], found["memory"]) == (worker, 2 * worker + GIB + others)


@pytest.mark.parametrize("others", [[], [BASE]], ids=["alone", "mixed"])
def test_a_worker_on_ray_has_a_child_with_models_of_ones_own(others: list[TrialConfig]) -> None:
    trials = [OWN, *others]
    worker = (3 * GIB if others else resource_usage.IDLE_MEMORY) + resource_usage.WORKER_MEMORY
    found = [resource_usage.memory(runner, 1, trials, measured(trials)) for runner in (RayTune(), Local())]
    assert [one["worker_memory"] for one in found] == [3 * GIB + worker, 3 * GIB]


def test_memory_on_a_gpu_is_the_most_of_any_kind() -> None:
    cost = replace(COST, gpu_memory=2 * 10**9)
    found = resource_usage.memory(Local(), 1, [BASE, OWN], measured([BASE], cost))
    assert found["gpu_memory"] == 2 * 10**9
