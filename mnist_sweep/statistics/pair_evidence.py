"""Evidence that one setting is better than another, from their differences paired by seed.

The evidence (e-value) that one setting is better than another by more than delta is the ratio of two likelihoods of
their differences: that of an effect whose size in standard deviations is half-normal with scale TAU, over that of none,
both under the right-Haar prior on the standard deviation (Pérez-Ortiz, Lardy, de Heide and Grünwald 2024, Ann. Stat.
52, 1410). Without an effect it is a martingale that starts at 1, so however often one looks, it ever reaches c with a
probability of at most 1 / c (Ville 1939).
"""

import functools
import math
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
At = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
TAU = 2.0
MIN_SEEDS = 2
FARTHEST = 1e8  # standard deviations of a mean, beyond which the evidence is the same to the last digit


def log_evidence(n: Any, mean: Any, variance: Any) -> Array:
    """Return the log of the evidence that differences have a positive mean: float64, of the arguments' shape.

    Args:
        n: Number of differences, at least 2.
        mean: Their mean, less the delta that is tested.
        variance: Their sample variance, above 0.
    """
    positive, negative = _log_evidence(n, np.abs(mean), variance)
    return np.where(np.asarray(mean) < 0, negative, positive)


def _log_evidence(n: Any, mean: Any, variance: Any) -> tuple[Array, Array]:
    """Return the log of the evidence for a positive and for a negative mean, given a mean that is not negative."""
    from scipy.special import stdtr

    n, mean = np.asarray(n, np.float64), np.minimum(mean, FARTHEST * np.sqrt(variance))
    x = n * mean**2 / ((n - 1) * variance)
    g = 1 + n * TAU**2
    q = 1 + x / g
    both = -0.5 * np.log(g) + 0.5 * n * np.log((1 + x) / q)
    tail = stdtr(n, -np.sqrt(n * TAU**2 / g * x * n / q))
    with np.errstate(divide="ignore"):  # the logarithm of a tail that is 0
        return both + np.log(2 * (1 - tail)), both + np.log(2 * tail)


@functools.lru_cache(maxsize=4096)
def standardized_mean(n: int, log_level: float) -> float:
    """Return the mean, in sample standard deviations, with which n differences have this log evidence, above 0.

    Infinite if no mean has: the log evidence of n differences is below log(2) + (n - 1) / 2 * log(1 + n * TAU**2).
    """
    from scipy.optimize import brentq

    if n < MIN_SEEDS or log_level >= math.log(2) + (n - 1) / 2 * math.log1p(n * TAU**2):
        return math.inf
    above = 1.0
    while log_evidence(n, above, 1.0) < log_level:
        above *= 2
    return float(brentq(lambda mean: float(log_evidence(n, mean, 1.0)) - log_level, 0.0, above, xtol=1e-12))


class Differences(NamedTuple):
    """What is known of some pairs' differences: how many there are, their mean, and their variance above 0."""

    num: Array
    mean: Array
    variance: Array


class StudentEvidence:
    """Evidence on each pair of settings, in one or more sweeps, from differences of nearly normal shape.

    Attributes:
        holds_after_rows: Whether settings may be eliminated after each row, or after whole rounds only.
        margin: By how much more a setting has to be better, for each pair: `[num_settings, num_settings]`, or 0.
    """

    holds_after_rows = True

    def __init__(self) -> None:
        self.margin: Array = np.zeros((1, 1))

    def add(self, at: At, leads: Array, known: Differences) -> tuple[Array, Array]:
        """Return the log evidence that rivals are better than settings, and that they are worse; 0 after one seed.

        Args:
            at: Sweeps, settings and rivals.
            leads: The rivals' newest leads over the settings.
            known: Their leads so far, the newest among them.
        """
        ahead, behind = np.zeros((2, len(leads)))
        enough = known.num >= MIN_SEEDS
        num, mean, variance = (part[enough] for part in known)
        if self.margin.any():
            margin = self.margin[at[1][enough], at[2][enough]]
            ahead[enough], behind[enough] = (log_evidence(num, sign * mean - margin, variance) for sign in (1, -1))
        else:
            larger, smaller = _log_evidence(num, np.abs(mean), variance)
            ahead[enough], behind[enough] = np.where(mean < 0, (smaller, larger), (larger, smaller))
        return ahead, behind

    def distance(self, log_level: float, known: Differences) -> Array:
        """Return the least D that each pair is shown to be within, infinite if there is none.

        Args:
            log_level: Log evidence that is needed.
            known: The differences of all pairs, `[num_sweeps, num_settings, num_settings]`.
        """
        room = np.array([standardized_mean(n, log_level) for n in range(int(known.num.max()) + 1)])
        return np.asarray(np.abs(known.mean) + room[known.num.astype(np.int64)] * np.sqrt(known.variance) + self.margin)

    def repeated(self, number: int) -> Self:
        """Return the evidence in as many copies of the only sweep: itself, which keeps nothing of single sweeps."""
        return self
