"""Two classifiers on the same images: how far apart they are, how sure that is, and what would make it surer."""

import bisect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_sweep.statistics.intervals import UPPER, wilson_interval, within

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POWER = 0.8
MOST = 10**9
SMALLEST_SPREAD = 1e-9


class Counts(NamedTuple):
    """Images by which of two classifiers, a and b, has them right."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, a: "NDArray[np.bool_]", b: "NDArray[np.bool_]") -> "Counts":
        """Return the counts of which images a and b have right: bool `[num_images]`."""
        return cls(*(int(share.sum()) for share in (a & b, a & ~b, b & ~a, ~a & ~b)))


class Difference(NamedTuple):
    """How much more accurate a is than b.

    Attributes:
        mean: Accuracy of a less that of b.
        low: Lower end of its 95% interval.
        high: Upper end of it.
        p: Probability of a difference at least as large where there is none.
        images: Images that would show a difference of this size in 80% of cases, with as many seeds; None if no number
            of images would.
        seeds: Seeds that would do so with as many images; None if no number of seeds would.
    """

    mean: float
    low: float
    high: float
    p: float
    images: int | None = None
    seeds: int | None = None

    def turned(self) -> "Difference":
        """Return how much more accurate b is than a."""
        return self._replace(mean=-self.mean, low=-self.high, high=-self.low)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact test (1947) that two classifiers are equally accurate.

    Args:
        only_a: Images that a alone has right.
        only_b: Images that b alone has right.
    """
    from scipy.stats import binomtest

    num = only_a + only_b
    return float(binomtest(only_a, num).pvalue) if num else 1.0


def of_images(counts: Counts) -> Difference:
    """Return the difference of two trained classifiers, as it would be on other images.

    Its interval is that of Newcombe (1998, Statistics in Medicine 17, 2635, method 10), its p-value McNemar's exact
    one, the number of images that of Connor (1987).
    """
    num = sum(counts)
    mean = (counts.only_a - counts.only_b) / num
    differing = (counts.only_a + counts.only_b) / num
    images = None
    if mean:
        upper, power = _normal_quantiles()
        images = math.ceil(((upper * math.sqrt(differing) + power * math.sqrt(differing - mean**2)) / mean) ** 2)
    return Difference(mean, *newcombe_interval(counts), mcnemar(counts.only_a, counts.only_b), images)


def newcombe_interval(counts: Counts) -> tuple[float, float]:
    """Return the ends of the 95% interval of a paired difference of shares (Newcombe 1998, method 10), in [-1, 1]."""
    both, only_a, only_b, neither = counts
    num, right_a, right_b = sum(counts), both + only_a, both + only_b
    mean_a, mean_b = right_a / num, right_b / num
    lows, highs = wilson_interval([right_a, right_b], [num, num])
    below_a, below_b, above_a, above_b = map(
        float, (mean_a - lows[0], mean_b - lows[1], highs[0] - mean_a, highs[1] - mean_b)
    )
    product = math.prod((right_a, num - right_a, right_b, num - right_b))
    excess = both * neither - only_a * only_b
    phi = (max(excess - num / 2, 0) if excess > 0 else excess) / math.sqrt(product) if product else 0.0
    low = math.sqrt(below_a**2 - 2 * phi * below_a * above_b + above_b**2)
    high = math.sqrt(above_a**2 - 2 * phi * above_a * below_b + below_b**2)
    return (right_a - right_b) / num - low, (right_a - right_b) / num + high


def of_seeds(differences: "NDArray[Any]") -> Difference:
    """Return the difference of two configs on the same images, as it would be with other seeds: a paired t-test.

    The number of seeds is that of Guenther (1981).

    Args:
        differences: float64 `[n]`, accuracy of a less that of b for each seed; n >= 2. Where all are the same, though
            not 0, there is nothing to judge by, and interval and p-value are NaN.
    """
    import numpy as np
    from scipy.stats import ttest_1samp

    mean, std = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if std < SMALLEST_SPREAD:
        return (
            Difference(0.0, 0.0, 0.0, 1.0)
            if abs(mean) < SMALLEST_SPREAD
            else Difference(mean, math.nan, math.nan, math.nan)
        )
    result = ttest_1samp(differences, 0.0)
    ends = result.confidence_interval(0.95)
    upper, power = _normal_quantiles()
    seeds = math.ceil(((upper + power) * std / mean) ** 2 + upper**2 / 2) if mean else None
    return Difference(mean, *within(float(ends.low), float(ends.high)), float(result.pvalue), None, seeds)


def of_seeds_and_images(differences: "NDArray[Any]") -> Difference:
    """Return the difference of two configs, as it would be with other seeds and on other images.

    Seeds and images are crossed, so the variance of the mean is that over seeds, plus that over images, less that of
    the rest, which both hold (Gallas 2006; Owen 2007). Degrees of freedom by Satterthwaite (1946).

    Args:
        differences: int8 `[n, num_images]`, for each seed and image 1 if a alone is right, -1 if b alone is, else 0;
            n >= 2.
    """
    from scipy.stats import t

    num_seeds, num_images = differences.shape
    by_seed, by_image = differences.mean(axis=1), differences.mean(axis=0)
    mean = float(by_seed.mean())
    seeds, images = by_seed.var(ddof=1) / num_seeds, by_image.var(ddof=1) / num_images
    rest = ((differences - by_seed[:, None] - by_image + mean) ** 2).sum()
    rest /= num_seeds * num_images * (num_seeds - 1) * (num_images - 1)
    noise = _Noise(float(seeds), float(images), float(rest), num_seeds, num_images)
    if not noise.variance > 0:
        return Difference(mean, mean, mean, float(not mean))
    error = math.sqrt(noise.variance)
    half = float(t.ppf(UPPER, noise.degrees)) * error
    p = float(2 * t.sf(abs(mean) / error, noise.degrees))
    return Difference(
        mean,
        *within(mean - half, mean + half),
        p,
        _enough(num_images, lambda num: noise.with_images(num).shows(mean)) if mean else None,
        _enough(num_seeds, lambda num: noise.with_seeds(num).shows(mean)) if mean else None,
    )


class _Noise(NamedTuple):
    """Variances of a mean over seeds, over images, and of the rest, which both hold, and how many there are of each."""

    seeds: float
    images: float
    rest: float
    num_seeds: int
    num_images: int

    @property
    def variance(self) -> float:
        return max(self.seeds + self.images - self.rest, self.seeds, self.images)

    @property
    def degrees(self) -> float:
        return self.variance**2 / (self.seeds**2 / (self.num_seeds - 1) + self.images**2 / (self.num_images - 1))

    def with_seeds(self, num: int) -> "_Noise":
        share = self.num_seeds / num
        images = self.images - (1 - share) * min(self.rest, self.images)
        return self._replace(seeds=self.seeds * share, images=images, rest=self.rest * share, num_seeds=num)

    def with_images(self, num: int) -> "_Noise":
        share = self.num_images / num
        seeds = self.seeds - (1 - share) * min(self.rest, self.seeds)
        return self._replace(seeds=seeds, images=self.images * share, rest=self.rest * share, num_images=num)

    def shows(self, mean: float) -> bool:
        """Return whether a mean of this size is shown in 80% of cases."""
        from scipy.special import stdtrit

        return abs(mean) >= float(stdtrit(self.degrees, [UPPER, POWER]).sum()) * math.sqrt(self.variance)


def _enough(num: int, shows: Callable[[int], bool]) -> int | None:
    """Return which number is enough, found from the one at hand; None if none is."""
    enough = num
    while not shows(enough):
        enough *= 2
        if enough > MOST:
            return None
    return bisect.bisect_left(range(enough), True, lo=2 if enough == num else enough // 2, key=shows)


def _normal_quantiles() -> tuple[float, float]:
    from scipy.special import ndtri

    return float(ndtri(UPPER)), float(ndtri(POWER))
