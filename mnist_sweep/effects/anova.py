"""Analysis of variance of trials: the marginal means of factors, the differences between their levels, interactions.

A linear model with effect-coded levels gives each level its mean over all levels of the others with equal weights, in
samples as in grids (Searle, Speed and Milliken 1980). The unit is the setting, and its trials are repeated measures:

- Where the same seeds repeat the settings, a difference is judged by how much it varies from seed to seed, since the
  trials of a seed may share initial weights and batches and are then not independent.
- Settings that are no full grid are a sample, and their distance from the model counts as well (Clark 1973).
- Otherwise a setting is the mean of its trials, and its distance from the model is the error.
"""

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.effects.design import Design, Fit, fit, leverage, product, vector_of
from mnist_sweep.stats import CONFIDENCE, UPPER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.intp]

ALPHA = 1 - CONFIDENCE
MAX_COLUMNS = 200  # of an interaction that is tested
MIN_DF = 5  # that an interaction in the model leaves for the error
SURE = 0.01  # p of an interaction that enters the model: those that chance makes would shorten the intervals
RESOLUTION = 1e-9  # of an accuracy: scatter below it is rounding


class Interval(NamedTuple):
    """A mean, or a difference of means, and the ends of its 95% interval, NaN where there is none."""

    mean: float
    low: float
    high: float


class Means(NamedTuple):
    """What a factor does.

    Attributes:
        levels: Mean accuracy of each level.
        worst: Index of the level with the lowest mean.
        best: Index of the level with the highest mean.
        difference: Best less worst; the interval holds for all pairs of levels at once (Tukey 1949, Kramer 1956).
        slope: Of the means over the levels in their order.
        p: Of the t-test of that slope.
    """

    levels: tuple[Interval, ...]
    worst: int
    best: int
    difference: Interval
    slope: float
    p: float


class Pair(NamedTuple):
    """How far two factors are from adding up.

    Attributes:
        factors: Their indices.
        share: Of the variance between settings, what it explains beyond chance (epsilon squared, Kelley 1935).
        p: Of the F-test, times the number of pairs (Bonferroni), at most 1.
    """

    factors: tuple[int, int]
    share: float
    p: float


class MeanSquare(NamedTuple):
    """A variance of a setting's mean over its seeds, as a sum of squares with its degrees of freedom estimates it."""

    total: float
    df: float

    @property
    def value(self) -> float:
        """The variance; NaN without a degree of freedom."""
        return max(self.total / self.df, RESOLUTION**2) if self.df > 0 else math.nan


def analyse(of: Design) -> tuple[Fit, list[Pair]]:
    """Return the model with the interactions that show themselves, one after the other, and all pairs by their p."""
    pairs, inside, found, model = of.pairs(), list[tuple[int, int]](), list[Pair](), fit(of)
    num_pairs = len(pairs)
    while True:
        tests = [_test(model, pair, num_pairs) for pair in pairs]
        tests = sorted((test for test in tests if not math.isnan(test.p)), key=lambda test: (test.p, -test.share))
        if not tests or tests[0].p >= ALPHA:
            return model, [*found, *tests]
        found.append(tests[0])
        pairs.remove(tests[0].factors)
        if tests[0].p < SURE and _can_hold(model, tests[0].factors):
            inside.append(tests[0].factors)
            model = fit(of, inside)


def means(model: Fit, factor: int) -> Means:
    """Return the marginal means of a factor; what the design does not tell is NaN."""
    import numpy as np
    from scipy.special import stdtr

    num = model.mains[factor].shape[1] + 1
    vectors = np.array([vector_of(model, {factor: level}) for level in range(num)])
    values = (vectors @ model.coefficients).mean(axis=1)
    worst, best = int(values.argmin()), int(values.argmax())
    scores = np.arange(num) - (num - 1) / 2
    error = _whole(*_errors(model, vectors - vectors.mean(axis=0), num - 1))
    difference, its_error = _estimate(model, vectors[best] - vectors[worst], error)
    slope, slopes_error = _estimate(model, scores @ vectors / (scores @ scores), error)
    half = _tukey(num, float(f"{error.df:.2g}")) * its_error / math.sqrt(2)
    return Means(
        levels=tuple(_level(model, vector) for vector in vectors),
        worst=worst,
        best=best,
        difference=Interval(difference, difference - half, difference + half),
        slope=slope,
        p=2 * float(stdtr(error.df, -abs(slope) / slopes_error)),
    )


def _level(model: Fit, vector: "Array") -> Interval:
    """Return the mean of a level; the parts of its error have their own t quantiles (Cochran 1964)."""
    from scipy.special import stdtrit

    parts, shared = _errors(model, vector[None], 1)
    mean, error = _estimate(model, vector, _whole(parts, shared))
    weights = [part.value / sum(part.value for part in parts) for part in parts]
    t = sum(weight * float(stdtrit(part.df, UPPER)) for weight, part in zip(weights, parts, strict=True)) or math.nan
    return Interval(mean, min(max(mean - t * error, 0.0), mean), max(min(mean + t * error, 1.0), mean))


def _errors(model: Fit, vectors: "Array", rank: int) -> tuple[list[MeanSquare], float]:
    """Return the parts of the error of some sums of coefficients, and the variance that the parts share.

    Args:
        model: The model.
        vectors: Weights of the coefficients in each sum: float64 `[sums, columns]`.
        rank: How many of the sums do not follow from the others.
    """
    settings, num_seeds, present = _by_setting(model), model.residuals.shape[1], model.of.present
    if num_seeds == 1:
        return [settings] if settings.df > 0 else [], 0.0
    sums = vectors @ model.coefficients
    scatter = float(((sums - sums.mean(axis=1, keepdims=True)) ** 2).sum())
    df = rank * (num_seeds - 1) * present
    scale = num_seeds * (num_seeds - 1) * present**2 * sum(leverage(model, vector) for vector in vectors)
    seeds = MeanSquare(scatter / scale * df, df)
    if model.of.is_grid or settings.df <= 0:
        return [seeds], 0.0
    rest = _rest(model)
    return [settings, seeds], rest.value if rest.df > 0 else 0.0


def _whole(parts: Sequence[MeanSquare], shared: float) -> MeanSquare:
    """Return the sum of the parts of an error, at least the largest, with Satterthwaite's degrees of freedom (1946)."""
    largest = max(parts, key=lambda part: part.value, default=MeanSquare(0.0, 0.0))
    total = sum(part.value for part in parts) - shared
    if len(parts) < 2 or total <= largest.value:
        return largest
    df = total**2 / sum(part.value**2 / part.df for part in parts)
    return MeanSquare(total * df, df)


def _by_setting(model: Fit) -> MeanSquare:
    """Return the distance of the settings' means from the model."""
    means = model.residuals.mean(axis=1)
    return MeanSquare(float(means @ means), len(means) - model.basis.shape[1])


def _rest(model: Fit) -> MeanSquare:
    """Return what the settings and the effects' variation from seed to seed leave."""
    num_settings, num_seeds = model.residuals.shape
    rest, present = model.residuals - model.residuals.mean(axis=1, keepdims=True), model.of.present
    df = (num_settings - model.basis.shape[1]) * (num_seeds - 1) - rest.size * (1 - present)
    return MeanSquare(float((rest**2).sum()) / num_seeds / present, df)


def _test(model: Fit, pair: tuple[int, int], num_pairs: int) -> Pair:
    """Return the F-test of an interaction; its p is NaN where the design does not allow one."""
    from scipy.special import fdtrc

    means, settings, explained = model.of.accuracy.mean(axis=1), _by_setting(model), _explained(model, pair)
    error = MeanSquare(settings.total - explained.total, settings.df - explained.df)
    if model.of.is_grid and model.residuals.shape[1] > 1:
        error = _rest(model)
    if explained.df == 0 or error.df <= 0:
        return Pair(pair, math.nan, math.nan)
    p = float(fdtrc(explained.df, error.df, explained.value / error.value)) * num_pairs
    share = (explained.total - explained.df * error.value) / max(len(means) * float(means.var()), RESOLUTION**2)
    return Pair(pair, min(max(share, 0.0), 1.0), min(p, 1.0))


def _explained(model: Fit, pair: tuple[int, int]) -> MeanSquare:
    """Return what the interaction of two factors explains; nothing if it has more columns than are tested."""
    import numpy as np

    a, b = (model.mains[factor] for factor in pair)
    if a.shape[1] * b.shape[1] > MAX_COLUMNS:
        return MeanSquare(0.0, 0)
    columns = product(a, b)
    columns = columns - model.basis @ (model.basis.T @ columns)
    values, vectors = np.linalg.eigh(columns.T @ columns)
    kept = values > 1e-6
    parts = (vectors[:, kept] / np.sqrt(values[kept])).T @ (columns.T @ model.residuals.mean(axis=1))
    return MeanSquare(float(parts @ parts), int(kept.sum()))


def _can_hold(model: Fit, pair: tuple[int, int]) -> bool:
    """Return whether all levels of two factors meet, and their interaction would leave enough for the error."""
    df = _explained(model, pair).df
    return df == math.prod(model.mains[factor].shape[1] for factor in pair) and _by_setting(model).df - df >= MIN_DF


def _estimate(model: Fit, vector: "Array", error: MeanSquare) -> tuple[float, float]:
    """Return a weighted sum of the coefficients and its standard error, NaN if the design does not tell it."""
    import numpy as np

    axes = model.roots / np.linalg.norm(model.roots, axis=0)
    if np.abs(vector - axes @ (axes.T @ vector)).max() > 1e-6:
        return math.nan, math.nan
    return float((vector @ model.coefficients).mean()), math.sqrt(leverage(model, vector) * error.value)


@functools.lru_cache(maxsize=4096)
def _tukey(num_levels: int, df: float) -> float:
    """Return the 95% point of the studentized range, which takes 0.1 s to compute; of two levels it is a t quantile."""
    from scipy.special import stdtrit
    from scipy.stats import studentized_range

    if num_levels == 2 or df <= 0:
        return float(stdtrit(df, UPPER)) * math.sqrt(2) if df > 0 else math.nan
    return float(studentized_range.ppf(CONFIDENCE, num_levels, df))
