"""Selection bias: by how much the accuracy of the best of many configs overstates it."""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics import two_way_residuals as two_way
from mnist_sweep.statistics.intervals import (
    CONFIDENCE,
    UPPER,
    half_width_of_mean,
    studentized_range_quantile,
    wilson_interval,
)
from mnist_sweep.statistics.two_way_residuals import Array, Cells, Codes, Counts, ErrorVariance
from mnist_sweep.statistics.unequal_variances import log_variance_std_bound, simulated_tables

COLLAPSED = 30  # times the median distance of a run from its config's median: 20 to 25 standard deviations
CHANCE = 3  # times its expected value, up to which the variance of what seeds do to all configs alike may be chance
NUM_DRAWS = 2000
OFTEN = 0.05  # share of simulated sweeps that are enough for a quantile
SMALLEST_VARIANCE = 1e-20  # of accuracies; a smaller one is due to rounding
ABOVE = 0.03  # risk beyond the upper end, and less where few configs have many seeds
FAR_MORE = 12  # times the pooled variance, up to which a config's residuals count in the skewness
MANY = 20  # configs with three seeds or more, from which on skewness is more than noise
UNLIKELY = 0.5  # risk of more unequal variances: the middle one, so that intervals are not too wide on average
TINY = 1e-300


class SelectionBias(NamedTuple):
    """By how much the accuracy of the best config overstates it; negative where it understates it, NaN if unknown.

    It is the expectation given the accuracies of this sweep, in [-1, 1], with the ends of its 95% interval.
    """

    expected: float
    low: float
    high: float


def bias_over_seeds(accuracy: Array, config: Codes, seed: Codes, best: int) -> SelectionBias:
    """Return by how much the best of some configs overstates its accuracy with other seeds.

    The expectation is that of `bias_over_images`. The interval needs no distribution of the configs' true means: its
    upper end allows for any of them to be the luckiest, its lower end for an unlucky one. Both are simulated, for
    variances as unequal as those of these configs are. The skewness of many configs' accuracies makes the luckiest one
    more or less lucky; unequal variances can be taken for it, so it counts less then. What a seed does to all configs
    alike adds its t-interval. Where a run lies far from its config's others, as after a collapse, nothing is estimated:
    intervals are those of runs that do not collapse.

    The arguments are those of `worse_over_seeds`, for the trials of the configs that may be the best: those tied with
    it. The best one must have three seeds or more.
    """
    present, table = two_way.to_table(accuracy, config, seed)
    n, error = present.sum(axis=1), two_way.error_variance(accuracy, config, seed)
    num_configs, num_seeds, means = len(n), int(n[best]), table.sum(axis=1) / n
    if has_collapses(np.where(present, table, np.nan)):
        return SelectionBias(math.nan, math.nan, math.nan)
    if not (num_configs > 1 and error.df >= 1 and error.variance > SMALLEST_VARIANCE):
        from scipy.special import stdtrit

        std = table[best][present[best]].std(ddof=1) / math.sqrt(num_seeds)
        low, high = (float(std * stdtrit(num_seeds - 1, 1 - risk)) for risk in _risks(1, num_seeds))
        return SelectionBias(0.0, -low, high)
    rest = two_way.residuals(accuracy, config, seed)
    own = (rest[config == best] ** 2).sum() / (num_seeds - 1) * num_configs / (num_configs - 1)
    variance = max(own, error.variance) / num_seeds
    log_variance_std = log_variance_std_bound(rest, config, UNLIKELY)
    low, high = _ends(two_way.in_order(present), num_seeds, error.df, log_variance_std)
    skewness = _skewness(rest, config, n, error) / math.sqrt(num_seeds) / (1 + log_variance_std**2)
    high += float(np.clip(skewness, -1, 1)) * (high**2 - 1) / 6  # Cornish and Fisher 1938
    shared = _half_width_of_seeds(table - means[:, None], present, best, error.variance)
    below, above = (math.hypot(end * math.sqrt(variance), shared) for end in (low, high))
    expected = (means[best] - means.mean()) * variance / max(variance, means.var(ddof=1))
    return SelectionBias(float(min(max(expected, -below), above)), -below, above)


def has_collapses(runs: Array) -> bool:
    """Return whether any config has a run farther from its median than noise explains; see `with_collapses`."""
    return bool(with_collapses(runs).any())


def with_collapses(runs: Array) -> NDArray[np.bool_]:
    """Return which configs have a run farther from their median than noise explains: bool `[num_configs]`.

    The runs are float64 `[num_configs, num_seeds]`, NaN where there is none; no config is without any.
    """
    away = np.abs(runs - np.nanmedian(runs, axis=1, keepdims=True))
    some = away[away > 0]
    usual = np.quantile(some, 0.5, method="lower") if len(some) else np.inf
    return np.asarray(np.nanmax(away, axis=1) > COLLAPSED * usual)


def _skewness(rest: Array, config: Codes, n: Counts, error: ErrorVariance) -> float:
    """Return the skewness of accuracies, given their residuals, and the seeds of each config.

    It is 0 where few configs have the three seeds that show it. One that varies far more than the others would decide
    it, so its residuals are taken for smaller ones.
    """
    if np.count_nonzero(n > 2) < MANY:
        return 0.0
    own = np.bincount(config, rest**2) / np.maximum(n - 1, 1)
    rest = rest * np.sqrt(np.minimum(1.0, FAR_MORE * error.variance / np.maximum(own, TINY)))[config]
    cubes = ((n - 1) * (n - 2) / n).sum()
    return float((rest**3).sum() / cubes / ((rest**2).sum() / error.df) ** 1.5)


def _half_width_of_seeds(over: Array, present: NDArray[np.bool_], best: int, variance: float) -> float:
    """Return half the width of the 95% t-interval of what the best config's seeds do to all configs alike."""
    num = present.sum(axis=0)
    effects = (np.where(present, over, 0.0).sum(axis=0) / np.maximum(num, 1))[present[best]]
    seen, chance = float(effects.var(ddof=1)), variance / float(num[present[best]].mean())
    return float(half_width_of_mean(math.sqrt(seen - chance), len(effects))) if seen > CHANCE * chance else 0.0


def _risks(num_configs: int, num_seeds: int) -> tuple[float, float]:
    """Return the risks of an accuracy beyond the lower and the upper end, out of so many configs and seeds of the best.

    Accuracies are more often skewed to the left than to the right. A mean then is too good with too small a spread, so
    the upper end has less of the risk, unless many configs have few seeds: the best of many gains little by such luck.
    The lower end has more, as the best is rarely an unlucky one. Found by simulations of 13 kinds of data
    (`tests.benchmarks.errors`), in which intervals then cover in 93 to 98%, but for a few.
    """
    above = ABOVE * min(1.0, num_configs / (num_seeds - 1))
    return (1 - CONFIDENCE - above if num_configs == 1 else 0.055 + 0.2 / num_seeds), above


@functools.lru_cache(maxsize=256)
def _ends(cells: Cells, num_seeds: int, df: float, log_variance_std: float) -> tuple[float, float]:
    """Return by how many standard errors a config is unlucky, and the best of equal ones lucky, in few sweeps.

    Only those with `num_seeds` seeds count, unless they are rarely the best.
    """
    counts = np.array(cells)
    n, unlucky, lucky = counts.sum(axis=1), list[Array](), list[Array]()
    for sums in simulated_tables(counts, log_variance_std):
        rest, means = two_way.table_residuals(sums[:, :, :-1], counts[:, :-1] > 0), sums.sum(axis=2) / n
        own = (rest**2).sum(axis=2) / np.maximum(n - 1, 1) * len(n) / (len(n) - 1)
        ratio = means / np.sqrt(np.maximum(own, (rest**2).sum(axis=(1, 2), keepdims=True)[..., 0] / df) / n)
        best = means.argmax(axis=1)
        has = n[best] == num_seeds if np.mean(n[best] == num_seeds) > OFTEN else np.ones(len(best), np.bool_)
        unlucky.append(-ratio[:, n == num_seeds].ravel())
        lucky.append(ratio[np.arange(len(best)), best][has])
    risks = zip((unlucky, lucky), _risks(len(n), num_seeds), strict=True)
    low, high = (float(np.quantile(np.concatenate(ends), 1 - risk)) for ends, risk in risks)
    return low, high


def bias_over_images(means: Array, num_images: int) -> SelectionBias:
    """Return by how much the best of these accuracies of configs overstates its accuracy on images other than these.

    That the images are easy or hard for all configs alike did not influence the selection; it widens the interval only.
    How far that is so is unknown, so the interval holds that of one config, which is the best on any images.
    """
    # The arc sine of the square root of a proportion has the same variance for all proportions, but near 1.
    angles, best = np.arcsin(np.sqrt(means)), float(means.max())
    found = _bias(angles, 1 / (4 * num_images))
    expected, low, high = (best - math.sin(min(max(angles.max() - one, 0), math.pi / 2)) ** 2 for one in found)
    least, most = map(float, wilson_interval(best * num_images, num_images))
    return SelectionBias(expected, min(low, best - most), max(high, best - least))


def _bias(means: Array, variance: float) -> SelectionBias:
    """Return the bias of the best of means with normal errors of a variance, which they share in part.

    The true means of a group are modelled as a sample from a normal distribution, whose variance is that of the means
    less that of the errors (Efron and Morris 1975); the resulting expectation for the best one, given all means, is not
    affected by selection (Efron 2011). The group are the means that may be those of the best config; the interval is
    the wider one of that group's and of all means', since the limit of the group is arbitrary.
    """
    reach = studentized_range_quantile(len(means), np.inf) * np.sqrt(variance) if len(means) > 1 else 0.0
    contenders = means[means >= means.max() - reach]
    spread = contenders.var(ddof=1) if len(contenders) > 1 else np.inf
    expected = (contenders.max() - contenders.mean()) * variance / max(variance, spread)
    ends = [np.quantile(_draws(group, variance), [1 - UPPER, UPPER]) for group in (contenders, means)]
    return SelectionBias(float(expected), float(min(low for low, _ in ends)), float(max(high for _, high in ends)))


def _draws(group: Array, variance: float) -> Array:
    """Return draws of the bias of the best of a group under the model, whose own variance is drawn as well."""
    num, draw = len(group), np.random.default_rng(0)
    if num == 1:
        return np.asarray(np.sqrt(variance) * draw.standard_normal(NUM_DRAWS))
    spread = group.var(ddof=1) * (num - 1) / draw.chisquare(num - 1, NUM_DRAWS)
    chosen_by, of_all = np.minimum(variance, spread), np.maximum(spread, TINY)
    share = chosen_by / of_all
    centre = np.sqrt(of_all / num) * draw.standard_normal(NUM_DRAWS)
    noise = np.sqrt((1 - share) * chosen_by + variance - chosen_by) * draw.standard_normal(NUM_DRAWS)
    return np.asarray(share * (group.max() - group.mean() - centre) + noise)
