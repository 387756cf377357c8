"""How a sequential elimination may go on, simulated from the means and spreads that were seen.

Neither is taken as known. True means are drawn from a normal distribution of all settings that remain, whose own spread
is drawn as well, so that settings that look unlike after a few seeds may turn out to be alike; or, in a third of the
simulations, around those seen, as one setting may be ahead of all others. Spreads are drawn around those seen, and
borrow from each other. A drawn race then runs as a real one does.
"""

from typing import NamedTuple

import numpy as np

from mnist_sweep.statistics.elimination import Elimination
from mnist_sweep.statistics.race_evidence import MIN_SEEDS, Array

PAIRS_AT_ONCE, FEWEST, MOST = 40_000, 20, 100  # simulated sweeps times squared settings; simulated sweeps
BORROWED = 2  # degrees of freedom that the spread of a setting borrows from the others
AS_SEEN = 1 / 3  # of the simulated sweeps, whose means are not drawn towards each other
SMALLEST_SHARE = 0.05  # of the mean variance, that a setting's is at least


class Ends(NamedTuple):
    """Trials that each simulated sweep takes from here, and whether it was decided by then: `[num_sweeps]`."""

    num_trials: Array
    decided: Array


class Spreads(NamedTuple):
    """Standard deviations of accuracies: of a setting's over its seeds, above 0, and of the settings' means."""

    seeds: float
    settings: float


def from_seen(state: Elimination, place: int, max_seeds: int) -> Ends | None:
    """Simulate how a sweep goes on, from what it has seen; None before two seeds of two settings that remain.

    Args:
        state: Of one sweep.
        place: Accuracies that it has had, those that eliminated settings would have had included.
        max_seeds: Seeds after which it ends.
    """
    draw, alive = np.random.default_rng(place), np.flatnonzero(state.remaining[0])
    pairs = np.ix_(np.array([0]), alive, alive)
    num, lead = state.num_seeds[pairs][0], state.lead[pairs][0]
    known = ~np.eye(len(alive), dtype=bool) & (num >= MIN_SEEDS)
    if not known.any():
        return None
    variance = np.where(known, state.variance(pairs)[0], state.variance(pairs)[0][known].mean())
    mean, spread = _drawn(draw, _num_sweeps(len(alive)), lead.mean(axis=0), variance, float(np.median(num[known])))
    shift = state.pending[0, alive] - lead.mean(axis=0)  # of the round that has begun
    level = float(np.nanmean(shift)) if not np.isnan(shift).all() else 0.0
    return _simulate(draw, state, place, max_seeds, level + mean, spread)


def from_spreads(state: Elimination, place: int, max_seeds: int, spreads: Spreads) -> Ends:
    """Simulate how a sweep goes on of which too little has been seen; the arguments are those of `from_seen`."""
    num_settings = int(state.remaining[0].sum())
    draw, shape = np.random.default_rng(place), (_num_sweeps(num_settings), num_settings)
    mean = draw.normal(0, spreads.settings, shape)
    pending = state.pending[0]  # of the round that has begun
    level = 0.0 if np.isnan(pending).all() else float(np.nanmean(pending))
    return _simulate(draw, state, place, max_seeds, level + mean, np.full(shape, spreads.seeds))


def _num_sweeps(num_settings: int) -> int:
    return min(max(PAIRS_AT_ONCE // num_settings**2, FEWEST), MOST)


def _drawn(
    draw: np.random.Generator, number: int, mean: Array, pair_variance: Array, num_seeds: float
) -> tuple[Array, Array]:
    """Draw true means, and standard deviations over seeds: float64 `[number, num_settings]` each.

    Args:
        draw: Random numbers.
        number: Simulated sweeps.
        mean: Mean of each setting so far, `[num_settings]`.
        pair_variance: Variance of the difference of each two, `[num_settings, num_settings]`.
        num_seeds: Seeds so far.
    """
    count, df = len(mean), num_seeds - 1
    total = pair_variance.sum(axis=1) - np.diag(pair_variance)
    each = (total - total.sum() / (2 * (count - 1))) / (count - 2) if count > 2 else total / 2  # Grubbs (1948)
    pooled = total.sum() / (2 * count * (count - 1))
    each = np.maximum(each, SMALLEST_SHARE * pooled)
    scale = (count - 1) * df / draw.chisquare((count - 1) * df, (number, 1))
    variance = scale * (BORROWED * pooled + df * each) / draw.chisquare(BORROWED + df, (number, count))
    of_means = mean.var(ddof=1) * (count - 1) / draw.chisquare(count - 1, (number, 1))
    of_means = np.maximum(of_means - variance.mean(axis=1, keepdims=True) / num_seeds, 0)
    noise = variance / num_seeds
    weight = np.where(draw.random((number, 1)) < AS_SEEN, 1.0, of_means / (of_means + noise))
    centre = mean.mean() + weight * (mean - mean.mean())
    return centre + np.sqrt(weight * noise) * draw.standard_normal((number, count)), np.sqrt(variance)


def _simulate(
    draw: np.random.Generator, state: Elimination, place: int, max_seeds: int, mean: Array, spread: Array
) -> Ends:
    """Simulate from here to the end; `mean` and `spread` are those of the settings that remain."""
    number, sweeps = len(mean), state.repeated(len(mean))
    alive, num_settings = np.flatnonzero(state.remaining[0]), state.remaining.shape[1]
    columns = {int(setting): column for column, setting in enumerate(alive)}
    num_trials = np.zeros(number)
    for at in range(place, num_settings * max_seeds):
        setting = at % num_settings
        if setting in columns:
            num_trials += sweeps.is_open[:, setting]
            column = columns[setting]
            sweeps.add(setting, mean[:, column] + spread[:, column] * draw.standard_normal(number))
        if setting == num_settings - 1:
            sweeps.end_round()
            if sweeps.is_decided.all():
                break
    return Ends(num_trials, np.asarray(sweeps.is_decided, np.float64))
