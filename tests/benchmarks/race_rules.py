"""Rules by which others decide which settings get another seed, as their papers and documents state them.

Each takes the accuracies `[num_settings, num_seeds]` of one sweep, seed by seed the same for all settings, and returns
the trials that it ran and the settings that it did not reject, the one that it answers with first.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tests.benchmarks.kinds import Array

FIRST_TEST, CONFIDENCE = 5, 0.95  # irace's defaults: seeds before the first test, confidence of each
MIN_SURVIVAL = 3  # irace stops there: 2 + log2 of the number of parameters, here 2 or 3
P_THRESHOLD, STARTUP_STEPS = 0.1, 2  # defaults of Optuna's WilcoxonPruner


class End(NamedTuple):
    """What a rule ran, and what it kept, the answer first."""

    num_trials: int
    kept: list[int]


Test = Callable[[Array], tuple[list[int], int]]


def friedman_race(accuracy: Array) -> End:
    """Race as irace does by default: Friedman's test after each seed (López-Ibáñez et al. 2016)."""
    return _race(accuracy, _friedman)


def t_race(accuracy: Array) -> End:
    """Race as irace does with paired t-tests against the best mean, which are not corrected (its `t-test`)."""
    return _race(accuracy, _t_test)


def _race(accuracy: Array, test: Test) -> End:
    kept, num_trials, best = [*range(len(accuracy))], 0, 0
    for num_seeds in range(1, accuracy.shape[1] + 1):
        num_trials += len(kept)
        if num_seeds >= FIRST_TEST:
            places, first = test(accuracy[kept, :num_seeds])
            best, kept = kept[first], [kept[place] for place in places]
            if len(kept) <= MIN_SURVIVAL:
                break
    return End(num_trials, [best, *(one for one in kept if one != best)])


def _friedman(accuracy: Array) -> tuple[list[int], int]:
    """Return who is not worse than the best by ranks (Conover 1999, pages 369 to 371), and the best."""
    from scipy.stats import chi2, rankdata, t

    num_settings, num_seeds = accuracy.shape
    ranks = rankdata(-accuracy, axis=0)
    sums, squares = ranks.sum(axis=1), float((ranks**2).sum())
    best = int(sums.argmin())
    df = (num_seeds - 1) * (num_settings - 1)
    spread = squares - num_seeds * num_settings * (num_settings + 1) ** 2 / 4  # of ranks, ties included
    if spread <= 0:
        return [*range(num_settings)], best
    statistic = (num_settings - 1) * float(((sums - num_seeds * (num_settings + 1) / 2) ** 2).sum()) / spread
    if chi2.sf(statistic, num_settings - 1) >= 1 - CONFIDENCE:
        return [*range(num_settings)], best
    error = math.sqrt(max(2 * (num_seeds * squares - float((sums**2).sum())) / df, 0.0))
    most = float(t.ppf(1 - (1 - CONFIDENCE) / 2, df)) * error
    return [int(place) for place in np.flatnonzero(sums - sums[best] <= most)], best


def _t_test(accuracy: Array) -> tuple[list[int], int]:
    """Return who is not worse than the best mean by a paired t-test, and the best."""
    from scipy.special import stdtr

    num_seeds = accuracy.shape[1]
    best = int(accuracy.mean(axis=1).argmax())
    lead = accuracy[best] - accuracy
    error = lead.std(axis=1, ddof=1) / math.sqrt(num_seeds)
    with np.errstate(invalid="ignore", divide="ignore"):
        pvalue = 2 * stdtr(num_seeds - 1, -np.abs(lead.mean(axis=1) / error))
    return [int(place) for place in np.flatnonzero(~(pvalue < 1 - CONFIDENCE))], best


def intensification(accuracy: Array, max_config_calls: int) -> End:
    """Hold challengers against an incumbent as SMAC3 does: doubling seeds, out when worse on those of both.

    Before each challenger, the incumbent has one seed more, at most `max_config_calls` (3 by default).
    """
    incumbent, num_seeds, num_trials = 0, 1, 1
    for challenger in range(1, len(accuracy)):
        if num_seeds < max_config_calls:
            num_seeds, num_trials = num_seeds + 1, num_trials + 1
        for done in range(1, num_seeds + 1):  # of any batch, the rest is not run once it is rejected
            num_trials += 1
            if accuracy[challenger, :done].mean() < accuracy[incumbent, :done].mean():
                break
        else:
            incumbent = challenger
    return End(num_trials, [incumbent])


def wilcoxon_pruner(accuracy: Array) -> End:
    """Prune as Optuna's WilcoxonPruner does: each setting has all seeds unless it is worse than the best so far."""
    from scipy.stats import wilcoxon

    num_seeds, best, num_trials, kept = accuracy.shape[1], 0, accuracy.shape[1], [0]
    for setting in range(1, len(accuracy)):
        for done in range(1, num_seeds + 1):
            num_trials += 1
            lead = accuracy[setting, :done] - accuracy[best, :done]
            if done < max(2, STARTUP_STEPS) or accuracy[best].mean() <= accuracy[setting, :done].mean():
                continue
            if wilcoxon(lead, alternative="less", zero_method="zsplit").pvalue < P_THRESHOLD:
                break
        else:
            kept.append(setting)
            best = setting if accuracy[setting].mean() > accuracy[best].mean() else best
    return End(num_trials, [best, *(one for one in kept if one != best)])
