"""Laws of the evidence on a pair: it is the ratio that it claims to be, and a margin is what has to be exceeded."""

import math

import numpy as np
import pytest

from mnist_sweep.statistics.pair_evidence import TAU, Differences, StudentEvidence, log_evidence, standardized_mean


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
    evidence, at = StudentEvidence(), tuple(np.array([[0], [0], [1]]))
    known = Differences(np.array([9.0]), np.array([0.3]), np.array([0.04]))
    plain = evidence.distance(3.0, Differences(*(part.reshape(1, 1, 1) for part in known)))
    evidence.margin = np.array([[0.0, 0.1], [0.1, 0.0]])
    sides = evidence.add(at, known.mean, known)
    assert [float(side[0]) for side in sides] == [log_evidence(9, lead - 0.1, 0.04) for lead in (0.3, -0.3)]
    shown = evidence.distance(3.0, Differences(*(np.broadcast_to(part, (1, 2, 2)) for part in known)))
    assert shown[0, 0, 1] == pytest.approx(plain[0, 0, 0] + 0.1)
