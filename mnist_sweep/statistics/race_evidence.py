"""Evidence that one setting is better than another, from their differences paired by seed.

The evidence (e-value) that one setting is better than another by more than delta is the ratio of two likelihoods of
their differences: that of an effect whose size in standard deviations is half-normal with scale TAU, over that of none,
both under the right-Haar prior on the standard deviation (Pérez-Ortiz, Lardy, de Heide and Grünwald 2024, Ann. Stat.
52, 1410). Without an effect it is a martingale that starts at 1, so however often one looks, it ever reaches c with a
probability of at most 1 / c (Ville 1939).
"""

import copy
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
SHARES = np.array([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16])
STARTS = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16])  # initial capital of each bettor


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


class BettingEvidence:
    """Evidence as `StudentEvidence` that needs no shape: what bettors on either side have won.

    A bettor who starts with 1 and bets the share f of their capital on "the difference d in [-1, 1] is above delta" has
    1 + f * (d - delta) / (1 + delta) times as much afterwards, which is never negative. Where differences are at most
    delta on average, the expected gain is not positive, whatever their shape: the capital of all bettors together is
    evidence that they are larger (Waudby-Smith and Ramdas 2024, JRSS B 86, 1). These bettors bet fixed shares, so the
    order of the seeds does not matter.

    After whole rounds, the evidence on all pairs of settings is a martingale of the same rounds, if seeds are
    independent: the error of eliminations is then proven for any number of settings. The price is seeds: a bettor who
    bets everything gains at most a lead's share with each, since a run that has not been seen may have lost everything.

    Args:
        shape: `(num_sweeps, num_settings, num_settings)`.
        within: The difference that does not matter; pairs are shown to be within this, 2, 4, 8, ... times as much.
    """

    holds_after_rows = False

    def __init__(self, shape: tuple[int, int, int], within: float) -> None:
        self.margin = np.zeros((1, 1))  # it has none: see `Known`
        number = math.ceil(math.log2(1 / within)) if within < 1 else 0
        self._deltas = -np.array([0, *(within * 2**power for power in range(number))])
        self._logs = np.zeros((len(SHARES), len(self._deltas), *shape))

    def add(self, at: At, leads: Array, known: Differences) -> tuple[Array, Array]:
        """Return the log evidence for either side; the differences so far are in the capital."""
        ahead = self._bet(at, leads)
        return ahead, self._bet((at[0], at[2], at[1]), -leads)

    def _bet(self, at: At, leads: Array) -> Array:
        place = slice(None), slice(None), *at
        gain = (leads - self._deltas[:, None]) / (1 + self._deltas[:, None])
        with np.errstate(divide="ignore"):  # the logarithm of 0, of a bettor who has lost everything
            self._logs[place] += np.log1p(SHARES[:, None, None] * gain)
        return _total(self._logs[(slice(None), 0, *at)])

    def distance(self, log_level: float, known: Differences) -> Array:
        """Return the least D that each pair is shown to be within, of those that are tried."""
        logs = _total(self._logs[:, 1:])
        shown = np.minimum(logs, np.swapaxes(logs, -1, -2)) >= log_level
        tried = np.where(shown, -self._deltas[1:, None, None, None], np.inf)
        return np.asarray(tried.min(axis=0, initial=np.inf))

    def repeated(self, number: int) -> Self:
        """Return the capital in as many copies of the only sweep."""
        copies = copy.copy(self)
        copies._logs = np.repeat(self._logs, number, axis=2)
        return copies


def _total(logs: Array) -> Array:
    """Return the log of the capital of all bettors, by pairs."""
    starts = STARTS.reshape(-1, *[1] * (logs.ndim - 1))
    largest = logs.max(axis=0)  # finite, since at least one bettor never bets everything
    return np.asarray(largest + np.log((starts * np.exp(logs - largest)).sum(axis=0)))


def fewest_seeds(lead: float, evidence: float) -> int:
    """Return after about how many seeds that all have this lead the evidence is reached."""
    return math.ceil(math.log(2 * evidence) / math.log1p(lead))
