"""Design of an analysis: settings with their seeds and levels, the linear model fitted to them, and its mean squares.

Where the same seeds repeat the settings, each seed has a fit of its own, which shows the variation between seeds.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.two_way_residuals import seed_effects, to_table

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
MAX_BLOCKS = 200
RESOLUTION = 1e-9  # of an accuracy: variation below it is rounding
ESTIMABLE = 1e-6  # of a sum of coefficients: its part, at most, that is not estimable
CROSSED = 0.8  # share of all pairs of settings and seeds from which on the seeds repeat the settings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Settings, their accuracies, or scores by another objective, and their levels.

    Attributes:
        accuracy: float64 `[settings, seeds]`; one column of means if seeds do not repeat settings.
        present: Share of its cells that have a trial, in (0, 1]; the others are imputed from their row and column.
        num_runs: Harmonic mean of the trials of each setting, by which the variance of a trial gives that of a mean.
        codes: Index of the level of each factor, -1 where a setting has none: intp `[settings, factors]`.
        parents: For each factor the factor and the level it is nested in, or None.
        is_grid: Whether the settings are all combinations of the levels.
        rounding: Variance of an accuracy due to rounding to whole images (Sheppard 1898): a twelfth of its square.
        limits: The lowest and the highest accuracy or score that there can be.
    """

    accuracy: Array
    present: float
    num_runs: float
    codes: Codes
    parents: tuple[tuple[int, int] | None, ...]
    is_grid: bool
    rounding: float = 0.0
    limits: tuple[float, float] = (0.0, 1.0)

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs of factors that meet in some settings, neither nested in the other."""
        above = [parent[0] if parent else None for parent in self.parents]
        pairs = itertools.combinations(range(len(above)), 2)
        apart = [(a, b) for a, b in pairs if above[a] != b and above[b] != a]
        return [pair for pair in apart if (self.codes[:, pair] >= 0).all(axis=1).any()]


def design_of_trials(
    accuracy: Array, codes: Codes, setting: Codes, seed: Codes, *, is_sample: bool = False, rounding: float = 0.0
) -> Design:
    """Return the design of some trials, given their finite accuracies: float64 `[trials]`.

    `codes` and `rounding` are as in Design, for each trial; `setting` and `seed` are the indices of its setting and
    seed. All of them, like the levels of a factor, are 0, 1, ... without a gap. Settings that are a sample are no grid,
    even where they are all combinations of the levels.
    """
    _, first, counts = np.unique(setting, return_index=True, return_counts=True)
    shape = len(first), int(seed.max()) + 1
    if counts.max() == 1 or len(accuracy) < CROSSED * math.prod(shape):
        table = _means(accuracy, setting, seed)[:, None]
    else:
        table = np.full(shape, np.nan)
        table[setting, seed] = accuracy
    codes, present = codes[first], np.isfinite(table)
    parents = tuple(_parent(codes, factor) for factor in range(codes.shape[1]))
    return Design(
        accuracy=_imputed(table),
        present=float(present.mean()),
        num_runs=float(1 / (1 / present.sum(axis=1)).mean()),
        codes=codes,
        parents=parents,
        is_grid=not is_sample and len(np.unique(codes, axis=0)) == _num_combinations(codes, parents),
        rounding=rounding,
    )


def _means(accuracy: Array, setting: Codes, seed: Codes) -> Array:
    """Return the mean of each setting over its seeds, less what a seed does to all settings (seeds are blocks)."""
    counts = np.bincount(setting)
    if seed.max() < MAX_BLOCKS and counts.max() > 1:
        present, table = to_table(accuracy, setting, seed)
        accuracy = accuracy - seed_effects(table[None], present)[0][seed]
    return np.asarray(np.bincount(setting, accuracy) / counts)


def _imputed(table: Array) -> Array:
    """Return a table whose missing cells are imputed from their rows and columns (Yates 1933)."""
    missing = np.isnan(table)
    filled = np.where(missing, np.nanmean(table, axis=1, keepdims=True), table)
    for _ in range(50 if missing.any() else 0):
        expected = filled.mean(axis=1, keepdims=True) + filled.mean(axis=0) - filled.mean()
        filled = np.where(missing, expected, filled)
    return filled


def _parent(codes: Codes, factor: int) -> tuple[int, int] | None:
    has = codes[:, factor] >= 0
    for other in range(codes.shape[1]) if not has.all() else ():
        levels = np.unique(codes[has, other])
        if len(levels) == 1 and levels[0] >= 0 and (codes[~has, other] != levels[0]).all():
            return other, int(levels[0])
    return None


def _num_combinations(codes: Codes, parents: Sequence[tuple[int, int] | None]) -> int:
    nums = (codes.max(axis=0) + 1).tolist()
    whole = [factor for factor, parent in enumerate(parents) if parent is None]

    def below(place: tuple[int, int]) -> int:
        return math.prod(num for num, parent in zip(nums, parents, strict=True) if parent == place)

    return math.prod(sum(below((factor, level)) for level in range(nums[factor])) for factor in whole)


class LinearModel(NamedTuple):
    """The linear model of a design, fitted to each seed by itself; the first coefficient is the mean.

    Attributes:
        design: The design.
        mains: Columns of each factor: float64 `[settings, levels - 1]`.
        roots: Square root of the coefficients' covariance in units of a setting's variance: float64 `[columns, rank]`.
        null: Orthonormal basis of what is not estimable: float64 `[columns, columns - rank]`.
        interactions: The pairs of factors whose interactions follow the mains.
        levels: Levels of each factor that means are over: all but those that the design confounds with other factors.
        basis: Orthonormal basis of the columns: float64 `[settings, rank]`.
        coefficients: float64 `[columns, seeds]`.
        residuals: float64 `[settings, seeds]`.
    """

    design: Design
    mains: tuple[Array, ...]
    roots: Array
    null: Array
    interactions: Sequence[tuple[int, int]]
    levels: tuple[Codes, ...]
    basis: Array
    coefficients: Array
    residuals: Array


def fit(design: Design, interactions: Sequence[tuple[int, int]] = ()) -> LinearModel:
    """Return the least-squares fit of all factors and these interactions."""
    mains = tuple(effect_coding(codes) for codes in design.codes.T)
    products = [interaction_columns(mains[a], mains[b]) for a, b in interactions]
    columns = np.hstack([np.ones((len(design.codes), 1)), *mains, *products])
    values, vectors = np.linalg.eigh(columns.T @ columns)
    kept = values > 1e-9 * values.max()
    roots = vectors[:, kept] / np.sqrt(values[kept])
    basis = columns @ roots
    coefficients = roots @ (basis.T @ design.accuracy)
    rest, levels = design.accuracy - columns @ coefficients, tuple(np.arange(main.shape[1] + 1) for main in mains)
    model = LinearModel(design, mains, roots, vectors[:, ~kept], interactions, levels, basis, coefficients, rest)
    return model if kept.all() else _without_confounded_levels(model)


def _without_confounded_levels(model: LinearModel) -> LinearModel:
    """Return the model whose means are over the levels that can be compared with those of the most typical setting."""
    codes = model.design.codes
    typical = np.log([np.bincount(column + 1)[column + 1] for column in codes.T]).sum(axis=0)
    for factor in np.argsort((codes >= 0).sum(axis=0), kind="stable").tolist():  # nested factors before their parents
        reference = codes[np.where(codes[:, factor] >= 0, typical, -np.inf).argmax(), factor]
        vectors = np.array([marginal_weights(model, {factor: level}) for level in model.levels[factor].tolist()])
        known = np.flatnonzero(np.abs((vectors - vectors[reference]) @ model.null).max(axis=1) < ESTIMABLE)
        model = model._replace(levels=(*model.levels[:factor], known, *model.levels[factor + 1 :]))
    return model


def effect_coding(codes: Codes) -> Array:
    """Return the effect-coded columns of a factor: float64 `[settings, levels - 1]`."""
    num = int(codes.max())
    return np.vstack([np.eye(num), np.full((1, num), -1.0), np.zeros((1, num))])[codes]  # -1, the last, is absent


def interaction_columns(a: Array, b: Array) -> Array:
    """Return the columns of the interaction of two factors: float64 `[settings, columns of a times columns of b]`."""
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)


def marginal_weights(model: LinearModel, levels: Mapping[int, int]) -> Array:
    """Return the weights of the coefficients in the mean at levels of some factors, over `model.levels` of others."""
    parents = model.design.parents
    above = dict(parent for factor in levels if (parent := parents[factor]))
    chosen = [*model.levels]
    for factor, level in (above | dict(levels)).items():
        chosen[factor] = np.array([level])
    shares = [float((chosen[parent[0]] == parent[1]).mean()) if parent else 1.0 for parent in parents]
    codings = [effect_coding(np.arange(main.shape[1] + 1)) for main in model.mains]
    means = [of * coding[some].mean(axis=0) for of, coding, some in zip(shares, codings, chosen, strict=True)]
    products = [np.outer(means[a], means[b]).ravel() for a, b in model.interactions]
    return np.concatenate([np.ones(1), *means, *products])


def leverage(model: LinearModel, vector: Array) -> float:
    """Return the variance of a weighted sum of the coefficients in units of a setting's variance."""
    return float(((vector @ model.roots) ** 2).sum())


class MeanSquare(NamedTuple):
    """An estimate of the variance of a setting's mean over its seeds: a sum of squares and its degrees of freedom."""

    total: float
    df: float
    least: float = RESOLUTION**2

    @property
    def value(self) -> float:
        """The variance, no smaller than `least`; NaN without a degree of freedom."""
        return max(self.total / self.df, self.least) if self.df > 0 else math.nan


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
