"""Laws of sequential elimination: each safeguard is needed."""

import math
from typing import Any

import numpy as np
import pytest

from mnist_sweep.statistics.elimination import Elimination, Resolution
from mnist_sweep.statistics.race_evidence import log_evidence
from tests.benchmarks.race import simulate


def raced(table: Any, **given: Any) -> Elimination:
    """Add the rows `[num_settings, num_seeds]` of one sweep."""
    table = np.asarray(table, np.float64)
    found = Elimination(len(table), **{"within": 1e-3, "error": 0.05} | given)
    for column in table.T:
        for setting, accuracy in enumerate(column):
            found.add(setting, accuracy)
        found.end_round()
    return found


def remaining(found: Elimination) -> list[int]:
    return [int(setting) for setting in np.flatnonzero(found.remaining[0])]


def test_nothing_is_decided_before_two_seeds() -> None:
    assert remaining(raced([[0.9], [0.1], [0.5]], within=1.0)) == [0, 1, 2]
    assert not raced([[0.9], [0.9]], within=1.0).is_decided[0]


def test_equal_differences_are_no_proof_since_accuracies_are_rounded_to_whole_images() -> None:
    table = [[0.75, 0.5, 0.625, 0.5], [0.5, 0.25, 0.375, 0.25], [0.5, 0.25, 0.375, 0.25]]
    assert remaining(raced(table)) == [0]
    assert remaining(raced(table, step=0.25)) == [0, 1, 2]
    assert np.isfinite(raced(table).evidence).all()


def test_evidence_of_a_rival_stays_as_it_was_when_the_rival_was_eliminated() -> None:
    draw = np.random.default_rng(0)
    table = draw.normal([[3.0], [2.8], [-20.0]], 1.0, (3, 12))
    rounds = [raced(table[:, :number]) for number in range(2, 13)]
    out = next(number for number, found in enumerate(rounds) if remaining(found) == [0, 1])
    frozen = [found.evidence[0, 0, 2] for found in rounds[out:]]
    assert len(frozen) > 2
    assert frozen == frozen[:1] * len(frozen)
    assert rounds[-1].evidence[0, 0, 1] != rounds[out].evidence[0, 0, 1]


def test_evidence_stays_also_in_the_round_in_which_a_setting_is_eliminated() -> None:
    draw = np.random.default_rng(0)
    table = draw.normal([[-20.0], [0.0], [0.0]], 1.0, (3, 12))
    found = raced(table)
    num_seeds = found.num_seeds[0]
    assert not found.remaining[0, 0]
    assert num_seeds[0, 1] == num_seeds[0, 2] + 1, "the second one's row was enough, and the third one's came later"


def test_a_lacking_accuracy_leaves_its_pairs_as_they_were() -> None:
    draw = np.random.default_rng(0)
    table = draw.standard_normal((3, 6))
    lacking = table.copy()
    lacking[1, 2] = np.nan
    found = raced(lacking)
    assert found.num_seeds[0, 0].tolist() == [0, 5, 6]
    without = raced(np.delete(table[:2], 2, axis=1))
    assert found.lead[0, 0, 1] == pytest.approx(without.lead[0, 0, 1])


def test_spread_of_other_pairs_says_nothing_of_a_pair() -> None:
    draw = np.random.default_rng(0)
    noisy = draw.normal([[0.5], [0.0]], 1.0, (2, 6))
    steady = draw.normal(0.0, 1e-6, (8, 6))
    both = raced(np.concatenate([noisy, steady + noisy.mean()]))
    assert both.evidence[0, 1, 0] == pytest.approx(raced(noisy).evidence[0, 1, 0])


def test_evidence_is_that_of_the_leads_and_their_sample_variance() -> None:
    table = np.random.default_rng(0).normal([[0.5], [0.0]], 1.0, (2, 4))
    leads = table[0] - table[1]
    assert raced(table).evidence[0, 1, 0] == pytest.approx(np.exp(log_evidence(4, leads.mean(), leads.var(ddof=1))))


def test_a_decided_sweep_takes_no_more() -> None:
    draw = np.random.default_rng(3)
    table = draw.normal([[0.0], [0.0], [-9.0]], 0.01, (3, 30))
    found = raced(table, within=0.5)
    assert found.within[0]
    assert found.num_seeds[0, 0, 1] == raced(table[:, :29], within=0.5).num_seeds[0, 0, 1]


def test_sweeps_are_independent() -> None:
    draw = np.random.default_rng(1)
    tables = draw.normal(np.arange(4)[None, :, None] * 0.7, 1.0, (5, 4, 10))
    together = Elimination(4, within=0.5, error=0.05, num_sweeps=5)
    for seed in range(10):
        for setting in range(4):
            together.add(setting, tables[:, setting, seed])
        together.end_round()
    alone = [raced(table, within=0.5) for table in tables]
    assert together.remaining.tolist() == [found.remaining[0].tolist() for found in alone]
    assert together.within.tolist() == [bool(found.within[0]) for found in alone]


def test_within_needs_the_evidence_for_each_pair_that_remains() -> None:
    steady, shifted = np.array([0.0, 0.1] * 6), np.array([0.05, 0.0] * 6)
    assert raced([steady, shifted], within=1.0).within[0]
    assert not raced([steady, shifted], within=0.05).within[0]
    noisy = np.array([2.0, -2.0] * 6)
    assert not raced([steady, shifted, noisy], within=1.0).within[0]
    assert raced([steady, shifted, noisy - 90], within=1.0).within[0], "who is out does not count"
    assert not raced([steady, shifted, 9 * noisy - 1.5], within=1.0).within[0], "who may be far off counts"


def test_setting_that_is_within_d_of_all_others_takes_no_more() -> None:
    table = np.random.default_rng(0).normal(0, [[1.0], [1.0], [0.01]], (3, 40))
    rounds = [raced(table[:, :number], within=1.5) for number in range(2, 41)]
    first = next(found for found in rounds if found.parked.any())
    assert first.parked[0].tolist() == [False, False, True]
    assert not first.is_decided[0]
    last = rounds[-1]
    assert last.within[0]
    assert last.lead[0, 0, 2] == first.lead[0, 0, 2]
    assert last.num_seeds[0, 0, 1] > last.num_seeds[0, 0, 2] == first.num_seeds[0, 0, 2]


def test_margins_that_may_grow_leave_no_setting_within_d_for_good() -> None:
    table = np.random.default_rng(0).normal(0, [[1.0], [1.0], [0.01]], (3, 40))
    found = Elimination(3, within=1.5, error=0.05)
    found.for_new_images(np.full((3, 3), 1e-9), np.zeros((3, 3)))
    for column in table.T:
        for setting, score in enumerate(column):
            found.add(setting, score)
        found.end_round()
    assert found.within[0]
    assert not found.parked.any()


def test_distance_is_the_least_difference_that_is_shown() -> None:
    draw = np.random.default_rng(5)
    table = draw.normal(0, 1, (2, 20))
    distance = float(raced(table).distance[0])
    assert not raced(table, within=distance * 0.999).within[0]
    assert raced(table, within=distance * 1.001).within[0]
    assert raced(table[:, :2]).distance[0] == math.inf


def test_distance_of_more_settings_asks_for_more_evidence() -> None:
    draw = np.random.default_rng(5)
    table = draw.normal(0, 1, (2, 20))
    far = draw.normal(-90, 1, (6, 20))
    assert remaining(raced(np.concatenate([table, far]))) == [0, 1]
    assert raced(np.concatenate([table, far])).distance[0] > raced(table).distance[0]


def test_one_setting_always_remains() -> None:
    found = Elimination(3, within=0.1, error=0.05)
    found._total[:] = 1e9  # as if each were worse than some other
    found._total[0, 1] -= 1
    found._eliminate(np.array([0]))
    assert remaining(found) == [1]
    assert found.is_decided[0]


@pytest.mark.parametrize(
    ("kind", "num"), [("equal", 2), ("equal", 10), ("rounded to 2", 4), ("last 5 times as noisy", 4)]
)
def test_errors_stay_below_what_is_asked_for(kind: str, num: int) -> None:
    assert simulate(num, kind, "equal", 0.05, 300)["some_best_lost"] <= 0.05
    assert simulate(num, kind, "best by a wide D", 0.05, 300)["false_within"] <= 0.05


def test_settings_that_are_far_behind_are_out_after_a_few_seeds() -> None:
    figures = simulate(10, "equal", "best by 2D", 0.05, 100)
    assert figures["ended_with_one"] > 0.9
    assert figures["trials"] < 0.55


def test_error_holds_for_runs_of_any_shape_where_nothing_is_assumed() -> None:
    assert simulate(2, "rare collapse, unlike", "equal", 0.05, 100)["some_best_lost"] > 0.15
    assert simulate(2, "rare collapse, unlike", "equal", 0.05, 100, "any")["some_best_lost"] <= 0.05


def step_of(*values: float) -> float:
    found = Resolution(1)
    for value in values:
        found.add(np.array([value]))
    return float(found.step[0])


def test_step_of_rounded_values_is_that_of_their_rounding() -> None:
    drawn = np.random.default_rng(0).normal(3, 0.4, 60).round(1)
    assert step_of(*drawn) == pytest.approx(0.1)


def test_rounding_of_float32_is_no_difference() -> None:
    value = 123.456
    assert step_of(value, float(np.nextafter(value, 200)), value + 5e-6) == np.inf
    assert step_of(value, float(np.float32(value)) + 1e-4) == pytest.approx(1e-4, rel=0.1)


def test_equal_or_lacking_values_have_no_step() -> None:
    assert step_of(0.5, 0.5, np.nan, 0.5) == np.inf
    assert step_of(0.5, np.nan, 0.75, 5.0) == 0.25


def test_step_scales_with_the_values() -> None:
    values = np.random.default_rng(1).normal(0, 1, 20)
    assert step_of(*(8 * values)) == 8 * step_of(*values)


def test_equal_differences_of_coarse_values_are_no_proof() -> None:
    table = [[3.0, 2.0, 2.5, 2.0], [2.5, 1.5, 2.0, 1.5], [2.5, 1.5, 2.0, 1.5]]
    assert raced(table, within=0.01, step=0.0).remaining.tolist() == [[True, False, False]]
    assert raced(table, within=0.01, step=None).remaining.all()


def test_values_that_are_all_equal_may_have_any_step_up_to_the_difference_that_matters() -> None:
    table = [[2.0] * 4] * 2
    assert raced(table, within=0.1, step=0.0).within[0]
    assert not raced(table, within=0.1, step=None).within[0]
    assert raced([[2.0] * 5] * 2, within=0.1, step=None).within[0]


def test_within_needs_twice_the_evidence_of_values_that_may_be_skewed() -> None:
    table = np.random.default_rng(0).normal(0, 1, (2, 12)).tolist()
    distance = raced(table, step=None).distance[0]
    assert raced(table, step=0.0).distance[0] < distance
    assert distance == pytest.approx(raced(table, step=0.0, error=0.025).distance[0])
