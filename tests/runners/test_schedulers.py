"""What Tune's schedulers are made to do; that they stop trials of a real sweep is in test_ray_tune."""

from collections.abc import Callable
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


def test_fifo_is_none() -> None:
    assert schedulers.make("fifo", TRIALS, []) is None


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
