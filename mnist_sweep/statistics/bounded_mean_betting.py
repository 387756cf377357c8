"""Evidence on differences of any shape, by bets on them (Waudby-Smith and Ramdas 2024, JRSS B 86, 1).

A bettor who starts with 1 and bets the share f of their capital on "the difference d in [-1, 1] is above delta" has
1 + f * (d - delta) / (1 + delta) times as much afterwards, which is never negative. Where differences are at most delta
on average, the expected gain is not positive, whatever their shape: the capital of all bettors together is evidence
that they are larger. These bettors bet fixed shares, so the order of the seeds does not matter.

After whole rounds, the evidence on all pairs of settings is a martingale of the same rounds, if seeds are independent:
the error of eliminations is then proven for any number of settings. The price is seeds: a bettor who
bets everything gains at most a lead's share with each, since a run that has not been seen may have lost everything.
"""

import copy
import math
from typing import Self

import numpy as np

from mnist_sweep.statistics.pair_evidence import Array, At, Differences

SHARES = np.array([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16])
STARTS = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16])  # initial capital of each bettor


class BettingEvidence:
    """Evidence as `StudentEvidence` that needs no shape: the capital of bettors on either side of each pair.

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
