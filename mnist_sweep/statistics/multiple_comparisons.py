"""Comparisons of the best config with all others: which ones are significantly worse.

Any config could have come out best, so any pair could have been compared: the tests are corrected for all pairs. The
family-wise error, the chance of calling any config worse where all are equal, is at most 5% however many there are.

Over images that is Tukey's range test. Over seeds, the configs' variances may be unequal, and with few seeds a test
that uses a config's own variance alone (Games and Howell 1976) has no power. All configs together tell how unequal they
may be: they are modelled as draws from an inverse gamma distribution (Wright and Simon 2003), as wide as the accuracies
allow at 99% or less, and the critical value is the largest upper 3% point of the lead in simulations of it with equal
means: both risks together are 4% (Berger and Boos 1994), and one more per cent is left for variances of another
distribution. The widest one alone is not enough: there a few configs have nearly all of the variance, so that few can
be the best by chance, and where half of 40 configs with 10 seeds were constant, any other was called worse in 28%.

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
from mnist_sweep.statistics.two_way_residuals import (
    Array,
    Codes,
    ErrorVariance,
    in_order,
    residuals,
    table_residuals,
    to_table,
)
from mnist_sweep.statistics.unequal_variances import log_variance_std_bound, simulated_tables

SMALLEST_LEAD = 1e-12
BEYOND = 0.03  # risk of a larger lead; one per cent is left for variances of another distribution
LESS_UNEQUAL = {0.4: 0.02, 0.8: 0.02, 1.2: 0.02}  # the same by a smaller standard deviation of the log variances


def worse_over_seeds(accuracy: Array, config: Codes, seed: Codes, best: int, error: ErrorVariance) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one over the seeds they share: bool `[num_configs]`.

    A config that shares fewer than two seeds with the best one is not tested: the noise of one seed is unknown.

    Args:
        accuracy: float64 `[n]`, one for each trial.
        config: Index of its config, from 0.
        seed: Index of its seed, from 0.
        best: Index of the best config.
        error: The pooled variance, as `error_variance` returns it.
    """
    present, table = to_table(accuracy, config, seed)
    lead, standard_error = _leads(table[None], present, np.array([best]), np.array([error.variance]))
    log_variance_std = log_variance_std_bound(residuals(accuracy, config, seed), config)
    return _is_worse(lead[0], critical_lead(config, seed, error.df, log_variance_std) * standard_error[0])


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


def _leads(tables: Array, present: NDArray[np.bool_], best: Codes, variance: Array) -> tuple[Array, Array]:
    """Return the best config's lead over each config and its standard error: float64 `[num_tables, num_configs]`.

    A lead is the mean difference over the seeds that the two configs share, 0 if these are fewer than two. Its standard
    error uses the pooled variance or that of the pair's own differences, whichever is larger.
    """
    shared = present & present[best][:, None]
    n = np.maximum(shared.sum(axis=2), 1)
    lead = np.where(shared, tables[np.arange(len(best)), best][:, None] - tables, 0.0)
    mean = lead.sum(axis=2) / n
    own = np.where(shared, lead - mean[:, :, None], 0.0)
    own = (own**2).sum(axis=2) / np.maximum(n - 1, 1) / 2
    return np.where(n > 1, mean, 0.0), np.sqrt(np.maximum(own, variance[:, None]) / n)


def critical_lead(config: Codes, seed: Codes, df: float, log_variance_std: float) -> float:
    """Return the lead, in standard errors, that the best of equal configs exceeds over any other in 3% of sweeps.

    It is found again for the same numbers of configs and seeds, in whatever order.

    Args:
        config: As in `worse_over_seeds`.
        seed: As in `worse_over_seeds`.
        df: Degrees of freedom of the pooled variance.
        log_variance_std: Upper bound of the standard deviation of the configs' log variances.
    """
    present = in_order(to_table(np.zeros(len(config)), config, seed)[0])
    risks = {std: risk for std, risk in LESS_UNEQUAL.items() if std < log_variance_std} | {log_variance_std: BEYOND}
    return max(_critical_lead(present.tobytes(), present.shape, df, *one) for one in risks.items())


@functools.lru_cache(maxsize=256)
def _critical_lead(cells: bytes, shape: tuple[int, int], df: float, log_variance_std: float, risk: float) -> float:
    present, largest = np.frombuffer(cells, np.bool_).reshape(shape), list[Array]()
    for tables in simulated_tables(present, log_variance_std):
        best = (tables.sum(axis=2) / present.sum(axis=1)).argmax(axis=1)
        rest = table_residuals(tables, present)
        lead, error = _leads(tables, present, best, (rest**2).sum(axis=(1, 2)) / df)
        largest.append((lead / error).max(axis=1))
    return float(np.quantile(np.concatenate(largest), 1 - risk))
