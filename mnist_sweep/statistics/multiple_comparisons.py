"""Which of many configs are no worse than the best one, and how much of the best one's lead is luck.

Whatever happens to come out best is compared with all others, so every pair of configs could have been the one that is
looked at: the tests are corrected for all pairs. Their chance of calling any config worse where all are equal is 5% at
the most, however many there are: over images by Tukey's range test, over seeds as `scatter` says.
"""

from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.statistics.intervals import UPPER, range_quantile
from mnist_sweep.statistics.unequal_variances import critical, leads, residuals, spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_DRAWS = 2000
SMALLEST_CHANGE = 1e-12
TINY = 1e-300


class Noise(NamedTuple):
    """How much accuracies vary that should be equal.

    Attributes:
        variance: Of one accuracy, without what all configs have in common.
        degrees: Degrees of freedom of the variance; infinite if it is known.
    """

    variance: float
    degrees: float


class Drop(NamedTuple):
    """By how much the accuracy of the best overstates it, as a share; negative where it understates.

    Attributes:
        expected: What is expected of it, given the accuracies of this sweep.
        low: Lower end of its 95% interval.
        high: Upper end of it.
    """

    expected: float
    low: float
    high: float


def seed_noise(accuracy: "NDArray[np.float64]", config: "NDArray[np.intp]", seed: "NDArray[np.intp]") -> Noise:
    """Return the variance of what remains of accuracies when each config and each seed has an effect of its own.

    Args:
        accuracy: float64 `[n]`, one of each trial.
        config: Number of its config, from 0.
        seed: Number of its seed, from 0.

    Returns:
        What the effects leave by least squares; NaN, with no degrees of freedom, if they leave nothing.
    """
    import numpy as np

    rest = residuals(accuracy, config, seed)
    degrees = len(rest) - _num_effects(config, seed)
    return Noise(float((rest**2).sum() / degrees) if degrees else np.nan, degrees)


def worse_by_seeds(
    accuracy: "NDArray[np.float64]", config: "NDArray[np.intp]", seed: "NDArray[np.intp]", best: int, noise: Noise
) -> "NDArray[np.bool_]":
    """Return which configs are worse than the best one: bool `[num_configs]`, tested over the seeds they share.

    A lead is held against the largest lead of equal configs whose seeds scatter as unlike as these may: see `scatter`.
    """
    mean, error = leads(accuracy, config, seed, best, noise.variance)
    times = critical(config, seed, noise.degrees, spread(residuals(accuracy, config, seed), config))
    worse: NDArray[np.bool_] = (mean > SMALLEST_CHANGE) & (mean > times * error)
    return worse


def worse_by_images(accuracy: "NDArray[np.float64]", best: int, num_images: int) -> "NDArray[np.bool_]":
    """Return which configs are worse than the best one: bool `[num_configs]`, by the binomial error of each accuracy.

    Tukey's range test with a known variance, that of the pair's mean accuracy. All configs see the same images, which
    makes their errors alike and the test careful: it calls fewer configs worse than it might.
    """
    import numpy as np

    middle = (accuracy + accuracy[best]) / 2
    error = np.sqrt(middle * (1 - middle) / num_images)
    lead = accuracy[best] - accuracy
    worse: NDArray[np.bool_] = (lead > SMALLEST_CHANGE) & (lead > range_quantile(len(accuracy), np.inf) * error)
    return worse


def drop_with_other_seeds(means: "NDArray[np.float64]", noise: Noise) -> Drop:
    """Return by how much the best of these mean accuracies overstates what it is with other seeds.

    Args:
        means: float64 `[n]`, one for each config.
        noise: Noise of each.
    """
    return _drop(means, noise, shared=False)


def drop_on_other_images(means: "NDArray[np.float64]", num_images: int) -> Drop:
    """Return by how much the best of these accuracies overstates what it is on other images.

    What makes the images easy or hard for all configs alike chose nobody; it counts in the interval alone.

    Args:
        means: float64 `[n]`, one for each config.
        num_images: Images that all of them were measured on.
    """
    import numpy as np

    # The arc sine of the root of a share has the same variance wherever the share lies.
    angles = np.arcsin(np.sqrt(means))
    found = _drop(angles, Noise(1 / (4 * num_images), np.inf), shared=True)
    return Drop(*(float(means.max() - np.sin(min(angles.max() - one, np.pi / 2)) ** 2) for one in found))


def _drop(means: "NDArray[np.float64]", noise: Noise, *, shared: bool) -> Drop:
    """Return the drop of the best of means whose noise is normal.

    The true values of a group are taken for a sample from a normal distribution, whose variance is what the noise
    leaves of theirs (Efron and Morris 1975); what this expects of the best one, given all of them, selection does not
    bias (Efron 2011). The group are those that may have come out best; the interval is the wider one of theirs and of
    that of all, since where the group ends is arbitrary.
    """
    import numpy as np

    if not noise.variance > 0:
        return Drop(0.0, 0.0, 0.0)
    reach = range_quantile(len(means), noise.degrees) * np.sqrt(noise.variance) if len(means) > 1 else 0.0
    contenders = means[means >= means.max() - reach]
    spread = contenders.var(ddof=1) if len(contenders) > 1 else np.inf
    expected = (contenders.max() - contenders.mean()) * noise.variance / max(noise.variance, spread)
    ends = [
        np.quantile(_draws_of_drop(group, noise, shared=shared), [1 - UPPER, UPPER]) for group in (contenders, means)
    ]
    return Drop(float(expected), float(min(low for low, _ in ends)), float(max(high for _, high in ends)))


def _draws_of_drop(group: "NDArray[np.float64]", noise: Noise, *, shared: bool) -> "NDArray[np.float64]":
    """Return drops of the best of a group as the model has them, with its variances drawn as estimates vary."""
    import numpy as np

    num, draw = len(group), np.random.default_rng(0)
    variance = np.full(NUM_DRAWS, noise.variance)
    if np.isfinite(noise.degrees):
        variance *= noise.degrees / draw.chisquare(noise.degrees, NUM_DRAWS)
    if num == 1:
        return np.asarray(np.sqrt(variance) * draw.standard_normal(NUM_DRAWS))
    spread = group.var(ddof=1) * (num - 1) / draw.chisquare(num - 1, NUM_DRAWS)
    chosen_by = np.minimum(variance, spread) if shared else variance
    of_all = np.maximum(np.maximum(chosen_by, spread), TINY)
    share = chosen_by / of_all
    centre = np.sqrt(of_all / num) * draw.standard_normal(NUM_DRAWS)
    error = np.sqrt((1 - share) * chosen_by + variance - chosen_by) * draw.standard_normal(NUM_DRAWS)
    return np.asarray(share * (group.max() - group.mean() - centre) + error)


def _num_effects(config: "NDArray[np.intp]", seed: "NDArray[np.intp]") -> int:
    """Return how many effects can be told apart: those of configs and seeds, less one for each group that is linked."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_configs, num_seeds = int(config.max()) + 1, int(seed.max()) + 1
    num = num_configs + num_seeds
    links = coo_array((np.ones(len(config)), (config, seed + num_configs)), shape=(num, num))
    groups, _ = connected_components(links, directed=False)
    return num - int(groups)
