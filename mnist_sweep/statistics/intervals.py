"""Confidence intervals of an accuracy (a proportion) and of a mean, and quantiles for differences of many means.

From scipy.special, which is imported a second faster than scipy.stats; the tests compare the two. SciPy imports each of
them where it is first used.
"""

import functools
import math
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

CONFIDENCE = 0.95
UPPER = (1 + CONFIDENCE) / 2
NORMAL = 1.959963984540054  # quantile UPPER of the normal distribution, without the 0.2 s of scipy.special's import
STEEPNESS = 8  # of the power of a weight: computed, see `weight_of_few`


def wilson_interval(num_correct: Any, num_examples: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the 95% score interval of a proportion (Wilson 1927): float64, of the arguments' shape.

    Of at least one example, as many as `num_correct` are classified correctly; NaN gives NaN.
    """
    z2 = NORMAL**2
    correct, examples = np.asarray(num_correct, np.float64), np.asarray(num_examples, np.float64)
    middle = (correct + z2 / 2) / (examples + z2)
    half = np.sqrt(z2 * (correct * (examples - correct) / examples + z2 / 4)) / (examples + z2)
    return np.where(correct == 0, 0.0, middle - half), np.where(correct == examples, 1.0, middle + half)


def share_upper_limit(count: int, number: int) -> float:
    """Return the one-sided 95% upper limit of a share, `count` of a `number` (Clopper and Pearson 1934)."""
    return float(scipy.special.betaincinv(count + 1, number - count, CONFIDENCE)) if count < number else 1.0


def half_width_of_mean(std: Any, n: Any) -> NDArray[np.float64]:
    """Return half the width of the 95% t-interval of a mean: float64, of the arguments' shape, NaN where n < 2."""
    std, n = np.asarray(std, np.float64), np.asarray(n, np.float64)
    if not (n > 1).any():  # as in a table of one seed each, which needs no SciPy
        return np.full(np.broadcast(std, n).shape, np.nan)
    quantile = scipy.special.stdtrit(np.maximum(n - 1, 1), UPPER)
    return np.where(n > 1, quantile * std / np.sqrt(np.maximum(n, 1)), np.nan)


def clip_interval(low: float, high: float, largest: float = 1.0) -> tuple[float, float]:
    """Return the ends of an interval of a difference, clipped to the largest that there can be; NaN stays NaN."""
    return max(low, -largest), min(high, largest)


def interval_of_value(value: Any, error: Any, *, is_share: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the 95% interval of a value on new images, given its standard error over images.

    That of a share is Wilson's for as many images as would give an accuracy this error (Korn and Graubard 1998), which
    for accuracies is Wilson's own; NaN where the error is 0, which only tells that there are too few images.
    """
    value, error = np.asarray(value, np.float64), np.asarray(error, np.float64)
    if not is_share:
        return value - NORMAL * error, value + NORMAL * error
    num = value * (1 - value) / np.where(error > 0, error, np.nan) ** 2
    return wilson_interval(value * num, num)


def interval_of_sum(mean: float, *parts: tuple[float, float]) -> tuple[float, float]:
    """Return the 95% interval of a mean with independent errors, given an interval around it for each error.

    Each end is at the root of the sum of the squared distances (MOVER; Zou and Donner 2008, Stat. Med. 27, 1693): no
    nearer than that of any part.
    """
    below, above = (math.hypot(*(mean - part[side] for part in parts)) for side in (0, 1))
    return mean - below, mean + above


def weight_of_few(share: float, df: float) -> float:
    """Return the weight of a quantile with few degrees of freedom in that of an error of two independent parts.

    Cochran (1964) weights the quantiles of both parts by their estimated shares of the variance, in [0, 1]. With one or
    two degrees of freedom that is far too much for a sum that is mostly the other part, so the share w is raised to the
    power 1 + (1 - w) ** (8 / df). Computed for two normal variances in any ratio, 95% intervals then cover in 93.3 to
    96.5% with one degree of freedom; those of Satterthwaite (1946) cover in 88 to 93%.
    """
    return math.pow(share, 1 + math.pow(1 - share, STEEPNESS / df))


@functools.lru_cache(maxsize=4096)
def studentized_range_quantile(num_means: int, df: float) -> float:
    """Return the 95% quantile of the studentized range of means (Tukey 1949), in half the time of scipy's `ppf`.

    It lies between the quantiles of two means and of Bonferroni's correction for all pairs, which are t quantiles times
    the square root of 2. `df` is infinite if the variance is known.
    """
    alpha, num_pairs = 1 - CONFIDENCE, math.comb(num_means, 2)
    low, high = (math.sqrt(2) * float(scipy.special.stdtrit(df, 1 - alpha / 2 / number)) for number in (1, num_pairs))
    if num_pairs == 1:
        return low
    cdf = scipy.stats.studentized_range.cdf
    return float(scipy.optimize.brentq(lambda x: cdf(x, num_means, df) - CONFIDENCE, low, high, xtol=1e-6))
