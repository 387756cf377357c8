"""Paired comparisons of two classifiers on the same images: the difference, its uncertainty, and the data it takes."""

import bisect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from mnist_sweep.statistics.crossed_variance import CrossedVariance
from mnist_sweep.statistics.intervals import CONFIDENCE, NORMAL, clip_interval, half_width_of_mean, wilson_interval

POWER = 0.8416212335729143  # quantile 80% of the normal distribution
MOST = 10**9
SMALLEST_STD = 1e-9


class AccuracyDifference(NamedTuple):
    """Accuracy of a minus accuracy of b.

    Attributes:
        mean: The difference, in [-1, 1].
        low, high: Ends of its 95% interval.
        pvalue: Probability of a difference at least as large if there is none.
        images_needed: Images that would make a difference of this size significant with 80% power, with as many seeds;
            None if no number of images would.
        seeds_needed: Seeds that would do so with as many images; None if no number of seeds would.
    """

    mean: float
    low: float
    high: float
    pvalue: float
    images_needed: int | None = None
    seeds_needed: int | None = None

    def reversed(self) -> "AccuracyDifference":
        """Return the accuracy of b minus that of a."""
        return self._replace(mean=-self.mean, low=-self.high, high=-self.low)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact test (1947), given how many images only a and only b classify correctly."""
    num = only_a + only_b
    return float(scipy.stats.binomtest(only_a, num).pvalue) if num else 1.0


def difference_over_images(both: int, only_a: int, only_b: int, neither: int) -> AccuracyDifference:
    """Return the difference of two trained classifiers, given how many images each classifies correctly, as on others.

    Its interval is Newcombe's (1998), its p-value that of McNemar's exact test, the number of images Connor's (1987).
    """
    num = both + only_a + only_b + neither
    mean, differing = (only_a - only_b) / num, (only_a + only_b) / num
    images = None
    if mean:
        images = math.ceil(((NORMAL * math.sqrt(differing) + POWER * math.sqrt(differing - mean**2)) / mean) ** 2)
    interval = newcombe_interval(both, only_a, only_b, neither)
    return AccuracyDifference(mean, *interval, mcnemar(only_a, only_b), images)


def newcombe_interval(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float]:
    """Return the 95% interval, in [-1, 1], of a paired difference (Newcombe 1998, Stat. Med. 17, 2635, method 10)."""
    num, correct_a, correct_b = both + only_a + only_b + neither, both + only_a, both + only_b
    means, (lows, highs) = np.array([correct_a, correct_b]) / num, wilson_interval([correct_a, correct_b], [num, num])
    (below_a, below_b), (above_a, above_b) = (means - lows).tolist(), (highs - means).tolist()
    product = math.prod((correct_a, num - correct_a, correct_b, num - correct_b))
    excess = both * neither - only_a * only_b
    phi = (max(excess - num / 2, 0) if excess > 0 else excess) / math.sqrt(product) if product else 0.0
    low = math.sqrt(below_a**2 - 2 * phi * below_a * above_b + above_b**2)
    high = math.sqrt(above_a**2 - 2 * phi * above_a * below_b + below_b**2)
    return (correct_a - correct_b) / num - low, (correct_a - correct_b) / num + high


def difference_over_seeds(differences: NDArray[Any], *, largest: float = 1.0) -> AccuracyDifference:
    """Return the difference of two configs, with its uncertainty over seeds: a paired t-test.

    The number of seeds needed is Guenther's (1981). The differences of accuracies, a minus b, are float64 `[n]`, one
    for each of two or more seeds, none above `largest`. If all are equal, there is no variance to test against, and the
    interval is NaN; so is the p-value if they are not 0.
    """
    mean, std = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if std < SMALLEST_STD:
        mean, pvalue = (0.0, 1.0) if abs(mean) < SMALLEST_STD else (mean, math.nan)
        return AccuracyDifference(mean, math.nan, math.nan, pvalue)
    result = scipy.stats.ttest_1samp(differences, 0.0)
    ends = result.confidence_interval(CONFIDENCE)
    seeds = math.ceil(((NORMAL + POWER) * std / mean) ** 2 + NORMAL**2 / 2) if mean else None
    ends = clip_interval(float(ends.low), float(ends.high), largest)
    return AccuracyDifference(mean, *ends, float(result.pvalue), seeds_needed=seeds)


def difference_over_image_values(differences: NDArray[Any], *, largest: float = 1.0) -> AccuracyDifference:
    """Return the difference of two trained models by the values of images, as `difference_over_seeds` does of seeds."""
    found = difference_over_seeds(differences, largest=largest)
    return found._replace(images_needed=found.seeds_needed, seeds_needed=None)


def difference_over_seeds_and_images(differences: NDArray[Any], *, largest: float = 1.0) -> AccuracyDifference:
    """Return the difference of two configs, with its uncertainty over seeds and images.

    Seeds and images are crossed random factors, so the variance of the mean is that over seeds, plus that over images,
    minus that of the remainder, which both contain (Gallas 2006; Owen 2007). Their t quantiles are weighted as
    `weight_of_few` says: computed for normal variances in any ratio, the test errs in 2.0 to 7.3% with two seeds, and
    in 3.0 to 5.5% with three; with Satterthwaite's degrees of freedom, in up to 12.7%. If all differences are equal,
    the interval is as wide as Wilson's of no image in `num_images`.

    The differences are `[n, num_images]`: for each of two or more seeds and each image 1 if only a is correct, -1 if
    only b is, else 0; or those of other values of the image, of which none is known if all are equal and not 0. None
    is larger than `largest`.
    """
    mean, parts = float(differences.mean(axis=1).mean()), CrossedVariance.of(differences)
    num_seeds, num_images = differences.shape
    if not parts.variance > 0:
        none = float(wilson_interval(0, num_images)[1]) if largest <= 1 else math.nan
        return AccuracyDifference(mean, *clip_interval(mean - none, mean + none, largest), float(not mean))
    pvalue, half = parts.pvalue(abs(mean) / math.sqrt(parts.variance)), parts.half_width
    images = _smallest(num_images, lambda num: parts.with_images(num).detects(mean)) if mean else None
    seeds = _smallest(num_seeds, lambda num: parts.with_seeds(num).detects(mean)) if mean else None
    return AccuracyDifference(mean, *clip_interval(mean - half, mean + half, largest), pvalue, images, seeds)


def data_for_half_width(differences: NDArray[Any], half_width: float) -> tuple[int | None, int | None]:
    """Return the seeds, and the images, with which the 95% interval of a difference is expected to be this narrow.

    Variances are taken as estimated. None where they are unknown, or where no number of seeds, or of images, is enough.
    The differences are as in `difference_over_seeds` or `difference_over_seeds_and_images`; also `[1, num_images]`.
    """
    std = float(np.std(differences, ddof=differences.ndim == 1))
    if differences.ndim == 1:
        return seeds_for_half_width(std, half_width), None
    num_seeds, num_images = differences.shape
    if not std:
        return None, _smallest(num_images, lambda num: float(wilson_interval(0, num)[1]) <= half_width)
    if num_seeds == 1:
        return None, math.ceil((NORMAL * std / half_width) ** 2)
    parts = CrossedVariance.of(differences)
    seeds = _smallest(2, lambda num: parts.with_seeds(num).half_width <= half_width)
    return seeds, _smallest(2, lambda num: parts.with_images(num).half_width <= half_width)


def seeds_for_half_width(std: float, half_width: float) -> int | None:
    """Return the seeds with which the 95% t-interval of a mean difference is this narrow; None without a deviation."""
    return None if std < SMALLEST_STD else _smallest(2, lambda num: float(half_width_of_mean(std, num)) <= half_width)


def _smallest(num: int, is_enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number that is enough, searched from the present one; None if none is."""
    enough = num
    while not is_enough(enough):
        enough *= 2
        if enough > MOST:
            return None
    return bisect.bisect_left(range(enough), True, lo=2 if enough == num else enough // 2, key=is_enough)
