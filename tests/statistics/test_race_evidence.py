"""Laws of the evidence on a pair: the ratio that it claims to be, or what bets win, which is nothing on average."""

import itertools
import math

import numpy as np
import pytest

from mnist_sweep.statistics.elimination import Elimination
from mnist_sweep.statistics.race_evidence import (
    TAU,
    BettingEvidence,
    Differences,
    StudentEvidence,
    fewest_seeds,
    log_evidence,
    standardized_mean,
)

AT = tuple(np.array([[0], [0], [1]]))
NOTHING = Differences(*np.zeros((3, 1)))


def integrated(n: int, mean: float, variance: float) -> float:
    """Return the log of the evidence by numerical integration over the precision's root u and the effect."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    rest = (n - 1) * variance
    most_u, most_effect = (np.sqrt(n) + 12) / np.sqrt(rest), 10 * TAU
    u, effect = (nodes + 1) / 2 * most_u, (nodes + 1) / 2 * most_effect
    logs = (n - 1) * np.log(u)[:, None] - (rest * u[:, None] ** 2 + n * (mean * u[:, None] - effect) ** 2) / 2
    none = (n - 1) * np.log(u) - (rest + n * mean**2) * u**2 / 2
    largest = max(logs.max(), none.max())
    some = np.exp(logs - largest - effect**2 / 2 / TAU**2) @ (weights * most_effect / 2)
    ratio = (some @ weights) / (np.exp(none - largest) @ weights)
    return float(np.log(ratio * 2 / np.sqrt(2 * np.pi) / TAU))


@pytest.mark.parametrize("n", [2, 3, 10, 30])
def test_evidence_is_the_ratio_of_the_integrated_likelihoods(n: int) -> None:
    for mean in (-2.0, -0.3, 0.0, 0.1, 1.0, 3.0):
        assert np.expm1(log_evidence(n, 0.7 * mean, 0.49) - integrated(n, mean, 1.0)) == pytest.approx(0, abs=1e-10)


def test_evidence_grows_with_the_mean_so_that_it_is_less_against_a_larger_difference() -> None:
    evidence = log_evidence(6, np.linspace(-4, 4, 200), 1.0)
    assert (np.diff(evidence) > 0).all()


@pytest.mark.parametrize("n", [2, 3, 7, 30])
def test_mean_with_an_evidence_has_that_evidence_or_none_has(n: int) -> None:
    for log_level in (0.5, 3.0, 6.7):
        mean = standardized_mean(n, log_level)
        if math.isinf(mean):
            assert log_evidence(n, 1e9, 1.0) < log_level
        else:
            assert log_evidence(n, mean, 1.0) == pytest.approx(log_level, abs=1e-9)
    assert standardized_mean(1, 0.1) == math.inf


def test_margin_is_subtracted_from_either_lead_and_added_to_the_distance() -> None:
    evidence = StudentEvidence()
    known = Differences(np.array([9.0]), np.array([0.3]), np.array([0.04]))
    plain = evidence.distance(3.0, Differences(*(part.reshape(1, 1, 1) for part in known)))
    evidence.margin = np.array([[0.0, 0.1], [0.1, 0.0]])
    sides = evidence.add(AT, known.mean, known)
    assert [float(side[0]) for side in sides] == [log_evidence(9, lead - 0.1, 0.04) for lead in (0.3, -0.3)]
    shown = evidence.distance(3.0, Differences(*(np.broadcast_to(part, (1, 2, 2)) for part in known)))
    assert shown[0, 0, 1] == pytest.approx(plain[0, 0, 0] + 0.1)


def after_bets(leads: list[float], within: float = 0.25) -> tuple[float, float, float]:
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
    mean = [math.prod(leads[lead] for lead in run) * after_bets([*run])[0] for run in runs]
    assert math.fsum(mean) == pytest.approx(1.0)


def test_order_of_seeds_changes_nothing() -> None:
    leads = [0.3, -0.2, 0.05, 0.5]
    assert after_bets(leads) == pytest.approx(after_bets(leads[::-1]))


def test_who_loses_everything_on_one_side_still_counts_the_others() -> None:
    ahead, behind, _ = after_bets([-1.0] * 3)
    assert 0 < ahead < 0.5
    assert behind > 4


def test_steady_lead_is_shown_with_the_fewest_seeds() -> None:
    number = fewest_seeds(0.1, 20)
    assert after_bets([0.1] * (number - 6))[0] < 20 <= after_bets([0.1] * (number + 1))[0]


def test_distance_is_one_of_those_tried_that_both_sides_show() -> None:
    assert after_bets([0.0] * 3)[2] == math.inf
    assert after_bets([0.0] * 8)[2] == 0.5
    assert after_bets([0.0] * 30)[2] == 0.25
    assert after_bets([0.3] * 30)[2] == 0.5


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
