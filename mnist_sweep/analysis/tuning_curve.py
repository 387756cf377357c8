"""The tuning curve: the expected best value on validation of a budget of trials.

A budget buys configs, with as many seeds each as in the sweep, and its best is the one with the highest mean over them.
The curve is that of Dodge et al. 2019 (arXiv 1909.03004), with the unbiased estimator of Tang et al. 2020 (arXiv
2004.13705). The ordinary bootstrap never exceeds the best trial (Lourie, Cho and He 2023, arXiv 2311.09480), so the
interval is that of the smoothed Bayesian bootstrap (Rubin 1981; Banks 1988), with values above the best one.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mnist_sweep.analysis.inputs import as_trials, successful
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import measure_of
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.value_format import Measure

NEEDED = ("config_id", "status")
NUM_DRAWS = 1000
NUM_BUDGETS = 100
NUM_BLOCKS = 400
MIN_CONFIGS = 10
TAILS = (0.015, 0.985)  # of the draws: 95% intervals, which their 95% would cover in 88 to 95% of sweeps
SMALL_GAIN = 0.05


class _Configs(NamedTuple):
    """Mean scores of the configs that have one, rising; the number of all configs, and their mean number of trials."""

    scores: NDArray[np.float64]
    num: int
    size: float
    measure: Measure


def expected_best_curve(trials: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Return the expected best value on validation of each budget, up to that of all trials.

    A config without a value counts towards the budget; the expectation is that of the best of the others.

    Args:
        trials: A results folder, or its trials as `read_trials` returns them.

    Returns:
        float64 columns `budget`, `expected_best`, `low` and `high`, in rising order of the budget, a line for each
        number of configs; the last two are the 95% interval of the expectation, NaN where fewer than 10 configs have a
        value.

    Raises:
        LedgerError: No trial succeeded; the folder holds no rows or damaged ones; or the DataFrame lacks a column.
    """
    trials = as_trials(trials, columns=NEEDED, splits=("val",))
    found = _configs(trials)
    nums = np.arange(1.0, found.num + 1)
    if found.num > NUM_BUDGETS:
        nums = np.unique(np.geomspace(1, found.num, NUM_BUDGETS).round())
    low, high = np.full((2, len(nums)), np.nan)
    if len(found.scores) >= MIN_CONFIGS:
        low, high = np.quantile(_bootstrapped(found, nums), TAILS, axis=0)
    expected, (least, most) = _expected_best(found, nums), (low, high)[:: found.measure.sign]
    columns = {"expected_best": expected, "low": least, "high": most}
    values = {name: found.measure.sign * scores for name, scores in columns.items()}
    return pd.DataFrame({"budget": nums * found.size, **values})


def sentence(trials: pd.DataFrame, *, all_tied: bool = False) -> str:
    """Return the expectation of half as many and of twice as many configs in words, given if all are tied in `select`.

    Then their means may differ by chance alone, and the best of more would only be luckier.
    """
    found = _configs(trials)
    noun = "trial" if found.size == 1 else "config"
    if len(found.scores) < MIN_CONFIGS:
        return f"Only {counted(len(found.scores), noun)} succeeded: too few to predict the gain of more."
    measure, (_, limit) = found.measure, found.measure.score_limits
    if found.scores[0] == found.scores[-1] < limit:
        value = measure.text(measure.score(found.scores[0]))
        return f"All successful {noun}s reached {value} on validation: the gain of more cannot be predicted."
    half, best = _expected_best(found, np.array([found.num // 2, found.num], np.float64))
    now, twice = _bootstrapped(found, np.array([found.num, 2 * found.num], np.float64)).T
    gain, (low, high) = float((twice - now).mean()), np.quantile(twice - now, TAILS)
    all_, few = (measure.text(measure.score(one)) for one in (best, half))
    mean = "" if found.size == 1 else ", its mean over seeds"
    reached = f"The best of {counted(found.num, noun)} reached {all_} on validation{mean}"
    half_as_many = f"{reached}; half as many would be expected to reach {few}"
    if best >= limit:
        return f"{half_as_many}. More {noun}s cannot improve on that."
    gained = f"{half_as_many}, twice as many to gain {measure.difference(gain)} ({measure.delta_interval(low, high)})"
    if all_tied:
        return f"{gained}: as all of them are statistically tied, this may be luck."
    if not measure.is_share:
        return f"{gained}."
    share, rest = gain / (limit - best), "errors" if measure.is_accuracy else "room"
    verdict = "the sweep was large enough" if share < SMALL_GAIN else f"more {noun}s may pay off"
    return f"{gained}, {share:.0%} of the remaining {rest}: {verdict}."


def _configs(trials: pd.DataFrame) -> _Configs:
    measure = measure_of(trials)
    good = successful(trials, measure)
    if good.empty:
        raise LedgerError("no trial succeeded, so no budget can be judged: `mnist-sweep status DIR` shows the causes.")
    means, num = good.groupby("config_id")[measure.val].mean(), trials["config_id"].nunique()
    return _Configs(np.sort(measure.sign * means.to_numpy(np.float64)), num, len(trials) / num, measure)


def _expected_best(found: _Configs, nums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the best score over all subsets of each size that have one: float64, of `nums`' shape."""
    from scipy.special import gammaln

    ranks, num = np.arange(found.num - len(found.scores), found.num + 1), nums[:, None]
    log_choices = gammaln(ranks + 1) - gammaln(np.maximum(ranks - num, 0) + 1)
    log_all = gammaln(found.num + 1) - gammaln(found.num - num + 1)
    without_higher = np.where(ranks >= num, np.exp(log_choices - log_all), 0.0)
    of_rank = np.diff(without_higher, axis=1)
    return np.asarray(of_rank @ found.scores / of_rank.sum(axis=1))


def _bootstrapped(found: _Configs, nums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the expected best of budgets under distributions that the trials may have come from.

    The quantiles of the configs in such a distribution are ordered uniform numbers. Scores are uniform between
    neighbours and exponential above the best one; the scale is drawn, given the mean excess of the best ones, as many
    as the square root of their number. The result is float64 `[NUM_DRAWS, len(nums)]`.
    """
    from scipy.special import exp1

    ranks, means = _blocks(found)
    shapes = np.diff(ranks, prepend=0, append=found.num + 1)
    draw = np.random.default_rng(0)
    steps = draw.gamma(shapes, size=(NUM_DRAWS, len(shapes)))
    total = steps.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_below = np.log(np.cumsum(steps[:, :-1], axis=1) / total[:, None])
    above = steps[:, -1] / total
    num_top = math.ceil(math.sqrt(len(found.scores)))
    excess_of_top = found.scores[-num_top:].mean() - found.scores[-num_top - 1]
    scale = excess_of_top * num_top / draw.gamma(num_top, size=NUM_DRAWS)
    expected = np.empty((NUM_DRAWS, len(nums)))
    for place, num in enumerate(nums):
        below = np.exp(num * log_below)
        excess = scale * (exp1(num * above) + np.log(num * above) + np.euler_gamma)
        seen = np.diff(below, axis=1) @ means + found.scores[-1] * (1 - below[:, -1])
        expected[:, place] = (seen + excess) / (1 - below[:, 0])
    return np.minimum(expected, found.measure.score_limits[1])


def _blocks(found: _Configs) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """Return ranks among all configs, dense at the top, and the mean score from each rank to the next.

    The first rank is that of the best config without a value, 0 if all have one.
    """
    num = len(found.scores)
    from_top = np.arange(1, num + 1)
    if num > NUM_BLOCKS:
        from_top = np.unique(np.geomspace(1, num, NUM_BLOCKS).round().astype(int))
    ends = num + 1 - from_top[::-1]
    starts = np.r_[1, ends[:-1]]
    sums = np.r_[0.0, np.cumsum(found.scores)]
    means = (sums[ends] - sums[starts - 1]) / (ends - starts + 1)
    return np.r_[0, ends] + found.num - num, means
