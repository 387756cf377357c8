"""What Tune's schedulers are made to do; that they stop trials of a real sweep is in test_ray_tune."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from mnist_sweep import TrialConfig, TrialRow
from mnist_sweep.rows import Evaluation, Status
from mnist_sweep.runners import schedulers

TRIALS = [TrialConfig(num_steps=1600, evaluate_every=100, seed=seed) for seed in range(20)]


class Trial(NamedTuple):
    trial_id: str


def point(step: int, accuracy: float | None) -> Evaluation:
    return Evaluation(step, 1.0, 0.5, None if accuracy is None else 0.5, accuracy, 0.1, 1.0)


def said(scheduler: Any, step: int, accuracy: float, name: str = "new") -> str:
    trial = Trial(name)
    scheduler.on_trial_add(None, trial)
    return str(scheduler.on_trial_result(None, trial, {"step": step, "val_accuracy": accuracy}))


class Waiting(NamedTuple):
    trial_id: str
    status: str = "PENDING"


def controller(*trials: Waiting, workers: dict[Waiting, str], live: list[str]) -> Any:
    """Return what Tune knows: its trials, the workers that are asked for, and those of them that start or run."""
    manager = SimpleNamespace(live_actors=live)
    return SimpleNamespace(get_trials=lambda: trials, _trial_to_actor=workers, _actor_manager=manager)


NAMES: list[schedulers.Scheduler] = ["fifo", "asha", "median", "hyperband"]


@pytest.mark.parametrize("name", NAMES)
def test_a_free_worker_gets_the_first_trial_that_no_other_starts_for(name: schedulers.Scheduler) -> None:
    runs, first, second, third = Waiting("a", "RUNNING"), Waiting("b"), Waiting("c"), Waiting("d")
    choose = schedulers.make(name, TRIALS, []).choose_trial_to_run
    asked = {runs: "1", first: "2", second: "3"}
    assert choose(controller(runs, first, second, third, workers=asked, live=["1", "2"])) == second
    assert choose(controller(runs, first, second, third, workers=asked, live=["1", "2", "3"])) == third
    assert choose(controller(runs, first, second, workers=asked, live=["1", "2", "3"])) is None


@pytest.mark.parametrize("name", ["fifo", "asha"])
def test_a_trial_is_not_stopped_without_a_reason(name: schedulers.Scheduler) -> None:
    assert said(schedulers.make(name, TRIALS, []), 100, 0.1) == "CONTINUE"


@pytest.mark.parametrize(("name", "step"), [("asha", 100), ("median", 400)])
def test_a_trial_far_behind_the_rows_that_were_there_is_stopped(
    name: schedulers.Scheduler, step: int, make_row: Callable[..., TrialRow]
) -> None:
    rows = [
        make_row(trial, Status.OK, history=(point(100, 0.8 + seed / 100), point(400, 0.9), point(1600, 0.95)))
        for seed, trial in enumerate(TRIALS[:8])
    ]
    assert said(schedulers.make(name, TRIALS, rows), step, 0.3) == "STOP"
    assert said(schedulers.make(name, TRIALS, rows), step, 0.99) == "CONTINUE"
    assert said(schedulers.make(name, TRIALS, []), step, 0.3) == "CONTINUE"


def test_no_trial_is_asked_before_its_first_evaluation_or_stopped_at_its_last_step() -> None:
    scheduler = schedulers.make("asha", TRIALS, [])
    for seed in range(8):
        said(scheduler, 1600, 0.9, f"good {seed}")
    assert said(scheduler, 99, 0.1) == "CONTINUE"
    assert said(schedulers.make("asha", [TrialConfig(num_steps=1)], []), 1, 0.1) == "CONTINUE"


def test_points_without_a_validation_and_rows_without_a_point_are_left_out(make_row: Callable[..., TrialRow]) -> None:
    rows = [
        make_row(TRIALS[0], Status.FAILED),
        make_row(TRIALS[1], Status.DIVERGED, history=(point(50, None),)),
    ]
    for name in ("asha", "median", "hyperband"):
        assert said(schedulers.make(name, TRIALS, rows), 100, 0.1) == "CONTINUE"
