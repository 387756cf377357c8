"""Interactions between factors: F-tests of all pairs, and the model with those that are significant.

The unit is the setting; its trials with different seeds are repeated measures.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy

from mnist_sweep.analysis.effects.design import (
    RESOLUTION,
    Design,
    LinearModel,
    MeanSquare,
    fit,
    interaction_columns,
    mean_square_of_remainder,
    mean_square_of_settings,
)
from mnist_sweep.statistics.intervals import CONFIDENCE

ALPHA = 1 - CONFIDENCE
MAX_COLUMNS = 200  # of an interaction that is tested
MIN_DF = 5  # that an interaction in the model leaves for the error
INCLUDED = 0.01  # p-value of an interaction that enters the model: those made by chance would shorten the intervals


class InteractionTest(NamedTuple):
    """How far the effects of two factors, given by their indices, are from being additive.

    `share` is what the interaction explains beyond chance of the variance between settings, in [0, 1] (epsilon squared,
    Kelley 1935); `pvalue` that of the F-test, times the number of pairs (Bonferroni), at most 1.
    """

    factors: tuple[int, int]
    share: float
    pvalue: float


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
