"""Expected best validation accuracy of a budget, counted in trials or core-seconds.

A budget buys configs, each with as many seeds as in the sweep, and its best is the one with the highest mean over them:
the seeds of one config are not independent draws from the search space.
The curve is that of Dodge et al. 2019 (arXiv 1909.03004), with the estimator of Tang et al. 2020 (arXiv 2004.13705),
which draws configs without replacement: unbiased for random ones, while drawing with replacement underestimates every
budget. The ordinary bootstrap never exceeds the best trial, and its 95% interval covers in half of all cases at the
full budget (Lourie, Cho and He 2023, arXiv 2311.09480). The interval here is that of the smoothed Bayesian bootstrap
(Rubin 1981; Banks 1988), in which accuracies above the best one fall off as fast as those of the best trials do.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.analysis.inputs import as_trials
from mnist_sweep.errors import LedgerError
from mnist_sweep.text.numbers import counted, interval, percent, points
from mnist_sweep.trials.row import Status

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("config_id", "status", "val_accuracy", "seconds_total")
NUM_DRAWS = 1000
NUM_BUDGETS = 100
NUM_BLOCKS = 400
MIN_CONFIGS = 10
TAILS = (0.015, 0.985)  # of the draws: 95% intervals, which their 95% would cover in 88 to 95% of sweeps
SMALL_GAIN = 0.05


class _Configs(NamedTuple):
    """Mean validation accuracies of the configs that have one, in rising order, and the number of all configs.

    `size` is the mean number of trials of a config.
    """

    accuracies: NDArray[np.float64]
    num: int
    size: float

    @property
    def num_without(self) -> int:
        return self.num - len(self.accuracies)


def expected_best_curve(
    trials: "str | Path | pd.DataFrame", *, by: Literal["trials", "core_seconds"] = "trials", cores_per_trial: int = 1
) -> "pd.DataFrame":
    """Return the expected best validation accuracy of each budget, up to that of all trials.

    A config without an accuracy counts towards the budget; the expectation is that of the best of the others.

    Args:
        trials: A results folder, or its trials as `read_trials` returns them.
        by: Unit of the budget; core-seconds are a trial's mean seconds times its cores.
        cores_per_trial: Cores of each trial.

    Returns:
        float64 columns `budget`, `expected_best`, `low` and `high`, in rising order of the budget, a line for each
        number of configs; the last three are in [0, 1], the last two are the 95% interval of the expectation, NaN where
        fewer than 10 configs have an accuracy.

    Raises:
        LedgerError: No trial succeeded; the folder holds no rows or damaged ones; or the DataFrame lacks a column.
    """
    import pandas as pd

    trials = as_trials(trials, columns=NEEDED)
    found = _configs(trials)
    nums = np.arange(1.0, found.num + 1)
    if found.num > NUM_BUDGETS:
        nums = np.unique(np.geomspace(1, found.num, NUM_BUDGETS).round())
    low, high = np.full((2, len(nums)), np.nan)
    if len(found.accuracies) >= MIN_CONFIGS:
        low, high = np.quantile(_bootstrapped(found, nums), TAILS, axis=0)
    cost = float(trials["seconds_total"].mean()) * cores_per_trial if by == "core_seconds" else 1.0
    expected = _expected_best(found, nums)
    return pd.DataFrame({"budget": nums * found.size * cost, "expected_best": expected, "low": low, "high": high})


def sentence(trials: "pd.DataFrame") -> str:
    """Return the expectation of half as many and of twice as many configs in words.

    Raises:
        LedgerError: No trial succeeded.
    """
    found = _configs(trials)
    noun = "trial" if found.size == 1 else "config"
    if len(found.accuracies) < MIN_CONFIGS:
        good = counted(len(found.accuracies), noun)
        return f"Only {good} succeeded: too few to predict the gain of more."
    if found.accuracies[0] == found.accuracies[-1] < 1:
        accuracy = percent(found.accuracies[0])
        return f"All successful {noun}s reached {accuracy} on validation: the gain of more cannot be predicted."
    half, best = _expected_best(found, np.array([found.num // 2, found.num], np.float64))
    now, twice = _bootstrapped(found, np.array([found.num, 2 * found.num], np.float64)).T
    gain, (low, high) = float((twice - now).mean()), np.quantile(twice - now, TAILS)
    reached = (
        f"{counted(found.num, noun)} reached {percent(best)} on validation{'' if found.size == 1 else ', over seeds'}; "
        f"half as many would be expected to reach {percent(half)}"
    )
    if best >= 1:
        return f"{reached}. More {noun}s cannot improve on that."
    share = gain / (1 - best)
    verdict = "the sweep was large enough" if share < SMALL_GAIN else f"more {noun}s may pay off"
    return (
        f"{reached}, twice as many to gain {points(gain)} points ({interval(low, high)}), {share:.0%} of the remaining "
        f"errors: {verdict}."
    )


def _configs(trials: "pd.DataFrame") -> _Configs:
    good = trials[(trials["status"] == Status.OK.value) & trials["val_accuracy"].notna()]
    if good.empty:
        raise LedgerError("no trial succeeded, so no budget can be judged: `mnist-sweep status DIR` shows the causes.")
    means, num = good.groupby("config_id")["val_accuracy"].mean(), trials["config_id"].nunique()
    return _Configs(np.sort(means.to_numpy(np.float64)), num, len(trials) / num)


def _expected_best(found: _Configs, nums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the best accuracy over all subsets of each size that have one: float64, of `nums`' shape."""
    from scipy.special import gammaln

    ranks, num = np.arange(found.num_without, found.num + 1), nums[:, None]
    log_choices = gammaln(ranks + 1) - gammaln(np.maximum(ranks - num, 0) + 1)
    log_all = gammaln(found.num + 1) - gammaln(found.num - num + 1)
    without_higher = np.where(ranks >= num, np.exp(log_choices - log_all), 0.0)
    of_rank = np.diff(without_higher, axis=1)
    expected: NDArray[np.float64] = of_rank @ found.accuracies / of_rank.sum(axis=1)
    return expected


def _bootstrapped(found: _Configs, nums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the expected best of budgets under distributions that the trials may have come from.

    The quantiles of the configs in such a distribution are ordered uniform numbers. Accuracies are uniform between
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
    num_top = math.ceil(math.sqrt(len(found.accuracies)))
    scale = found.accuracies[-num_top:].mean() - found.accuracies[-num_top - 1]
    scale = scale * num_top / draw.gamma(num_top, size=NUM_DRAWS)
    expected = np.empty((NUM_DRAWS, len(nums)))
    for place, num in enumerate(nums):
        below = np.exp(num * log_below)
        excess = scale * (exp1(num * above) + np.log(num * above) + np.euler_gamma)
        seen = np.diff(below, axis=1) @ means + found.accuracies[-1] * (1 - below[:, -1])
        expected[:, place] = (seen + excess) / (1 - below[:, 0])
    return np.minimum(expected, 1.0)


def _blocks(found: _Configs) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """Return ranks among all configs, dense at the top, and the mean accuracy from each rank to the next.

    The first rank is that of the best config without an accuracy, 0 if all have one.
    """
    num = len(found.accuracies)
    from_top = np.arange(1, num + 1)
    if num > NUM_BLOCKS:
        from_top = np.unique(np.geomspace(1, num, NUM_BLOCKS).round().astype(int))
    ends = num + 1 - from_top[::-1]
    starts = np.r_[1, ends[:-1]]
    sums = np.r_[0.0, np.cumsum(found.accuracies)]
    means = (sums[ends] - sums[starts - 1]) / (ends - starts + 1)
    return np.r_[0, ends] + found.num_without, means
