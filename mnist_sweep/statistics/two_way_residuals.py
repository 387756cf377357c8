"""Residuals of accuracies under a two-way additive model, in which each config and each seed has an effect."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
MAX_PASSES = 400
TOLERANCE = 1e-12


class ErrorVariance(NamedTuple):
    """The variance of one accuracy that neither its config nor its seed explains.

    Attributes:
        variance: Of one accuracy.
        df: Degrees of freedom of the variance; infinite if the variance is known.
    """

    variance: float
    df: float


def residuals(accuracy: Array, config: Codes, seed: Codes) -> Array:
    """Return the residuals of the least-squares fit: float64 `[n]`.

    Args:
        accuracy: float64 `[n]`, one for each trial.
        config: Index of its config, from 0.
        seed: Index of its seed, from 0.
    """
    # Alternating subtraction of config and seed means; it ends at once where every config has every seed.
    rest, groups = accuracy, [(group, np.bincount(group)) for group in (config, seed)]
    for turn in range(MAX_PASSES):
        group, num = groups[turn % 2]
        mean = np.bincount(group, rest) / num
        if turn > 1 and np.abs(mean).max() < TOLERANCE:
            break
        rest = rest - mean[group]
    return rest


def to_table(accuracy: Array, config: Codes, seed: Codes) -> tuple[NDArray[np.bool_], Array]:
    """Return which config has which seed, and the accuracies, 0 where there is none: `[num_configs, num_seeds]`."""
    shape = int(config.max()) + 1, int(seed.max()) + 1
    present, table = np.zeros(shape, np.bool_), np.zeros(shape)
    present[config, seed], table[config, seed] = True, accuracy
    return present, table


def in_order(present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which config has which seed with both in an order that depends on nothing else: the same for the same."""
    for _ in range(2):
        present = present[np.lexsort(present.T)]
        present = present[:, np.lexsort(present)]
    return present


def table_residuals(tables: Array, present: NDArray[np.bool_]) -> Array:
    """Return the residuals of many tables at once: float64, of their shape, 0 where there is no accuracy.

    Args:
        tables: float64 `[num_tables, num_configs, num_seeds]`.
        present: bool `[num_configs, num_seeds]`, which of their cells are accuracies.
    """
    rest = np.where(present, tables, 0.0)
    for turn in range(MAX_PASSES):
        axis = 2 - turn % 2
        mean = rest.sum(axis=axis, keepdims=True) / np.maximum(present.sum(axis=axis - 1, keepdims=True), 1)
        if turn > 1 and np.abs(mean).max() < TOLERANCE:
            break
        rest = np.where(present, rest - mean, 0.0)
    return rest


def error_variance(accuracy: Array, config: Codes, seed: Codes) -> ErrorVariance:
    """Return the residual variance; NaN, with no degrees of freedom, if the effects explain everything."""
    rest = residuals(accuracy, config, seed)
    df = len(rest) - _num_parameters(config, seed)
    return ErrorVariance(float((rest**2).sum() / df) if df else np.nan, df)


def _num_parameters(config: Codes, seed: Codes) -> int:
    """Return the rank of the model: effects of configs and seeds, less one for each connected group of trials."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_configs, num_seeds = int(config.max()) + 1, int(seed.max()) + 1
    num = num_configs + num_seeds
    links = coo_array((np.ones(len(config)), (config, seed + num_configs)), shape=(num, num))
    groups, _ = connected_components(links, directed=False)
    return num - int(groups)
