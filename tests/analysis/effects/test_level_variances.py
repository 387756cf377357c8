"""Laws of unequal variances of levels: a noisy level widens its differences, and equal ones change nothing."""

import itertools

import numpy as np
import pytest
from scipy import stats

from mnist_sweep.analysis.effects.design import LinearModel, design_of_trials, fit, marginal_weights
from mnist_sweep.analysis.effects.level_variances import LevelVariance, _bartlett, variance_of_difference
from mnist_sweep.analysis.effects.marginal_means import marginal_means

CODES = np.array([*itertools.product(range(3), range(2), range(2), range(2))])


def model_of(scale: float, *, num_seeds: int = 1, seed: int = 0) -> LinearModel:
    draw = np.random.default_rng(seed)
    noise = np.where(CODES[:, 0] == 0, scale, 1.0)[:, None] * draw.normal(0, 0.01, (len(CODES), num_seeds))
    setting, at = np.indices(noise.shape).reshape(2, -1)
    return fit(design_of_trials(0.9 + noise.ravel(), CODES[setting], setting, at))


def difference(model: LinearModel, a: int, b: int) -> LevelVariance:
    """Return the variance of the difference between two levels of the first factor."""
    return variance_of_difference(model, 0, marginal_weights(model, {0: a}) - marginal_weights(model, {0: b}))


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_noisy_level_widens_its_differences_and_no_others(num_seeds: int) -> None:
    model = model_of(10.0, num_seeds=num_seeds)
    noisy = difference(model, 0, 1)
    quiet = difference(model, 2, 1)
    assert noisy.ratio > 1 > quiet.ratio
    assert noisy.df < quiet.df


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_levels_that_vary_alike_have_the_variance_of_all(num_seeds: int) -> None:
    model = model_of(1.0, num_seeds=num_seeds, seed=1)
    found = difference(model, 0, 1)
    assert found.ratio == pytest.approx(1, abs=0.2)
    assert 0 < found.alike <= 1


def test_one_noisy_setting_has_a_difference_to_itself() -> None:
    """Then the other settings add nothing to what its few runs tell."""
    noise = np.random.default_rng(2).normal(0, 0.01, (len(CODES), 3))
    noise[0] *= 100
    setting, at = np.indices(noise.shape).reshape(2, -1)
    model = fit(design_of_trials(0.9 + noise.ravel() / 100, CODES[setting], setting, at))
    alike = [difference(model, a, b).alike for a, b in ((0, 1), (1, 2))]
    assert alike[0] < 0.1 < 0.3 < alike[1]


def test_runs_that_are_all_alike_have_no_unequal_variances() -> None:
    model = fit(
        design_of_trials(np.full(72, 0.9), np.repeat(CODES, 3, axis=0), np.repeat(range(24), 3), np.arange(72) % 3)
    )
    assert difference(model, 0, 1) == pytest.approx((1, 46, 1))


def test_test_of_equal_variances_is_that_of_scipy() -> None:
    groups = np.random.default_rng(0).normal(0, [[1.0], [2.0], [1.5]], (3, 9))
    expected = stats.bartlett(*groups).pvalue
    assert _bartlett(groups.var(axis=1, ddof=1), np.full(3, 8.0)) == pytest.approx(expected)


def test_noisy_level_is_called_different_by_chance_no_more_often() -> None:
    """With the error of all levels it was in 10% of sweeps."""
    found = [marginal_means(model_of(5.0, seed=seed), 0).difference.low > 0 for seed in range(200)]
    assert np.mean(found) <= 0.09
