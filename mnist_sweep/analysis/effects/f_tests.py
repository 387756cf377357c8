"""Analysis of variance of trials: mean squares, and F-tests of interactions between factors.

The unit is the setting; its trials with different seeds are repeated measures.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy

from mnist_sweep.analysis.effects.design import Array, Design, LinearModel, fit, interaction_columns
from mnist_sweep.statistics.intervals import CONFIDENCE

ALPHA = 1 - CONFIDENCE
MAX_COLUMNS = 200  # of an interaction that is tested
MIN_DF = 5  # that an interaction in the model leaves for the error
INCLUDED = 0.01  # p-value of an interaction that enters the model: those made by chance would shorten the intervals
RESOLUTION = 1e-9  # of an accuracy: variation below it is rounding


class InteractionTest(NamedTuple):
    """How far the effects of two factors, given by their indices, are from being additive.

    `share` is what the interaction explains beyond chance of the variance between settings, in [0, 1] (epsilon squared,
    Kelley 1935); `pvalue` that of the F-test, times the number of pairs (Bonferroni), at most 1.
    """

    factors: tuple[int, int]
    share: float
    pvalue: float


class MeanSquare(NamedTuple):
    """An estimate of the variance of a setting's mean over its seeds: a sum of squares and its degrees of freedom."""

    total: float
    df: float
    least: float = RESOLUTION**2

    @property
    def value(self) -> float:
        """The variance, no smaller than `least`; NaN without a degree of freedom."""
        return max(self.total / self.df, self.least) if self.df > 0 else math.nan


def fit_with_interactions(design: Design) -> tuple[LinearModel, list[InteractionTest]]:
    """Return the model with significant interactions, added one after the other, and the tests of all pairs by p-value.

    An interaction enters the model if its p-value is below 1% and enough degrees of freedom remain for the error.
    """
    pairs, inside, found, model = design.pairs(), list[tuple[int, int]](), list[InteractionTest](), fit(design)
    num_pairs = len(pairs)
    while True:
        tests = [test for pair in pairs if not math.isnan((test := _test(model, pair, num_pairs)).pvalue)]
        tests.sort(key=lambda test: (test.pvalue, -test.share))
        if not tests or tests[0].pvalue >= ALPHA:
            return model, [*found, *tests]
        found.append(tests[0])
        pairs.remove(tests[0].factors)
        if tests[0].pvalue < INCLUDED and _fits(model, tests[0].factors):
            inside.append(tests[0].factors)
            model = fit(design, inside)


def mean_square_of_settings(model: LinearModel) -> MeanSquare:
    """Return the mean square of the distances of the settings' means from the model."""
    means = model.residuals.mean(axis=1)
    return MeanSquare(float(means @ means), len(means) - model.basis.shape[1], least_variance(model))


def mean_square_of_remainder(model: LinearModel) -> MeanSquare:
    """Return the mean square that neither settings nor the effects' variation from seed to seed explain."""
    num_settings, num_seeds = model.residuals.shape
    rest, present = model.residuals - model.residuals.mean(axis=1, keepdims=True), model.design.present
    df = (num_settings - model.basis.shape[1]) * (num_seeds - 1) - rest.size * (1 - present)
    return MeanSquare(float((rest**2).sum()) / model.design.num_runs, df, least_variance(model))


def mean_square_of_blocks(model: LinearModel) -> MeanSquare:
    """Return the mean square that neither settings nor seeds explain, when each has an effect of its own."""
    rest, (num_settings, num_seeds) = block_residuals(model), model.design.accuracy.shape
    df = (num_settings - 1) * (num_seeds - 1) - rest.size * (1 - model.design.present)
    return MeanSquare(float((rest**2).sum()) / model.design.num_runs, df, least_variance(model))


def block_residuals(model: LinearModel) -> Array:
    """Return what settings and seeds with an effect each leave of the accuracies: float64 `[settings, seeds]`."""
    accuracy = model.design.accuracy
    return np.asarray(accuracy - accuracy.mean(axis=1, keepdims=True) - accuracy.mean(axis=0) + accuracy.mean())


def least_variance(model: LinearModel) -> float:
    """Return the variance of a setting's mean that rounding to whole images alone causes."""
    return max(model.design.rounding / len(model.residuals.T), RESOLUTION**2)


def _test(model: LinearModel, pair: tuple[int, int], num_pairs: int) -> InteractionTest:
    """Return the F-test of an interaction; its p-value is NaN where the design does not allow one."""
    means = model.design.accuracy.mean(axis=1)
    settings, explained = mean_square_of_settings(model), _explained(model, pair)
    error = MeanSquare(settings.total - explained.total, settings.df - explained.df, settings.least)
    if model.design.is_grid and model.residuals.shape[1] > 1:
        error = mean_square_of_remainder(model)
    if explained.df == 0 or error.df <= 0:
        return InteractionTest(pair, math.nan, math.nan)
    pvalue = float(scipy.special.fdtrc(explained.df, error.df, explained.value / error.value)) * num_pairs
    share = (explained.total - explained.df * error.value) / max(len(means) * float(means.var()), RESOLUTION**2)
    return InteractionTest(pair, min(max(share, 0.0), 1.0), min(pvalue, 1.0))


def _explained(model: LinearModel, pair: tuple[int, int]) -> MeanSquare:
    """Return what the interaction of two factors explains; nothing if it has more columns than are tested."""
    a, b = (model.mains[factor] for factor in pair)
    if a.shape[1] * b.shape[1] > MAX_COLUMNS:
        return MeanSquare(0.0, 0)
    columns = interaction_columns(a, b)
    columns -= model.basis @ (model.basis.T @ columns)
    values, vectors = np.linalg.eigh(columns.T @ columns)
    kept = values > 1e-6
    parts = (vectors[:, kept] / np.sqrt(values[kept])).T @ (columns.T @ model.residuals.mean(axis=1))
    return MeanSquare(float(parts @ parts), int(kept.sum()))


def _fits(model: LinearModel, pair: tuple[int, int]) -> bool:
    """Return whether all levels of two factors meet, and their interaction would leave enough for the error."""
    df, complete = _explained(model, pair).df, math.prod(model.mains[factor].shape[1] for factor in pair)
    return df == complete and mean_square_of_settings(model).df - df >= MIN_DF
