"""Laws of the timetable: what jobs take is what a worker that takes the next one when it is free would take."""

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.data import sources
from mnist_sweep.data.digits import Digits
from mnist_sweep.planning import makespan
from mnist_sweep.planning.makespan import Job, Overhead
from mnist_sweep.planning.stopwatch import Cost
from mnist_sweep.trials.artifacts import Retention

NOTHING = Overhead(seconds=0.0, trial=0.0)


def taken(jobs: list[Job], num_workers: int = 1, *, models: Retention = "none", in_round: int = 99) -> float:
    return makespan.seconds(
        jobs, num_workers=num_workers, start=0.0, overhead=NOTHING, models=models, in_round=in_round
    )


def test_jobs_go_to_whoever_is_free_in_their_order() -> None:
    jobs = [Job(kind="a", seconds=seconds) for seconds in (3.0, 1.0, 1.0, 1.0, 4.0)]
    assert taken(jobs) == 10
    assert taken(jobs, 2) == 7  # 3 and 4; 1, 1 and 1
    assert taken(jobs, 5) == 4
    assert taken(jobs, 9) == 4


def test_a_round_waits_for_the_one_before_of_which_some_may_be_done() -> None:
    jobs = [Job(kind="a", seconds=1.0)] * 6
    assert taken(jobs, 2) == 3
    assert taken(jobs, 2, in_round=3) == 4
    assert taken(jobs[:5], 2, in_round=3) == 3
    assert taken(jobs, 9, in_round=3) == 2


def test_a_worker_traces_a_kind_once() -> None:
    jobs = [Job(kind=kind, seconds=1.0, first=10.0) for kind in "aabab"]
    assert taken(jobs) == 25
    assert taken(jobs[:2], 2) == 11  # each of the two workers traces it


@pytest.mark.parametrize(("models", "seconds"), [("none", 3.0), ("best", 3 + 6 + 3 + 2), ("all", 21.0)])
def test_models_that_may_be_the_best_are_saved_less_and_less_often(models: Retention, seconds: float) -> None:
    assert taken([Job(kind="a", seconds=1.0, model=6.0)] * 3, models=models) == pytest.approx(seconds)


def test_the_start_and_what_a_runner_adds_are_counted() -> None:
    jobs = [Job(kind="a", seconds=1.0)] * 4
    overhead = Overhead(seconds=7.0, trial=0.5)
    found = makespan.seconds(jobs, num_workers=2, start=4.0, overhead=overhead, models="none", in_round=4)
    assert found == 7 + 4 + 2 * 1.5


def test_a_trial_takes_its_steps_and_the_images_of_its_evaluations() -> None:
    dataset = sources.load(Digits())
    cost = Cost(step=1.0, image=0.01, trial=5.0, first=7.0, model=2.0, images=100, memory=1, shared_memory=1)
    job = makespan.job(TrialConfig(num_steps=250, evaluate_every=100), dataset, "a", cost)
    assert job.seconds == pytest.approx(5 + 250 + 3 * 3 + 3)  # three validations, one test, of 300 images each
    assert job.first == 7
    assert job.model == pytest.approx(2 + 200 * 0.01)
