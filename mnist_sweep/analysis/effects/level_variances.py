"""Unequal variances of the levels of a factor: the error of a difference of two of them."""

from collections.abc import Sequence

import numpy as np

from mnist_sweep.analysis.effects.anova import MeanSquare
from mnist_sweep.analysis.effects.design import Array, LinearModel

UNEQUAL = 0.2  # p-value of Bartlett's test, as intervals that rely on equal variances need more than no proof against
MIN_DF = 1.0


def of_difference(model: LinearModel, factor: int, vector: Array, parts: Sequence[MeanSquare]) -> list[MeanSquare]:
    """Return the parts of the error of a difference, the first of them from the two levels alone if levels are unequal.

    Args:
        model: The model.
        factor: Index of the factor.
        vector: Weights of the coefficients in the difference.
        parts: Parts of the error of all its differences.
    """
    codes, squares = model.design.codes[:, factor], _squares(model)
    has = codes >= 0
    count = np.bincount(codes[has])
    df = _df(model) * count / len(codes)
    if not parts or min(df) < MIN_DF or not squares.any():
        return [*parts]
    variance = np.maximum(np.bincount(codes[has], squares[has]) / df, parts[0].least)
    pooled = float(df @ variance / df.sum())
    if _bartlett(variance, df) >= UNEQUAL:
        return [*parts]
    weights = (model.basis @ (model.roots.T @ vector)) ** 2
    if not weights.any():  # the means do not differ
        return [*parts]
    of_levels = np.bincount(codes[has], weights[has]) * variance
    ratio = float(of_levels.sum() / weights.sum()) / pooled
    welch = float(of_levels.sum() ** 2 / (of_levels**2 / df).sum())
    first = min(parts[0].df, welch)
    return [MeanSquare(parts[0].value * ratio * first, first, parts[0].least), *parts[1:]]


def _squares(model: LinearModel) -> Array:
    """Return the sum of squares of each setting: from the model, or with seeds as blocks in a grid."""
    accuracy = model.design.accuracy
    if model.design.is_grid and accuracy.shape[1] > 1:
        rest = accuracy - accuracy.mean(axis=1, keepdims=True) - accuracy.mean(axis=0) + accuracy.mean()
        return np.asarray((rest**2).sum(axis=1))
    return np.asarray(model.residuals.mean(axis=1) ** 2)


def _df(model: LinearModel) -> float:
    """Return the degrees of freedom of all these squares."""
    num_settings, num_seeds = model.residuals.shape
    df = num_settings - model.basis.shape[1]
    if model.design.is_grid and num_seeds > 1:
        df = (num_settings - 1) * (num_seeds - 1) - model.residuals.size * (1 - model.design.present)
    return float(df)


def _bartlett(variance: Array, df: Array) -> float:
    """Return the p-value of Bartlett's test (1937) that variances with these degrees of freedom are equal."""
    from scipy.special import chdtrc

    total = df.sum()
    statistic = total * np.log(df @ variance / total) - df @ np.log(variance)
    correction = 1 + ((1 / df).sum() - 1 / total) / (3 * (len(df) - 1))
    return float(chdtrc(len(df) - 1, max(statistic / correction, 0.0)))
