"""Comparisons of the best config with all others: which ones are significantly worse.

Any config could have come out best, so any pair could have been compared: the tests are corrected for all pairs. The
family-wise error, the chance of calling any config worse where all are equal, is at most 5% however many there are.

Over images that is Tukey's range test. Over seeds, the configs' variances may be unequal, and with few seeds a test
that uses a config's own variance alone (Games and Howell 1976) has no power. All configs together tell how unequal they
may be: they are modelled as draws from an inverse gamma distribution (Wright and Simon 2003), as wide as the accuracies
allow at 99%, and the critical value is the upper 3% point of the lead in simulations of it with equal means: both risks
together are 4% (Berger and Boos 1994), and one more per cent is left for variances of another distribution.

Of 4, 10 or 40 equal configs with 2, 3 or 5 seeds, any was called worse in 0 to 4.6% of 2,000 sweeps of each layout of
`python -m tests.benchmarks.equals` (standard deviations equal; log-normal with 0.25, 0.5 and 1; every other one 3
times, every tenth or one 5 times the others). Tukey's test with the same standard errors did so in 3.7 to 21% with 40
configs and 3 seeds. The price is power: of configs there that are worse by 6 standard deviations of a seed, 90% are
found instead of 99% where variances are equal, and 42% instead of 86% where they are log-normal with 0.5.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.intervals import studentized_range_quantile
from mnist_sweep.statistics.two_way_residuals import Array, Codes, ErrorVariance, residuals

SMALLEST_LEAD = 1e-12
NUM_DRAWS = 2000
OUTSIDE = 0.01  # risk that variances are more unequal than assumed
BEYOND = 0.03  # risk of a larger lead; one per cent is left for variances of another distribution
LOG_VARIANCE_STDS = tuple(number / 5 for number in range(16))  # candidates with a uniform prior (Gelman 2006)
EQUAL_DF = 1e6  # degrees of freedom of a distribution of equal variances
SMALLEST_SHARE = 1e-4  # of the mean variance: a smaller one is due to accuracies that are rounded to whole images


def worse_over_seeds(accuracy: Array, config: Codes, seed: Codes, best: int, error: ErrorVariance) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one over the seeds they share: bool `[num_configs]`.

    Args:
        accuracy: float64 `[n]`, one for each trial.
        config: Index of its config, from 0.
        seed: Index of its seed, from 0.
        best: Index of the best config.
        error: The pooled variance, as `error_variance` returns it.
    """
    lead, standard_error = _leads(accuracy, config, seed, best, error.variance)
    log_variance_std = log_variance_std_bound(residuals(accuracy, config, seed), config)
    return _is_worse(lead, critical_lead(config, seed, error.df, log_variance_std) * standard_error)


def worse_over_images(accuracy: Array, best: int, num_images: int) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one by binomial errors: bool `[num_configs]`.

    Tukey's range test with a known variance, that of the pair's mean accuracy. All configs see the same images, which
    correlates their errors and makes the test conservative: it calls fewer configs worse than it might.

    Args:
        accuracy: float64 `[num_configs]`, in [0, 1].
        best: Index of the best config.
        num_images: Images that all of them were measured on.
    """
    middle = (accuracy + accuracy[best]) / 2
    error = np.sqrt(middle * (1 - middle) / num_images)
    return _is_worse(accuracy[best] - accuracy, studentized_range_quantile(len(accuracy), np.inf) * error)


def _is_worse(lead: Array, threshold: Array) -> NDArray[np.bool_]:
    return (lead > SMALLEST_LEAD) & (lead > threshold)


def _leads(accuracy: Array, config: Codes, seed: Codes, best: int, variance: float) -> tuple[Array, Array]:
    """Return the best config's lead over each config and its standard error: float64 `[num_configs]`.

    A lead is the mean difference over the seeds that the two configs share. Its standard error uses the pooled variance
    or that of the pair's own differences, whichever is larger.
    """
    num_configs = int(config.max()) + 1
    of_best = np.full(int(seed.max()) + 1, np.nan)
    of_best[seed[config == best]] = accuracy[config == best]
    lead = of_best[seed] - accuracy
    if not (shared := ~np.isnan(lead)).all():
        lead, config = lead[shared], config[shared]
    n = np.bincount(config, minlength=num_configs)
    mean = np.bincount(config, lead, num_configs) / np.maximum(n, 1)
    own = np.bincount(config, (lead - mean[config]) ** 2, num_configs) / np.maximum(n - 1, 1) / 2
    return mean, np.sqrt(np.maximum(own, variance) / np.maximum(n, 1))


def log_variance_std_bound(rest: Array, config: Codes) -> float:
    """Return the 99% upper bound of the standard deviation of the configs' log variances, one of LOG_VARIANCE_STDS.

    Args:
        rest: Residuals of the two-way model.
        config: Index of the config of each, from 0.
    """
    from scipy.special import digamma, gammaln

    df = np.bincount(config) - 1
    squares = np.bincount(config, rest**2)[df > 0]
    df = df[df > 0]
    if not squares.any():
        return 0.0
    logs = np.log(np.maximum(squares / df, SMALLEST_SHARE * squares.sum() / df.sum()))
    likelihood = []
    for prior in map(_prior_df, LOG_VARIANCE_STDS):  # scaled variances then have F distributions of df and prior
        expected = digamma(df / 2) - np.log(df / 2) - digamma(prior / 2) + np.log(prior / 2)
        over = logs - (logs - expected).mean()
        constant = gammaln((df + prior) / 2) - gammaln(df / 2) - gammaln(prior / 2) + df / 2 * np.log(df / prior)
        likelihood.append((constant + df / 2 * over - (df + prior) / 2 * np.log1p(df / prior * np.exp(over))).sum())
    weights = np.exp(np.array(likelihood) - max(likelihood))
    return LOG_VARIANCE_STDS[int(np.searchsorted(weights.cumsum(), (1 - OUTSIDE) * weights.sum()))]


def critical_lead(config: Codes, seed: Codes, df: float, log_variance_std: float) -> float:
    """Return the lead, in standard errors, that the best of equal configs exceeds over any other in 3% of sweeps.

    Args:
        config: As in `worse_over_seeds`.
        seed: As in `worse_over_seeds`.
        df: Degrees of freedom of the pooled variance.
        log_variance_std: Standard deviation of the configs' log variances, one of LOG_VARIANCE_STDS.
    """
    configs, seeds = (np.asarray(codes, np.intp).tobytes() for codes in (config, seed))
    return _critical_lead(configs, seeds, df, log_variance_std)


@functools.lru_cache(maxsize=256)
def _critical_lead(configs: bytes, seeds: bytes, df: float, log_variance_std: float) -> float:
    config, seed = np.frombuffer(configs, np.intp), np.frombuffer(seeds, np.intp)
    draw, n, prior, largest = np.random.default_rng(0), np.bincount(config), _prior_df(log_variance_std), []
    for _ in range(NUM_DRAWS):
        scale = np.sqrt(prior / draw.chisquare(prior, len(n)))
        accuracy = scale[config] * draw.standard_normal(len(config))
        best = int((np.bincount(config, accuracy) / n).argmax())
        variance = float((residuals(accuracy, config, seed) ** 2).sum() / df)
        lead, error = _leads(accuracy, config, seed, best, variance)
        largest.append((lead / error).max())
    return float(np.quantile(largest, 1 - BEYOND))


@functools.cache
def _prior_df(log_variance_std: float) -> float:
    """Return the degrees of freedom of a scaled inverse chi-squared distribution whose logarithm has this deviation."""
    from scipy.special import polygamma

    if log_variance_std == 0:
        return EQUAL_DF
    half, variance = 0.5 + 1 / log_variance_std**2, log_variance_std**2
    for _ in range(20):  # Newton's steps towards trigamma(half) = variance (Smyth 2004)
        value = polygamma(1, half)
        half += value * (1 - value / variance) / polygamma(2, half)
    return 2 * float(half)
