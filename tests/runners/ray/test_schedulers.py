"""What Tune's schedulers are made to do; that they stop trials of a real sweep is in test_ray_tune."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple, get_args

import pytest

from mnist_sweep import TrialConfig, TrialRow
from mnist_sweep.runners.ray import schedulers
from mnist_sweep.trials.row import Evaluation, Status

TRIALS = [TrialConfig(num_steps=1600, evaluate_every=100, seed=seed) for seed in range(20)]


class Trial(NamedTuple):
    trial_id: str


def point(step: int, accuracy: float | None) -> Evaluation:
    return Evaluation(step, 1.0, 0.5, None if accuracy is None else 0.5, accuracy, 0.1, 1.0)


def said(scheduler: Any, step: int, accuracy: float, name: str = "new") -> str:
    trial = Trial(name)
    scheduler.on_trial_add(None, trial)
    return str(scheduler.on_trial_result(None, trial, {"step": step, "val_accuracy": accuracy}))


class Listed:
    """One of Tune's trials, which counts how often any is looked at."""

    num_looks = 0

    def __init__(self, status: str = "PENDING") -> None:
        self.set_status(status)

    def set_status(self, status: str) -> None:
        self._status = status

    @property
    def status(self) -> str:
        Listed.num_looks += 1
        return self._status

    def is_finished(self) -> bool:
        return self.status in ("TERMINATED", "ERROR")


def controller(trials: list[Listed], *, workers: dict[Listed, str] | None = None, live: tuple[str, ...] = ()) -> Any:
    """Return what Tune knows: its trials, the workers that are asked for, and those of them that start or run."""
    manager = SimpleNamespace(live_actors=live)
    return SimpleNamespace(get_trials=lambda: trials, _trial_to_actor=workers or {}, _actor_manager=manager)


def test_fifo_stops_nothing() -> None:
    scheduler = schedulers.make("fifo", TRIALS, [])
    assert [said(scheduler, 1600, accuracy, name=str(accuracy)) for accuracy in (0.9, 0.1)] == ["CONTINUE"] * 2


@pytest.mark.parametrize("name", get_args(schedulers.Scheduler))
def test_a_free_worker_gets_the_first_trial_that_no_other_starts_for(name: schedulers.Scheduler) -> None:
    runs, first, second, third = Listed("RUNNING"), Listed(), Listed(), Listed()
    choose = schedulers.make(name, TRIALS, []).choose_trial_to_run
    asked, trials = {runs: "1", first: "2", second: "3"}, [runs, first, second]
    assert choose(controller([*trials, third], workers=asked, live=("1", "2"))) is second
    assert choose(controller([*trials, third], workers=asked, live=("1", "2", "3"))) is third
    third.set_status("TERMINATED")
    assert choose(controller([*trials, third], workers=asked, live=("1", "2", "3"))) is None


@pytest.mark.parametrize("name", get_args(schedulers.Scheduler))
def test_the_next_trial_costs_as_much_to_choose_however_many_have_ended(name: schedulers.Scheduler) -> None:
    trials = [Listed("TERMINATED") for _ in range(1000)]
    tune = controller(trials)
    choose = schedulers.make(name, TRIALS, []).choose_trial_to_run
    assert choose(tune) is None
    lost, *_, first, second = more = [Listed("RUNNING"), Listed("ERROR"), Listed(), Listed()]
    trials += more
    Listed.num_looks = 0
    assert choose(tune) is first
    first.set_status("RUNNING")
    second.set_status("RUNNING")
    assert choose(tune) is None
    lost.set_status("PENDING")  # its worker was lost
    assert choose(tune) is lost
    assert Listed.num_looks < 100


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


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_sweep_that_goes_on_asks_its_last_trials_where_it_asked_the_first(
    name: schedulers.Scheduler, make_row: Callable[..., TrialRow]
) -> None:
    longer = [replace(trial, num_steps=16_000) for trial in TRIALS]
    rows = [make_row(trial, Status.OK, history=(point(100, 0.9), point(1000, 0.95))) for trial in longer[:8]]
    scheduler = schedulers.make(name, TRIALS, rows)  # whose steps alone would ask at step 100
    assert [said(scheduler, step, 0.3) for step in (100, 1000)] == ["CONTINUE", "STOP"]


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
