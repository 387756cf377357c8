"""Unequal variances of configs: how unequal they may be, given few seeds, and tables of configs that vary so."""

import functools
from collections.abc import Iterator

import numpy as np

from mnist_sweep.statistics.two_way_residuals import Array, Codes, Counts

NUM_DRAWS = 2000
MOST_CELLS = 1_000_000  # of the tables that are simulated at once
OUTSIDE = 0.01  # risk that variances are more unequal than assumed
LOG_VARIANCE_STDS = tuple(number / 5 for number in range(16))  # candidates with a uniform prior (Gelman 2006)
EQUAL_DF = 1e6  # degrees of freedom of a distribution of equal variances
SMALLEST_SHARE = 1e-4  # of the mean variance: a smaller one is due to accuracies that are rounded to whole images


def log_variance_std_bound(rest: Array, config: Codes, risk: float = OUTSIDE) -> float:
    """Return an upper bound of the standard deviation of the configs' log variances, one of LOG_VARIANCE_STDS.

    It is larger with a probability of `risk`, given the residuals of the two-way model and the config of each, from 0.
    """
    from scipy.special import digamma, gammaln

    df = np.bincount(config) - 1
    squares = np.bincount(config, rest**2)[df > 0]
    df = df[df > 0]
    if not squares.any():
        return 0.0
    logs = np.log(np.maximum(squares / df, SMALLEST_SHARE * squares.sum() / df.sum()))
    prior = np.array([*map(prior_df, LOG_VARIANCE_STDS)])[:, None]  # scaled variances have F distributions of df and it
    expected = digamma(df / 2) - np.log(df / 2) - digamma(prior / 2) + np.log(prior / 2)
    over = logs - (logs - expected).mean(axis=1, keepdims=True)
    constant = gammaln((df + prior) / 2) - gammaln(df / 2) - gammaln(prior / 2) + df / 2 * np.log(df / prior)
    each = constant + df / 2 * over - (df + prior) / 2 * np.log1p(df / prior * np.exp(over))
    likelihood = each.sum(axis=1)
    weights = np.exp(likelihood - likelihood.max())
    return LOG_VARIANCE_STDS[int(np.searchsorted(weights.cumsum(), (1 - risk) * weights.sum()))]


def simulated_tables(counts: Counts, log_variance_std: float) -> Iterator[Array]:
    """Yield tables of configs with equal means and these log variances, NUM_DRAWS in all, 0 where there is no trial.

    They are float64 `[num_tables, *counts.shape]`, sums over the `counts` trials of each config in each column. The
    standard deviation of the log variances is one of LOG_VARIANCE_STDS.
    """
    draw, prior = np.random.default_rng(0), prior_df(log_variance_std)
    num_at_once = max(1, MOST_CELLS // (len(counts) * int(counts.any(axis=0).sum())))
    config, column = np.nonzero(counts)
    root = np.sqrt(counts[config, column].astype(np.float64))
    for start in range(0, NUM_DRAWS, num_at_once):
        num = min(num_at_once, NUM_DRAWS - start)
        scale, tables = np.sqrt(prior / draw.chisquare(prior, (num, len(counts)))), np.zeros((num, *counts.shape))
        tables[:, config, column] = scale[:, config] * root * draw.standard_normal((num, len(config)))
        yield tables


@functools.cache
def prior_df(log_variance_std: float) -> float:
    """Return the degrees of freedom of a scaled inverse chi-squared distribution whose logarithm has this deviation."""
    from scipy.special import polygamma

    if log_variance_std == 0:
        return EQUAL_DF
    half, variance = 0.5 + 1 / log_variance_std**2, log_variance_std**2
    for _ in range(20):  # Newton's steps towards trigamma(half) = variance (Smyth 2004)
        value = polygamma(1, half)
        half += value * (1 - value / variance) / polygamma(2, half)
    return 2 * float(half)
