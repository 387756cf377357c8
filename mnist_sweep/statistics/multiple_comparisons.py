"""Comparisons of the best config with all others: which ones are significantly worse.

Any config could have come out best, so any pair could have been compared: the tests are corrected for all pairs. The
family-wise error, the chance of calling any config worse where all are equal, is at most 5% however many there are:
over images by Tukey's range test, over seeds by the simulation that `unequal_variances` describes.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.intervals import studentized_range_quantile
from mnist_sweep.statistics.two_way_residuals import ErrorVariance, residuals
from mnist_sweep.statistics.unequal_variances import critical_lead, leads, log_variance_std_bound

SMALLEST_LEAD = 1e-12


def worse_over_seeds(
    accuracy: NDArray[np.float64],
    config: NDArray[np.intp],
    seed: NDArray[np.intp],
    best: int,
    error: ErrorVariance,
) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one over the seeds they share: bool `[num_configs]`.

    Args:
        accuracy: float64 `[n]`, one for each trial.
        config: Index of its config, from 0.
        seed: Index of its seed, from 0.
        best: Index of the best config.
        error: The pooled variance, as `error_variance` returns it.
    """
    lead, standard_error = leads(accuracy, config, seed, best, error.variance)
    log_variance_std = log_variance_std_bound(residuals(accuracy, config, seed), config)
    threshold = critical_lead(config, seed, error.df, log_variance_std)
    worse: NDArray[np.bool_] = (lead > SMALLEST_LEAD) & (lead > threshold * standard_error)
    return worse


def worse_over_images(accuracy: NDArray[np.float64], best: int, num_images: int) -> NDArray[np.bool_]:
    """Return which configs are significantly worse than the best one, by the binomial error of each accuracy.

    Tukey's range test with a known variance, that of the pair's mean accuracy. All configs see the same images, which
    correlates their errors and makes the test conservative: it calls fewer configs worse than it might.

    Args:
        accuracy: float64 `[num_configs]`, in [0, 1].
        best: Index of the best config.
        num_images: Images that all of them were measured on.

    Returns:
        bool `[num_configs]`.
    """
    middle = (accuracy + accuracy[best]) / 2
    error = np.sqrt(middle * (1 - middle) / num_images)
    lead, threshold = accuracy[best] - accuracy, studentized_range_quantile(len(accuracy), np.inf)
    worse: NDArray[np.bool_] = (lead > SMALLEST_LEAD) & (lead > threshold * error)
    return worse
