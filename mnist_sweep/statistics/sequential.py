"""Sequential elimination: which settings are shown to be worse, and when all that remain are alike.

The evidence (e-value) that one setting is better than another by more than delta is the ratio of two likelihoods of
their differences, paired by seed: that of an effect whose size in standard deviations is half-normal with scale TAU,
over that of none, both under the right-Haar prior on the standard deviation (Pérez-Ortiz, Lardy, de Heide and Grünwald
2024, Ann. Stat. 52, 1410). Without an effect it is a martingale that starts at 1, so however often one looks, it ever
reaches c with a probability of at most 1 / c (Ville 1939).

The evidence against one of K settings is the mean over its K - 1 rivals of the evidence that the rival is better; that
of a rival that was eliminated stays as it was then. A setting is eliminated when, of the settings that remain, each set
with it has a mean evidence of at least 1 / error. That is a closed test (Vovk and Wang 2021, Ann. Stat. 49, 1736): the
probability that any of the truly best settings is eliminated, of however many, is at most the error.

All that remain are within D of each other when the evidence that j is better than i by more than -D has reached (K - 1)
/ error for all i and j that remain; D may be chosen after looking. This shares the error of eliminations: for each
truly best setting b, let h be the mean over its rivals j of the evidence that j is better than b by more than -d, where
d is b's true lead over j, so that all these null hypotheses hold. Evidence grows as delta falls, so h is at least the
evidence against b; and if "within D" is false while all best settings remain, it is false for each b and some j with d
above D, so that h has reached 1 / error for each b. The mean of h over the best settings reaches 1 / error either way.

That is a proof for two settings with normal differences. For more, the evidence on different pairs is no martingale of
all rows together, and for other differences it is none at all: there, `tests/benchmarks/race.py` measures the error.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TAU = 2.0
MIN_SEEDS = 2


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

    n = np.asarray(n, np.float64)
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


class Elimination:
    """Sweeps of as many settings each, whose accuracies come round by round, and in a round in the settings' order.

    Args:
        num_settings: Number of settings, at least 2.
        within: D, the difference that does not matter, above 0.
        error: Largest probability that a best setting is eliminated or that "within D" is false, in (0, 1).
        step: Step of an accuracy, 1 / images: differences vary at least by its rounding, step² / 6.
        num_sweeps: Number of independent sweeps, for simulations.

    Attributes:
        remaining: Settings that are not eliminated: bool `[num_sweeps, num_settings]`.
        distance: The least D that all that remain were shown to be within at the end of a round, infinite if there is
            none: float64 `[num_sweeps]`.
        within: Sweeps in which it is at most the one that does not matter: bool `[num_sweeps]`.
        num_seeds: Seeds that each pair has in common: float64 `[num_sweeps, num_settings, num_settings]`.
        lead: Mean lead of the third axis' setting over the second's, of that shape.
        evidence: Evidence that it is better, of that shape.
    """

    def __init__(
        self, num_settings: int, *, within: float, error: float, step: float = 0.0, num_sweeps: int = 1
    ) -> None:
        self._delta, self._threshold = within, (num_settings - 1) / error
        self._smallest_variance = max(step**2 / 6, float(np.finfo(np.float64).tiny))
        shape = num_sweeps, num_settings, num_settings
        self.remaining, self.within = np.ones(shape[:2], np.bool_), np.zeros(num_sweeps, np.bool_)
        self.distance = np.full(num_sweeps, np.inf)
        self.num_seeds, self.lead, self._squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.evidence = np.ones(shape) - np.eye(num_settings)
        self._total = self.evidence.sum(axis=2)
        self._round = np.full(shape[:2], np.nan)

    @property
    def is_decided(self) -> NDArray[np.bool_]:
        """Whether one setting remains, or all that do are within D of each other: bool `[num_sweeps]`."""
        return np.asarray(self.within | (self.remaining.sum(axis=1) == 1))

    def add(self, setting: int, accuracy: Any) -> None:
        """Add the accuracy of a setting in this round, NaN if there is none, and eliminate who is shown to be worse.

        A sweep that is decided and a setting that is eliminated take no more.

        Args:
            setting: Index of the setting.
            accuracy: float64 `[num_sweeps]`.
        """
        open_ = self.remaining[:, setting] & ~self.is_decided
        self._round[:, setting] = np.where(open_, accuracy, np.nan)
        leads = np.where(self.remaining, self._round, np.nan) - self._round[:, setting, None]
        leads[:, setting] = np.nan
        sweep, rival = np.nonzero(~np.isnan(leads))
        if len(sweep):
            self._update(sweep, np.full_like(rival, setting), rival, leads[sweep, rival])
            self._eliminate(np.unique(sweep))

    def end_round(self) -> None:
        """End the round, and find out whether all that remain are within D of each other."""
        self._round[:] = np.nan
        self.distance = np.where(self.is_decided, self.distance, np.minimum(self.distance, self._distance()))
        self.within |= ~self.is_decided & (self.distance <= self._delta)

    def _distance(self) -> Array:
        """Return the least D that all remaining settings are now shown to be within, infinite if there is none."""
        pairs = np.triu(self.remaining[:, :, None] & self.remaining[:, None, :], 1)
        level, most = math.log(self._threshold), int(self.num_seeds.max())
        room = np.array([standardized_mean(n, level) for n in range(most + 1)])[self.num_seeds.astype(np.int64)]
        largest = np.abs(self.lead) + room * np.sqrt(self._variance(...))
        return np.asarray(np.where(pairs, largest, 0.0).max(axis=(1, 2)))

    def eliminate(self, setting: int) -> None:
        """Take a setting out that has no accuracies to compare."""
        self.remaining[:, setting] = False

    def _update(
        self, sweep: NDArray[np.intp], setting: NDArray[np.intp], rival: NDArray[np.intp], leads: Array
    ) -> None:
        """Add leads over a setting by Welford's recurrence; update the evidence for each side of the pairs."""
        at, back = (sweep, setting, rival), (sweep, rival, setting)
        n, before = self.num_seeds[at] + 1, self.lead[at]
        mean = before + (leads - before) / n
        self.num_seeds[at] = self.num_seeds[back] = n
        self.lead[at], self.lead[back] = mean, -mean
        self._squares[at] = self._squares[back] = self._squares[at] + (leads - before) * (leads - mean)
        enough = n >= MIN_SEEDS
        sweep, setting, rival = sweep[enough], setting[enough], rival[enough]
        at, back = (sweep, setting, rival), (sweep, rival, setting)
        ahead, behind = _log_evidence(n[enough], np.abs(mean[enough]), self._variance(at))
        is_behind = mean[enough] < 0
        for pair, logs in (at, np.where(is_behind, behind, ahead)), (back, np.where(is_behind, ahead, behind)):
            self._set_evidence(pair, logs)

    def _set_evidence(self, at: tuple[Any, ...], logs: Array) -> None:
        most = np.log(2 * self.remaining.shape[1] * self._threshold)  # enough to eliminate, whatever the others' is
        evidence = np.exp(np.minimum(logs, most))
        np.add.at(self._total, at[:2], evidence - self.evidence[at])
        self.evidence[at] = evidence

    def _variance(self, at: Any) -> Array:
        variance = self._squares[at] / np.maximum(self.num_seeds[at] - 1, 1)
        return np.asarray(np.maximum(variance, self._smallest_variance))

    def _eliminate(self, sweeps: NDArray[np.intp]) -> None:
        """Take out who is shown to be worse; if that is everyone, all but the one with the least evidence against it.

        Of the sets with a setting, the mean evidence is least in that with all whose own evidence is below 1 / error.
        """
        remaining, total = self.remaining[sweeps], self._total[sweeps]
        weak = remaining & (total < self._threshold)
        needed = (1 + weak.sum(axis=1)) * self._threshold - np.where(weak, total, 0.0).sum(axis=1)
        worse = remaining & ~weak & (total >= needed[:, None])
        if worse.any():
            all_worse = (worse == remaining).all(axis=1)
            least = np.where(remaining, total, np.inf).argmin(axis=1)
            worse[np.arange(len(sweeps))[all_worse], least[all_worse]] = False
            self.remaining[sweeps] = remaining & ~worse
