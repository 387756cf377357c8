"""Laws of the memory of a run: what each worker holds at most, what they share, and what runs beside them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mnist_sweep import Local, RayTune, Softmax, TrialConfig
from mnist_sweep.planning import memory_usage
from mnist_sweep.planning.trial_measurement import Calibration, TrialCost
from mnist_sweep.trials.graph_sharing import graph_signature
from tests.planning.test_plan_builder import Wide

GIB = 1 << 30
COST = TrialCost(
    step=1.0, image=0.0, overhead=2.0, tracing=0.0, saving=0.0, num_images=300, memory=3 * GIB, shared_memory=GIB
)
BASE = TrialConfig(model=Softmax())
OWN = replace(BASE, model=Wide())


def measured(trials: Sequence[TrialConfig], cost: TrialCost = COST) -> Calibration:
    return Calibration(start=3.0, costs={graph_signature(trial): cost for trial in trials}, failures={})


@pytest.mark.parametrize(
    ("runner", "worker", "others"),
    [
        (Local(), 3 * GIB, memory_usage.DRIVER_MEMORY),
        (Local(in_process=True), 3 * GIB, 0),
        (RayTune(), 3 * GIB + memory_usage.WORKER_MEMORY, memory_usage.RAY_MEMORY),
    ],
)
def test_it_is_that_of_each_worker_of_what_they_share_and_of_what_runs_beside_them(
    runner: Local | RayTune, worker: int, others: int
) -> None:
    found = memory_usage.estimate(runner, 2, [BASE], measured([BASE]))
    assert (found["worker_memory"], found["memory"]) == (worker, 2 * worker + GIB + others)


@pytest.mark.parametrize("others", [[], [BASE]], ids=["alone", "mixed"])
def test_a_worker_on_ray_has_a_child_with_models_of_ones_own(others: list[TrialConfig]) -> None:
    trials = [OWN, *others]
    worker = (3 * GIB if others else memory_usage.IDLE_MEMORY) + memory_usage.WORKER_MEMORY
    found = [memory_usage.estimate(runner, 1, trials, measured(trials)) for runner in (RayTune(), Local())]
    assert [one["worker_memory"] for one in found] == [3 * GIB + worker, 3 * GIB]


def test_memory_on_a_gpu_is_the_most_of_any_kind() -> None:
    cost = replace(COST, gpu_memory=2 * 10**9)
    found = memory_usage.estimate(Local(), 1, [BASE, OWN], measured([BASE], cost))
    assert found["gpu_memory"] == 2 * 10**9
