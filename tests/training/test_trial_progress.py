"""Laws of a trial's state and of the time that it takes."""

from types import SimpleNamespace

import pytest

from mnist_sweep.training import trial_progress
from mnist_sweep.training.trial_progress import PhaseTimer, TrainingState
from mnist_sweep.trials.row import Evaluation

POINT = Evaluation(20, 0.1 + 0.2, 1 / 3, None, None, 1e-4, 1.5)


def filled() -> TrainingState:
    taken = {"setup": 1.0, "train": 2.0, "evaluate": 4.0}
    return TrainingState(step=27, first=20, loss_sum=0.1 + 0.7, num_correct=99, seconds=taken, history=[POINT])


def test_time_that_is_inherited_is_counted_once() -> None:
    one = filled()
    one.inherit()
    assert (one.inherited, sum(one.seconds.values())) == (7.0, 0.0)
    one.inherit()
    assert one.inherited == 7.0


def test_a_point_starts_the_next_sums() -> None:
    one = filled()
    one.add(POINT._replace(step=27))
    assert (one.first, one.loss_sum, one.num_correct) == (27, 0.0, 0)
    assert [point.step for point in one.history] == [20, 27]


def test_each_phase_has_the_time_since_the_last_call_and_what_is_skipped_is_in_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(trial_progress, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    timer = PhaseTimer()
    for seconds, record in [(1, "setup"), (2, "train"), (4, None), (8, "evaluate"), (16, "train")]:
        now[0] += seconds
        timer.add_to(record) if record else timer.skip()
    assert timer.seconds == {"setup": 1, "train": 18, "evaluate": 8}
