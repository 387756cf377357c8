"""The variance of a mean over seeds crossed with images (Gallas 2006; Owen 2007), and what it makes of an interval."""

import math
from typing import Any, NamedTuple

import scipy
from numpy.typing import NDArray

from mnist_sweep.statistics.intervals import UPPER, weight_of_few

POWER = 0.8
SMALLEST_TAIL = 1e-12  # that a p-value is computed for


class CrossedVariance(NamedTuple):
    """Variance of a mean over seeds, over images, and of the remainder, which both contain; and how many of each."""

    seeds: float
    images: float
    rest: float
    num_seeds: int
    num_images: int

    @classmethod
    def of(cls, differences: NDArray[Any]) -> "CrossedVariance":
        """Return the estimated variance of the mean of differences `[num_seeds, num_images]`, 2 or more of each."""
        num_seeds, num_images = differences.shape
        by_seed, by_image = differences.mean(axis=1), differences.mean(axis=0)
        seeds, images = by_seed.var(ddof=1) / num_seeds, by_image.var(ddof=1) / num_images
        rest = ((differences - by_seed[:, None] - by_image + by_seed.mean()) ** 2).sum()
        rest /= num_seeds * num_images * (num_seeds - 1) * (num_images - 1)
        return cls(float(seeds), float(images), float(rest), num_seeds, num_images)

    @property
    def variance(self) -> float:
        """Variance of the mean, no smaller than that over seeds or over images alone."""
        return max(self.seeds + self.images - self.rest, self.seeds, self.images)

    @property
    def half_width(self) -> float:
        """Half the width of the mean's 95% interval."""
        return self.quantile(UPPER) * math.sqrt(self.variance)

    def quantile(self, probability: float) -> float:
        """Return the quantile of the mean's error, in standard errors."""
        weight = weight_of_few(self.seeds / (self.seeds + self.images), self.num_seeds - 1) if self.seeds else 0.0
        of_images, of_seeds = scipy.special.stdtrit([self.num_images - 1, self.num_seeds - 1], probability)
        return float((1 - weight) * of_images + weight * of_seeds)

    def pvalue(self, ratio: float) -> float:
        """Return the two-sided p-value of a mean that is this many standard errors from 0."""
        if ratio >= self.quantile(1 - SMALLEST_TAIL):
            return 2 * SMALLEST_TAIL
        least, most = 0.5, 1 - SMALLEST_TAIL
        return 2 - 2 * float(scipy.optimize.brentq(lambda one: self.quantile(one) - ratio, least, most, xtol=1e-14))

    def with_seeds(self, num: int) -> "CrossedVariance":
        """Return the variance expected with another number of seeds."""
        share = self.num_seeds / num
        images = self.images - (1 - share) * min(self.rest, self.images)
        return self._replace(seeds=self.seeds * share, images=images, rest=self.rest * share, num_seeds=num)

    def with_images(self, num: int) -> "CrossedVariance":
        """Return the variance expected with another number of images."""
        share = self.num_images / num
        seeds = self.seeds - (1 - share) * min(self.rest, self.seeds)
        return self._replace(seeds=seeds, images=self.images * share, rest=self.rest * share, num_images=num)

    def detects(self, mean: float) -> bool:
        """Return whether a mean of this size is found with 80% power."""
        return abs(mean) >= (self.quantile(UPPER) + self.quantile(POWER)) * math.sqrt(self.variance)
