import math

import numpy as np
import pytest

from mnist_sweep.statistics.time_left import TimeLeft, time_left


def test_nothing_is_known_before_a_trial_has_ended_and_no_interval_after_few() -> None:
    assert time_left([], started=0.0, now=5.0, num_left=3, num_workers=1) is None
    assert time_left([10.0], started=0.0, now=10.0, num_left=3, num_workers=1) == TimeLeft(30.0, None, None)
    assert time_left([10.0, 20.0], started=0.0, now=24.0, num_left=3, num_workers=2) == TimeLeft(26.0, None, None)


def test_equal_trials_give_their_time_and_an_interval_of_no_width() -> None:
    left = time_left([10.0 * end for end in range(1, 21)], started=0.0, now=200.0, num_left=7, num_workers=1)
    assert left == pytest.approx((70.0, 70.0, 70.0))


def test_a_slow_start_is_left_out_once_more_is_known() -> None:
    left = time_left([100.0 + end for end in range(10)], started=0.0, now=109.0, num_left=10, num_workers=1)
    assert left is not None
    assert left.seconds == pytest.approx(10.0)


@pytest.mark.parametrize("ends", [[5.0] * 9, [-3.0, -2.0, -1.0, 0.0, 1.0]])
def test_ends_at_one_moment_or_before_the_start_by_another_clock_give_no_negative_time(ends: list[float]) -> None:
    left = time_left(ends, started=2.0, now=0.0, num_left=3, num_workers=1)
    assert left is not None
    assert all(part is None or (math.isfinite(part) and part >= 0) for part in left)


@pytest.mark.parametrize("num_workers", [1, 4])
def test_the_interval_holds_the_time_that_it_then_took_in_95_percent(num_workers: int) -> None:
    drawn, num_trials, held = np.random.default_rng(0), 60, []
    for _ in range(300):
        free, ends = [0.0] * num_workers, []
        for seconds in drawn.lognormal(2.0, 0.5, num_trials):
            worker = free.index(min(free))
            free[worker] += float(seconds)
            ends.append(free[worker])
        ends.sort()
        now, known = ends[29], ends[:30]
        left = time_left(known, started=0.0, now=now, num_left=num_trials - 30, num_workers=num_workers)
        assert left is not None
        assert left.low is not None
        assert left.high is not None
        held.append(left.low <= ends[-1] - now <= left.high)
    assert np.mean(held) > 0.9


def test_it_is_said_with_its_interval_less_the_time_that_has_passed() -> None:
    assert TimeLeft(90.0, 60.0, 120.0).text(70.0) == "about 0:20 left (95% interval 0:00 to 0:50)"
    assert TimeLeft(90.0, None, None).text() == "about 1:30 left"
