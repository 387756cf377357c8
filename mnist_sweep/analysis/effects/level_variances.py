"""Unequal variances of the levels of a factor: what they make of the error of a difference between levels."""

import math
from typing import NamedTuple

import numpy as np
import scipy

from mnist_sweep.analysis.effects import design
from mnist_sweep.analysis.effects.design import Array, LinearModel

PRIOR_DF = 1.75  # of all levels' variance in that of one: with less, power is lost, and with more, coverage
UNEQUAL = 0.2  # p-value of Bartlett's test, as intervals that rely on equal variances need more than no proof against
MIN_DF = 1.0  # of a level, for that test
SMALLEST_SHARE = 1e-12  # of the variance of all levels, for a logarithm


class LevelVariance(NamedTuple):
    """The variance of a difference between levels, whose own variances may be unequal.

    `ratio` is that of this variance to that of a difference between levels that vary alike, and `df` its degrees of
    freedom (Welch 1947). `alike` says by how much the settings in it vary alike: their effective number, if each counts
    by the variance of its runs, over their number, in (0, 1].
    """

    ratio: float
    df: float
    alike: float


def variance_of_difference(model: LinearModel, factor: int, vector: Array) -> LevelVariance:
    """Return the variance of a difference between levels of a factor, given by the weights of the coefficients in it.

    A level's variance is moderated by that of all levels, since a few runs hardly show it (Smyth 2004). It is that of
    the runs with seeds as blocks in a grid, else that of the settings' distances from the model, which show it even
    less: levels count as alike there until a test shows otherwise.
    """
    has, has_blocks = model.design.codes[:, factor] >= 0, model.design.is_grid and model.design.accuracy.shape[1] > 1
    squares = (design.block_residuals(model) ** 2).sum(axis=1) if has_blocks else model.residuals.mean(axis=1) ** 2
    total = float((design.mean_square_of_blocks if has_blocks else design.mean_square_of_settings)(model).df)
    codes, squares = model.design.codes[has, factor], squares[has]
    weights = ((model.basis @ (model.roots.T @ vector)) ** 2)[has]
    if total <= 0 or weights @ squares <= design.RESOLUTION**2 * weights.sum():
        return LevelVariance(1.0, total if total > 0 else math.inf, 1.0)
    df, own = np.bincount(codes) * total / len(has), np.bincount(codes, squares)
    pooled = float(own.sum() / df.sum())
    if not has_blocks and (min(df) < MIN_DF or _bartlett(own / df, df) >= UNEQUAL):
        return LevelVariance(1.0, total, 1.0)
    of_levels = np.bincount(codes, weights) * (PRIOR_DF * pooled + own) / (PRIOR_DF + df)
    return LevelVariance(
        ratio=float(of_levels.sum() / weights.sum()) / pooled,
        df=min(float(of_levels.sum() ** 2 / (of_levels**2 / (PRIOR_DF + df)).sum()), total),
        alike=_effective_number(weights * squares) / _effective_number(weights),
    )


def _effective_number(weights: Array) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())


def _bartlett(variance: Array, df: Array) -> float:
    """Return the p-value of Bartlett's test (1937) that variances with these degrees of freedom are equal."""
    total = df.sum()
    pooled = df @ variance / total
    statistic = -df @ np.log(np.maximum(variance / pooled, SMALLEST_SHARE))
    correction = 1 + ((1 / df).sum() - 1 / total) / (3 * (len(df) - 1))
    return float(scipy.special.chdtrc(len(df) - 1, max(statistic / correction, 0.0)))
