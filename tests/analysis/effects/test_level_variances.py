"""Laws of unequal variances of levels: a noisy level widens its differences, and equal ones change nothing."""

import itertools

import numpy as np
import pytest
from scipy import stats

from mnist_sweep.analysis.effects.design import design_of_trials, fit, marginal_weights
from mnist_sweep.analysis.effects.level_variances import _bartlett, of_difference
from mnist_sweep.analysis.effects.marginal_means import _errors, _less_chance, marginal_means

CODES = np.array([*itertools.product(range(3), range(2), range(2), range(2))])


def model_of(scale: float, *, num_seeds: int = 1, seed: int = 0):  # type: ignore[no-untyped-def]  # a private model
    draw = np.random.default_rng(seed)
    noise = np.where(CODES[:, 0] == 0, scale, 1.0)[:, None] * draw.normal(0, 0.01, (len(CODES), num_seeds))
    setting, at = np.indices(noise.shape).reshape(2, -1)
    return fit(design_of_trials(0.9 + noise.ravel(), CODES[setting], setting, at))


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_noisy_level_widens_its_differences_and_no_others(num_seeds: int) -> None:
    model = model_of(10.0, num_seeds=num_seeds)
    vectors = np.array([marginal_weights(model, {0: level}) for level in range(3)])
    parts = _errors(model, vectors - vectors.mean(axis=0), 2, _less_chance)
    (noisy,) = of_difference(model, 0, vectors[0] - vectors[1], parts)
    (quiet,) = of_difference(model, 0, vectors[2] - vectors[1], parts)
    assert noisy.value > parts[0].value > quiet.value
    assert noisy.df <= parts[0].df


def test_levels_that_vary_alike_keep_the_error_of_all() -> None:
    model = model_of(1.0, seed=1)
    vectors = np.array([marginal_weights(model, {0: level}) for level in range(3)])
    parts = _errors(model, vectors - vectors.mean(axis=0), 2, _less_chance)
    assert of_difference(model, 0, vectors[0] - vectors[1], parts) == parts
    assert of_difference(model, 0, vectors[0] - vectors[1], []) == []


def test_test_of_equal_variances_is_that_of_scipy() -> None:
    groups = np.random.default_rng(0).normal(0, [[1.0], [2.0], [1.5]], (3, 9))
    expected = stats.bartlett(*groups).pvalue
    assert _bartlett(groups.var(axis=1, ddof=1), np.full(3, 8.0)) == pytest.approx(expected)


def test_noisy_level_is_called_different_by_chance_no_more_often() -> None:
    """With the error of all levels it was in 10% of sweeps."""
    found = [marginal_means(model_of(5.0, seed=seed), 0).difference.low > 0 for seed in range(200)]
    assert np.mean(found) <= 0.09
