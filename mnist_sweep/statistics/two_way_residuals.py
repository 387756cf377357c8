"""Residuals of accuracies under a two-way additive model, in which each config and each seed has an effect."""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Counts = NDArray[np.int64]
Cells = tuple[tuple[int, ...], ...]


class ErrorVariance(NamedTuple):
    """The variance of one accuracy that neither its config nor its seed explains, and its degrees of freedom."""

    variance: float
    df: float


def residuals(accuracy: Array, config: Codes, seed: Codes) -> Array:
    """Return the residuals of the least-squares fit of accuracies: float64 `[n]`.

    Each accuracy has the index of its config and of its seed, from 0.
    """
    rest, shared = np.zeros(len(accuracy)), _shared(config, seed)
    if shared.any():
        codes = [np.unique(code[shared], return_inverse=True)[1] for code in (config, seed)]
        present, table = to_table(accuracy[shared], *codes)
        rest[shared] = table_residuals(table[None], present)[0][tuple(codes)]
    return rest


def _shared(config: Codes, seed: Codes) -> NDArray[np.bool_]:
    """Return which trials do not have their config or seed to themselves, whose effect would leave no residual."""
    shared, alone = np.ones(len(config), np.bool_), np.ones(len(config), np.bool_)
    while alone.any():
        counts = [np.bincount(code, shared)[code] for code in (config, seed)]
        alone = shared & (np.minimum(*counts) < 2)
        shared &= ~alone
    return shared


def to_table(accuracy: Array, config: Codes, seed: Codes) -> tuple[NDArray[np.bool_], Array]:
    """Return which config has which seed, and the accuracies, 0 where there is none: `[num_configs, num_seeds]`."""
    shape = int(config.max()) + 1, int(seed.max()) + 1
    present, table = np.zeros(shape, np.bool_), np.zeros(shape)
    present[config, seed], table[config, seed] = True, accuracy
    return present, table


def in_order(present: NDArray[np.bool_]) -> Cells:
    """Return which config has which seed with both in an order that depends on nothing else, as a key of a cache.

    The last column is how many seeds a config has that no other one has, which say nothing of any difference.
    """
    shared = present.sum(axis=0) > 1
    counts = np.column_stack([present[:, ~shared].sum(axis=1), present[:, shared]])
    for _ in range(2):
        counts = counts[np.lexsort(counts.T)]
        counts[:, 1:] = counts[:, 1 + np.lexsort(counts[:, 1:])]
    return tuple(map(tuple, np.roll(counts, -1, axis=1).tolist()))


def table_residuals(tables: Array, present: NDArray[np.bool_]) -> Array:
    """Return the residuals of tables of accuracies, each of configs by seeds: float64, of their shape.

    `present` is bool `[num_configs, num_seeds]`: which cells are accuracies. The others are 0.
    """
    of_config = np.maximum(present.sum(axis=1), 1)[:, None]
    rest = np.where(present, tables - seed_effects(tables, present)[:, None], 0.0)
    return np.where(present, rest - rest.sum(axis=2, keepdims=True) / of_config, 0.0)


def seed_effects(tables: Array, present: NDArray[np.bool_]) -> Array:
    """Return what each seed does to all configs alike: float64 `[num_tables, num_seeds]`; see `table_residuals`."""
    of_config, trials = np.maximum(present.sum(axis=1), 1)[:, None], present.astype(np.float64)
    over = (tables - tables.sum(axis=2, where=present, keepdims=True) / of_config).sum(axis=1, where=present)
    normal = np.diag(trials.sum(axis=0)) - trials.T @ (trials / of_config)  # of the seeds' effects, given the configs'
    return np.asarray(over @ np.linalg.pinv(normal, hermitian=True))


def error_variance(accuracy: Array, config: Codes, seed: Codes) -> ErrorVariance:
    """Return the residual variance; NaN, with no degrees of freedom, if the effects explain everything.

    They are as many as there are configs and seeds, less one for each connected group of trials.
    """
    num_configs = int(config.max()) + 1
    num = num_configs + int(seed.max()) + 1
    links = scipy.sparse.coo_array((np.ones(len(config)), (config, seed + num_configs)), shape=(num, num))
    groups, _ = scipy.sparse.csgraph.connected_components(links, directed=False)
    df = len(accuracy) - num + int(groups)
    return ErrorVariance(float((residuals(accuracy, config, seed) ** 2).sum() / df) if df else np.nan, df)
