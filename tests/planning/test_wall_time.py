"""Laws of the wall time: trials queue for workers."""

from dataclasses import replace

import pytest

from mnist_sweep import Digits, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.planning import wall_time
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.planning.wall_time import TimedTrial
from mnist_sweep.trials.artifacts import Retention

COST = TrialCost(step=1.0, image=0.0, overhead=2.0, tracing=0.0, saving=0.0, memory=1, shared_memory=1)
DIGITS = Digits()


def taken(
    trials: list[TimedTrial], num_workers: int = 1, *, models: Retention = "none", size: int = 99, start: float = 0.0
) -> float:
    return wall_time.wall_seconds(
        trials, runner="Local", num_workers=num_workers, start=start, models=models, round_size=size
    )


def test_the_next_trial_in_order_goes_to_the_worker_that_is_free_first() -> None:
    trials = [TimedTrial(kind="a", seconds=seconds) for seconds in (3.0, 1.0, 1.0, 1.0, 4.0)]
    assert taken(trials) == 10
    assert taken(trials, 2) == 7  # 3 and 4; 1, 1 and 1
    assert taken(trials, 5) == 4
    assert taken(trials, 9) == 4


def test_a_round_waits_for_the_one_before_of_which_some_may_be_done() -> None:
    trials = [TimedTrial(kind="a", seconds=1.0)] * 6
    assert taken(trials, 2) == 3
    assert taken(trials, 2, size=3) == 4
    assert taken(trials[:5], 2, size=3) == 3
    assert taken(trials, 9, size=3) == 2


def test_a_worker_traces_a_kind_once() -> None:
    trials = [TimedTrial(kind=kind, seconds=1.0, tracing=10.0) for kind in "aabab"]
    assert taken(trials) == 25
    assert taken(trials[:2], 2) == 11  # each of the two workers traces it


@pytest.mark.parametrize(("models", "seconds"), [("none", 3.0), ("best", 3 + 6 + 3 + 2), ("all", 21.0)])
def test_models_that_may_be_the_best_are_saved_less_and_less_often(models: Retention, seconds: float) -> None:
    assert taken([TimedTrial(kind="a", seconds=1.0, saving=6.0)] * 3, models=models) == pytest.approx(seconds)


def test_the_start_and_what_a_runner_adds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wall_time.BETWEEN_TRIALS, "Local", 0.5)
    monkeypatch.setitem(wall_time.STARTS, "Local", 3.0)
    assert taken([TimedTrial(kind="a", seconds=1.0)] * 4, 2, start=4.0) == 3 + 4 + 2 * 1.5


def test_a_trial_takes_its_steps_and_the_images_of_its_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall_time, "MAX_IMAGES", 100)
    cost = replace(COST, image=0.01, overhead=5.0, tracing=7.0, saving=2.0)
    trial = wall_time.timed(TrialConfig(evaluate_every=100), 250, loading.load(DIGITS), cost)
    assert trial.seconds == pytest.approx(5 + 250 + 3 * 3 + 3)  # three validations, one test, of 300 images each
    assert trial.evaluation == pytest.approx(3)
    assert trial.tracing == 7
    assert trial.saving == pytest.approx(2 + 200 * 0.01)
