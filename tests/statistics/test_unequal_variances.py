"""Laws of unequal variances: their inequality is bounded, and the critical lead grows with it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import studentized_range

from mnist_sweep.statistics.two_way_residuals import residuals
from mnist_sweep.statistics.unequal_variances import LOG_VARIANCE_STDS, critical_lead, log_variance_std_bound

CONFIG, SEED = np.indices((40, 3)).reshape(2, -1)


def seen(variance: NDArray[np.float64], draw: np.random.Generator) -> float:
    """Return the limit of a sweep of three seeds whose configs have these variances."""
    accuracy = np.sqrt(variance)[CONFIG] * draw.standard_normal(len(CONFIG))
    return log_variance_std_bound(residuals(accuracy, CONFIG, SEED), CONFIG)


@pytest.mark.parametrize("degrees", [2.0, 5.0, 20.0])
def test_variances_are_more_unequal_than_the_limit_in_1_percent_of_sweeps(degrees: float) -> None:
    draw = np.random.default_rng(0)
    true = np.log(degrees / draw.chisquare(degrees, 100_000)).std()
    limits = [seen(degrees / draw.chisquare(degrees, 40), draw) for _ in range(500)]
    assert np.mean(np.array(limits) < true - LOG_VARIANCE_STDS[1] / 2) <= 0.02


def test_equal_variances_are_not_taken_for_very_unequal_ones() -> None:
    draw = np.random.default_rng(1)
    assert np.mean([seen(np.ones(40), draw) for _ in range(200)]) < 1


def test_critical_value_of_equal_variances_is_that_of_tukey() -> None:
    assert critical_lead(CONFIG, SEED, 78, 0.0) == pytest.approx(studentized_range.ppf(0.97, 40, 78), rel=0.05)


def test_critical_value_is_larger_where_variances_are_unequal() -> None:
    assert (
        critical_lead(CONFIG, SEED, 78, 0.0)
        < critical_lead(CONFIG, SEED, 78, 0.6)
        < critical_lead(CONFIG, SEED, 78, 1.2)
    )


def test_scale_of_accuracies_changes_no_limit() -> None:
    rest = residuals(np.random.default_rng(2).normal(size=len(CONFIG)), CONFIG, SEED)
    assert log_variance_std_bound(1e-4 * rest, CONFIG) == log_variance_std_bound(rest, CONFIG)


def test_accuracies_without_noise_have_no_spread() -> None:
    assert log_variance_std_bound(np.zeros(len(CONFIG)), CONFIG) == 0
