"""Comparisons of the best config with all others: which ones are significantly worse.

Any config could have come out best, so any pair could have been compared: the tests are corrected for all pairs. The
family-wise error, the chance of calling any config worse where all are equal, is at most 5% however many there are.

Over images that is Tukey's range test. Over seeds, variances may be unequal, and with few seeds a test that uses a
config's own variance alone (Games and Howell 1976) has no power. So the configs are modelled as draws from an inverse
gamma distribution (Wright and Simon 2003), as wide as the accuracies allow at 99% or less, and the critical value is
the largest upper 3% point of the lead in simulations with equal means: both risks together are 4% (Berger and Boos
1994), and one more per cent is left for variances of another distribution. The widest one alone is not enough, as a few
configs then have nearly all of the variance. Among more than FEW configs, the risk of a wider one is smaller, by the
power of a config's degrees of freedom. `python -m tests.benchmarks.equals` and `power` measure error and power.

Where some runs of a few configs collapse, these have nearly all of the pooled variance, which then hides that others
are at chance. So a config is worse as well if it is FAR behind in standard errors of the pair's own differences, with a
variance that few configs exceed: no more than would lose some of their runs if all runs collapsed equally often, and
so often that any config loses all of its runs in 3% of sweeps.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics import two_way_residuals as two_way
from mnist_sweep.statistics.intervals import studentized_range_quantile
from mnist_sweep.statistics.two_way_residuals import Array, Cells, Codes, Counts, ErrorVariance
from mnist_sweep.statistics.unequal_variances import OUTSIDE, log_variance_std_bound, simulated_tables

SMALLEST_LEAD = 1e-12
BEYOND = 0.03  # risk of a larger lead; one per cent is left for variances of another distribution
FEW = 40  # configs, among which one that varies more than the others shows in the distribution of variances
FAR, FEWEST = 40.0, 3  # standard errors of a pair's own differences, and how many of these it takes
LESS_UNEQUAL = {0.4: 0.02, 0.8: 0.02, 1.2: 0.02}  # the same by a smaller standard deviation of the log variances


def worse_over_seeds(accuracy: Array, config: Codes, seed: Codes, best: int, error: ErrorVariance) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one over the seeds they share: bool `[num_configs]`.

    A config that shares fewer than two seeds with the best one is not tested: the noise of one seed is unknown. The
    accuracies are float64 `[n]`, one for each trial, with the indices of its config and of its seed, from 0; `error` is
    their pooled variance, as `error_variance` returns it.
    """
    present, table = two_way.to_table(accuracy, config, seed)
    leads = _leads(table[None], present, np.array([best]))
    risk = OUTSIDE * min(1.0, FEW / len(table)) ** (len(config) / len(table) - 1)
    log_variance_std = log_variance_std_bound(two_way.residuals(accuracy, config, seed), config, risk)
    standard_error = leads.standard_error(np.array([error.variance]))[0]
    worse = _is_worse(leads.mean[0], critical_lead(config, seed, error.df, log_variance_std) * standard_error)
    return worse | _is_far_behind(leads, np.arange(len(table)) != best)


def worse_over_images(accuracy: Array, best: int, num_images: int) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one by binomial errors: bool `[num_configs]`.

    Tukey's range test with a known variance, that of the pair's mean accuracy. All configs were measured on the same
    images, which correlates their errors and makes the test conservative: it calls fewer configs worse than it might.
    """
    middle = (accuracy + accuracy[best]) / 2
    error = np.sqrt(middle * (1 - middle) / num_images)
    return _is_worse(accuracy[best] - accuracy, studentized_range_quantile(len(accuracy), np.inf) * error)


def _is_worse(lead: Array, threshold: Array) -> NDArray[np.bool_]:
    return (lead > SMALLEST_LEAD) & (lead > threshold)


class _Leads(NamedTuple):
    """The best config's leads over each config: float64 `[num_tables, num_configs]`.

    A lead is the mean difference over the `num` seeds that the two configs share, 0 if these are fewer than two. The
    variance is half of that of the differences: that of one accuracy.
    """

    mean: Array
    variance: Array
    num: Counts

    def standard_error(self, least: Array) -> Array:
        """Return the standard errors, given the least variance in each table."""
        return np.sqrt(np.maximum(self.variance, least[:, None]) / self.num)


def _leads(tables: Array, present: NDArray[np.bool_], best: Codes) -> _Leads:
    shared = present & present[best][:, None]
    n = np.maximum(shared.sum(axis=2), 1)
    lead = np.where(shared, tables[np.arange(len(best)), best][:, None] - tables, 0.0)
    mean = lead.sum(axis=2) / n
    own = np.where(shared, lead - mean[:, :, None], 0.0)
    return _Leads(np.where(n > 1, mean, 0.0), (own**2).sum(axis=2) / np.maximum(n - 1, 1) / 2, n)


def _is_far_behind(leads: _Leads, others: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the others in one table are FAR behind by a variance that few of them exceed."""
    mean, variance, num = leads.mean[0], leads.variance[0], leads.num[0]
    tested: NDArray[np.bool_] = others & (num >= FEWEST)
    if not tested.any():
        return tested
    collapse = np.minimum((BEYOND / len(num)) ** (1 / num), 0.5)  # so often that any config may lose all its runs
    unlike = 1 - collapse**num - (1 - collapse) ** num  # share of configs that then lose some of them
    least = np.quantile(variance[tested], np.maximum(1 - unlike, 0.5), method="higher")
    return _is_worse(mean, FAR * np.sqrt(np.maximum(variance, least) / num)) & tested


def critical_lead(config: Codes, seed: Codes, df: float, log_variance_std: float) -> float:
    """Return the lead, in standard errors, that the best of equal configs exceeds over any other in 3% of sweeps.

    It is found again for the same numbers of configs and seeds, in whatever order. `config` and `seed` are as in
    `worse_over_seeds`, `df` those of the pooled variance; the standard deviation of the configs' log variances is at
    most `log_variance_std`.
    """
    cells = two_way.in_order(two_way.to_table(np.zeros(len(config)), config, seed)[0])
    risks = {std: risk for std, risk in LESS_UNEQUAL.items() if std < log_variance_std} | {log_variance_std: BEYOND}
    return max(_critical_lead(cells, df, *one) for one in risks.items())


@functools.lru_cache(maxsize=256)
def _critical_lead(cells: Cells, df: float, log_variance_std: float, risk: float) -> float:
    counts, largest = np.array(cells), list[Array]()
    present = counts[:, :-1] > 0
    for sums in simulated_tables(counts, log_variance_std):
        best, tables = (sums.sum(axis=2) / counts.sum(axis=1)).argmax(axis=1), sums[:, :, :-1]
        rest = two_way.table_residuals(tables, present)
        leads = _leads(tables, present, best)
        largest.append((leads.mean / leads.standard_error((rest**2).sum(axis=(1, 2)) / df)).max(axis=1))
    return float(np.quantile(np.concatenate(largest), 1 - risk))
