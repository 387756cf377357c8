"""Laws of intervals: they are scipy's, and missing where there is nothing to estimate them from."""

import numpy as np
import pytest
from scipy import special, stats

from mnist_sweep.statistics.intervals import (
    NORMAL,
    UPPER,
    half_width_of_mean,
    interval_of_value,
    studentized_range_quantile,
    wilson_interval,
)
from mnist_sweep.statistics.paired_tests import POWER


@pytest.mark.parametrize("num_examples", [1, 2, 300, 10_000])
def test_interval_of_a_share_is_that_of_scipy(num_examples: int) -> None:
    correct = sorted({0, 1, num_examples // 3, num_examples - 1, num_examples})
    lows, highs = wilson_interval(correct, [num_examples] * len(correct))
    for count, low, high in zip(correct, lows, highs, strict=True):
        expected = stats.binomtest(count, num_examples).proportion_ci(0.95, method="wilson")
        assert (low, high) == pytest.approx(tuple(expected), abs=1e-15)
        assert 0 <= low <= count / num_examples <= high <= 1


def test_interval_of_no_share_is_missing() -> None:
    assert np.isnan(wilson_interval([np.nan], [np.nan])).all()
    assert wilson_interval([], [])[0].shape == (0,)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.1, 0.4, 0.2, 0.9]])
def test_interval_of_a_mean_is_that_of_scipy(values: list[float]) -> None:
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    half = half_width_of_mean(np.std(values, ddof=1), len(values))
    assert (np.mean(values) - half, np.mean(values) + half) == pytest.approx((low, high), rel=1e-12)


def test_interval_of_one_value_is_missing() -> None:
    assert np.isnan(half_width_of_mean([np.nan, np.nan], [0, 1])).all()


@pytest.mark.parametrize(("num_means", "df"), [(2, 3), (2, np.inf), (3, 1), (5, 20.5), (40, 78), (3000, np.inf)])
def test_range_of_means_is_that_of_scipy(num_means: int, df: float) -> None:
    assert studentized_range_quantile(num_means, df) == pytest.approx(
        stats.studentized_range.ppf(0.95, num_means, df), rel=1e-6
    )


def test_the_interval_of_an_accuracy_by_its_error_is_wilsons() -> None:
    right = np.arange(1, 300)
    error = np.sqrt(right / 300 * (1 - right / 300) / 300)
    assert np.allclose(interval_of_value(right / 300, error, is_share=True), wilson_interval(right, 300))
    assert np.isnan(interval_of_value(1.0, 0.0, is_share=True)).all()
    low, high = interval_of_value(20.0, 1.0, is_share=False)
    assert (low, high) == pytest.approx((18.04, 21.96), abs=1e-3)


def test_normal_quantiles_are_those_of_scipy() -> None:
    assert special.ndtri([UPPER, 0.8]).tolist() == [NORMAL, POWER]


def test_means_of_one_value_have_no_interval() -> None:
    assert np.isnan(half_width_of_mean([np.nan, 0.1], 1)).tolist() == [True, True]
