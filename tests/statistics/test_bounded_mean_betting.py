"""Laws of bets: none gains where there is no lead, whatever the shape, and their order does not matter."""

import itertools
import math

import numpy as np
import pytest

from mnist_sweep.statistics.bounded_mean_betting import BettingEvidence, fewest_seeds
from mnist_sweep.statistics.pair_evidence import Differences
from mnist_sweep.statistics.sequential import Elimination

AT = tuple(np.array([[0], [0], [1]]))
NOTHING = Differences(*np.zeros((3, 1)))


def evidence(leads: list[float], within: float = 0.25) -> tuple[float, float, float]:
    found, logs = BettingEvidence((1, 2, 2), within), (np.zeros(1), np.zeros(1))
    for lead in leads:
        logs = found.add(AT, np.array([lead]), NOTHING)
    return math.exp(logs[0][0]), math.exp(logs[1][0]), float(found.distance(math.log(20), NOTHING)[0, 0, 1])


@pytest.mark.parametrize(
    "leads",
    [
        {0.02: 0.95, -0.38: 0.05},  # a rare collapse makes up for a lead
        {1.0: 0.25, -1.0: 0.25, 0.0: 0.5},
        {0.5: 2 / 3, -1.0: 1 / 3},
    ],
)
def test_nobody_gains_on_average_without_a_lead(leads: dict[float, float]) -> None:
    runs = itertools.product(leads, repeat=3)
    mean = [math.prod(leads[lead] for lead in run) * evidence([*run])[0] for run in runs]
    assert math.fsum(mean) == pytest.approx(1.0)


def test_order_of_seeds_changes_nothing() -> None:
    leads = [0.3, -0.2, 0.05, 0.5]
    assert evidence(leads) == pytest.approx(evidence(leads[::-1]))


def test_who_loses_everything_on_one_side_still_counts_the_others() -> None:
    ahead, behind, _ = evidence([-1.0] * 3)
    assert 0 < ahead < 0.5
    assert behind > 4


def test_steady_lead_is_shown_with_the_fewest_seeds() -> None:
    number = fewest_seeds(0.1, 20)
    assert evidence([0.1] * (number - 6))[0] < 20 <= evidence([0.1] * (number + 1))[0]


def test_distance_is_one_of_those_tried_that_both_sides_show() -> None:
    assert evidence([0.0] * 3)[2] == math.inf
    assert evidence([0.0] * 8)[2] == 0.5
    assert evidence([0.0] * 30)[2] == 0.25
    assert evidence([0.3] * 30)[2] == 0.5


def test_settings_leave_at_the_end_of_a_round_only() -> None:
    found = Elimination(3, within=0.1, error=0.05, assume="any")
    for _ in range(30):
        for setting, accuracy in enumerate((0.9, 0.2, 0.9)):
            found.add(setting, np.array([accuracy]))
        before = found.remaining.copy()
        found.end_round()
        if not found.remaining.all():
            break
    assert before.all()
    assert found.remaining[0].tolist() == [True, False, True]
