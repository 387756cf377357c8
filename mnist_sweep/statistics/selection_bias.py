"""Selection bias: by how much the accuracy of the best of many configs overstates it."""

from typing import NamedTuple

import numpy as np

from mnist_sweep.statistics.intervals import UPPER, studentized_range_quantile
from mnist_sweep.statistics.two_way_residuals import Array, ErrorVariance

NUM_DRAWS = 2000
TINY = 1e-300


class SelectionBias(NamedTuple):
    """By how much the accuracy of the best config overstates it; negative where it understates it.

    Attributes:
        expected: Its expectation given the accuracies of this sweep, in [-1, 1].
        low: Lower end of its 95% interval.
        high: Upper end of it.
    """

    expected: float
    low: float
    high: float


def bias_over_seeds(means: Array, error: ErrorVariance) -> SelectionBias:
    """Return by how much the best of these mean accuracies overstates its accuracy with other seeds.

    `means` is float64 `[num_configs]`; `error` is the variance of each mean.
    """
    return _bias(means, error, shared=False)


def bias_over_images(means: Array, num_images: int) -> SelectionBias:
    """Return by how much the best of these accuracies overstates its accuracy on other images.

    That the images are easy or hard for all configs alike did not influence the selection; it widens the interval only.

    Args:
        means: float64 `[num_configs]`, the accuracy of each config.
        num_images: Images that all of them were measured on.
    """
    # The arc sine of the square root of a proportion has the same variance for all proportions.
    angles = np.arcsin(np.sqrt(means))
    found = _bias(angles, ErrorVariance(1 / (4 * num_images), np.inf), shared=True)
    return SelectionBias(*(float(means.max() - np.sin(min(angles.max() - one, np.pi / 2)) ** 2) for one in found))


def _bias(means: Array, error: ErrorVariance, *, shared: bool) -> SelectionBias:
    """Return the bias of the best of means with normal errors.

    The true means of a group are modelled as a sample from a normal distribution, whose variance is that of the means
    less that of the errors (Efron and Morris 1975); the resulting expectation for the best one, given all means, is not
    affected by selection (Efron 2011). The group are the means that may be those of the best config; the interval is
    the wider one of that group's and of all means', since the limit of the group is arbitrary.
    """
    if not error.variance > 0:
        return SelectionBias(0.0, 0.0, 0.0)
    reach = studentized_range_quantile(len(means), error.df) * np.sqrt(error.variance) if len(means) > 1 else 0.0
    contenders = means[means >= means.max() - reach]
    spread = contenders.var(ddof=1) if len(contenders) > 1 else np.inf
    expected = (contenders.max() - contenders.mean()) * error.variance / max(error.variance, spread)
    ends = [np.quantile(_draws(group, error, shared=shared), [1 - UPPER, UPPER]) for group in (contenders, means)]
    return SelectionBias(float(expected), float(min(low for low, _ in ends)), float(max(high for _, high in ends)))


def _draws(group: Array, error: ErrorVariance, *, shared: bool) -> Array:
    """Return draws of the bias of the best of a group under the model, whose variances are drawn as well."""
    num, draw = len(group), np.random.default_rng(0)
    variance = np.full(NUM_DRAWS, error.variance)
    if np.isfinite(error.df):
        variance *= error.df / draw.chisquare(error.df, NUM_DRAWS)
    if num == 1:
        return np.asarray(np.sqrt(variance) * draw.standard_normal(NUM_DRAWS))
    spread = group.var(ddof=1) * (num - 1) / draw.chisquare(num - 1, NUM_DRAWS)
    chosen_by = np.minimum(variance, spread) if shared else variance
    of_all = np.maximum(np.maximum(chosen_by, spread), TINY)
    share = chosen_by / of_all
    centre = np.sqrt(of_all / num) * draw.standard_normal(NUM_DRAWS)
    noise = np.sqrt((1 - share) * chosen_by + variance - chosen_by) * draw.standard_normal(NUM_DRAWS)
    return np.asarray(share * (group.max() - group.mean() - centre) + noise)
