"""Marginal means of factors, the differences between their levels, and the confidence intervals of both.

A linear model with effect-coded levels gives each level its mean over all levels of the others with equal weights
(Searle, Speed and Milliken 1980). The unit is the setting, and its trials are repeated measures. Where the same seeds
repeat the settings, the error of a difference is its variation from seed to seed, since the trials of a seed may share
initial weights and batches; where the settings are no full grid, their distance from the model counts as well (Clark
1973), and alone if seeds differ. An error of two parts uses the quantiles of both, weighted by their estimates (Cochran
1964; Dunnett 1980, procedure C). `python -m tests.benchmarks.coverage` and `errors` measure how often intervals cover.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from mnist_sweep.analysis.effects import design
from mnist_sweep.analysis.effects.design import Array, LinearModel, MeanSquare, leverage, marginal_weights
from mnist_sweep.analysis.effects.interactions import ALPHA
from mnist_sweep.analysis.effects.level_variances import variance_of_difference
from mnist_sweep.statistics.intervals import studentized_range_quantile, weight_of_few

ONE_IMAGE = math.sqrt(12)  # in standard deviations of rounding
ROUNDING = 1e-9  # relative, of sums


class Interval(NamedTuple):
    """A mean, a difference of means or a slope, and the ends of its 95% interval, NaN where there is none."""

    mean: float
    low: float
    high: float


class MarginalMeans(NamedTuple):
    """The marginal means of a factor's levels.

    Attributes:
        levels: Mean accuracy of each level.
        worst: Index of the level with the lowest mean.
        best: Index of the level with the highest mean.
        difference: Best minus worst; the interval holds for all pairs of levels at once (Tukey 1949, Kramer 1956).
        pvalue: Of the difference, for all pairs at once; 1 where its interval is not above 0.
        slope: Of the means over the levels in their order; the interval holds for all trends at once (Bonferroni).
    """

    levels: tuple[Interval, ...]
    worst: int
    best: int
    difference: Interval
    pvalue: float
    slope: Interval


def marginal_means(model: LinearModel, factor: int, *, num_trends: int = 1) -> MarginalMeans:
    """Return the marginal means of the factor with this index; what the design cannot estimate is NaN.

    `num_trends` is the number of factors that are tested for a trend.
    """
    num = model.mains[factor].shape[1] + 1
    vectors = np.array([marginal_weights(model, {factor: level}) for level in range(num)])
    first, *others = model.levels[factor].tolist()
    known = np.array([first, *(others or [(first + 1) % num])])  # one level alone makes an unknown difference
    compared, num = vectors[known], len(known)
    values = (compared @ model.coefficients).mean(axis=1)
    worst, best = int(known[values.argmin()]), int(known[values.argmax()])
    scores = known - known.mean()
    pair, slope = vectors[best] - vectors[worst], scores @ compared / (scores @ scores)
    of_pair, of_slope = (_errors_of_difference(model, factor, vector, compared) for vector in (pair, slope))
    levels = [_interval(model, vector, _errors(model, vector[None], 1), _t_quantile(ALPHA)) for vector in vectors]
    difference = _interval(model, pair, of_pair, functools.partial(_tukey_quantile, num))
    least, most = model.design.limits
    return MarginalMeans(
        levels=tuple(_clipped(interval, least, most) for interval in levels),
        worst=worst,
        best=best,
        difference=_clipped(difference, least - most, most - least),
        pvalue=_pvalue(model, pair, of_pair, num) if difference.low > 0 else 1.0,
        slope=_interval(model, slope, of_slope, _t_quantile(ALPHA / num_trends)),
    )


def _errors(model: LinearModel, vectors: Array, rank: int) -> list[MeanSquare]:
    """Return the independent parts of the error of some sums of coefficients; none if it cannot be estimated.

    `vectors` are the weights of the coefficients in each sum: float64 `[sums, columns]`; `rank` is their rank. The last
    part is the variation of the sums from seed to seed.
    """
    settings, num_seeds = design.mean_square_of_settings(model), model.residuals.shape[1]
    present = model.design.present
    if num_seeds == 1:
        return [settings] if settings.df > 0 else []
    sums = vectors @ model.coefficients
    squares = float(((sums - sums.mean(axis=1, keepdims=True)) ** 2).sum())
    df = rank * (num_seeds - 1) * present
    scale = model.design.num_runs * (num_seeds - 1) * present * sum(leverage(model, vector) for vector in vectors)
    seeds = MeanSquare(squares / scale * df, df, design.least_variance(model))
    if model.design.is_grid or settings.df <= 0:
        return [seeds]
    # Both mean squares contain the remainder; what settings add is what they have beyond it.
    rest = design.mean_square_of_remainder(model)
    own = settings.value - rest.value if rest.df > 0 else settings.value
    return [MeanSquare(own * settings.df, settings.df), seeds]


def _errors_of_difference(model: LinearModel, factor: int, vector: Array, levels: Array) -> list[MeanSquare]:
    """Return the parts of the error of a difference between levels, whose weights of coefficients are given.

    What a seed does to all levels alike is not in it. In a grid, its variation from seed to seed has few degrees of
    freedom, so it is moderated by what settings and seeds leave when each has an effect of its own (Smyth 2004). That
    remainder counts as a third of a degree of freedom for each seed, and by as much less as it is smaller, so that it
    does not hide what a seed does to a level. The more unequally settings vary (`level_variances`), the fewer degrees
    of freedom the other levels add.
    """
    num_seeds, rank = model.residuals.shape[1], len(levels) - 1
    parts = _errors(model, levels - levels.mean(axis=0), rank)
    if not parts:
        return []
    own, first = variance_of_difference(model, factor, vector), parts[0]
    df, value = min(first.df, own.df), first.value
    if model.design.is_grid and num_seeds > 1:
        rest = design.mean_square_of_blocks(model)
        prior = num_seeds / 3 * min(1.0, rest.value / first.value)
        value = (prior * rest.value + first.df * first.value) / (prior + first.df)
        from_seeds = (num_seeds - 1) * (1 + (rank - 1) * own.alike)
        df = min((prior + from_seeds) ** 2 / (prior**2 / own.df + from_seeds), own.df)
    return [MeanSquare(own.ratio * value * df, df, first.least), *parts[1:]]


def _interval(
    model: LinearModel, vector: Array, parts: Sequence[MeanSquare], quantile: Callable[[float], float]
) -> Interval:
    """Return a weighted sum of the coefficients with the interval of these parts of its error and their quantiles."""
    if np.abs(vector @ model.null).max(initial=0.0) > design.ESTIMABLE:  # the design confounds it with others
        return Interval(math.nan, math.nan, math.nan)
    mean, variance = float((vector @ model.coefficients).mean()), sum(part.value for part in parts)
    half = _weighted(parts, quantile) * math.sqrt(leverage(model, vector) * variance) if parts else math.nan
    if variance <= len(parts) * design.least_variance(model) * (1 + ROUNDING):  # then all round alike
        step = ONE_IMAGE * math.sqrt(model.design.rounding)
        half = max(half, step + design.RESOLUTION) if step else math.nan
    return Interval(mean, mean - half, mean + half)


def _clipped(interval: Interval, least: float, most: float) -> Interval:
    """Return a clipped interval; the mean itself may lie outside, as it is that of a model."""
    low, high = max(interval.low, least), min(interval.high, most)
    return Interval(interval.mean, min(low, interval.mean), max(high, interval.mean))


def _weighted(parts: Sequence[MeanSquare], of_df: Callable[[float], float]) -> float:
    """Return a quantile, or a p-value, of an error of one part, or of the settings' own and that of their seeds."""
    if len(parts) == 1:
        return of_df(parts[0].df)
    settings, seeds = parts
    weight = weight_of_few(seeds.value / (settings.value + seeds.value), seeds.df)
    return (1 - weight) * of_df(settings.df) + weight * of_df(seeds.df)


def _pvalue(model: LinearModel, vector: Array, parts: Sequence[MeanSquare], num_levels: int) -> float:
    """Return the p-value of the difference between the best and the worst of this many levels."""
    error = math.sqrt(leverage(model, vector) * sum(part.value for part in parts))
    ratio = float((vector @ model.coefficients).mean()) / error
    if num_levels == 2:
        return _weighted(parts, lambda df: 2 * float(scipy.special.stdtr(df, -ratio)))
    return _weighted(parts, lambda df: float(scipy.stats.studentized_range.sf(ratio * math.sqrt(2), num_levels, df)))


def _t_quantile(alpha: float) -> Callable[[float], float]:
    """Return the function from degrees of freedom to the two-sided t quantile."""
    return lambda df: float(scipy.special.stdtrit(df, 1 - alpha / 2))


def _tukey_quantile(num_levels: int, df: float) -> float:
    """Return the 95% quantile of the studentized range over the square root of 2; with two levels, a t quantile."""
    if num_levels == 2:
        return _t_quantile(ALPHA)(df)
    return studentized_range_quantile(num_levels, float(f"{df:.2g}")) / math.sqrt(2)
