"""Sequential elimination: which settings are shown to be worse, and when all that remain are alike.

Evidence on pairs comes from `race_evidence`: that of differences of nearly normal shape, or of any.

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

A setting that has this evidence with all others that remain is parked: it takes no more scores, so its evidence stays
until the others have theirs. Evidence that stops when it is enough keeps the error, since it was never more likely to.

With normal differences, that is a proof for two settings. For more, the evidence on different pairs is no martingale of
all rows together, and for other differences it is none at all: there, `tests/benchmarks/race.py` measures the error. By
bets, it is a proof for any number and any shape.

Values that are no accuracies may be skewed, and their spread may grow with them. So it does in losses: then a few seeds
look closer than the settings are, before the first bad run, and "within D" needs twice the evidence.
"""

import copy
import math
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.race_evidence import Array, BettingEvidence, Differences, StudentEvidence

Assumption = Literal["alike", "any"]
ROUNDING = 2.0**-23  # relative: values come from float32, and differences below that are none
SKEWED = 2.0  # times the evidence for "within D" of values whose spread grows with them, as that of losses


class Resolution:
    """The least difference of two values that each sweep has seen, beyond rounding; infinite before there are two.

    Values whose step is not known may be written with two decimals, or count images. Equal differences of such values
    are no proof that they do not vary, so variances have the floor of rounding to a step. A floor that is too high
    costs seeds, and one that depends on the values keeps the error: where evidence counts, above 1, a floor can only
    lower it.

    Args:
        num_sweeps: Number of sweeps.
    """

    def __init__(self, num_sweeps: int) -> None:
        self.step: Array = np.full(num_sweeps, np.inf)
        self._values: Array = np.empty((num_sweeps, 0))

    def add(self, values: NDArray[np.float64]) -> None:
        """Add a value to each sweep, NaN to those that have none: float64 `[num_sweeps]`."""
        column = values[:, None]
        apart = np.abs(self._values - column)
        is_seen = apart > ROUNDING * np.maximum(np.abs(self._values), np.abs(column))
        self.step = np.minimum(self.step, np.where(is_seen, apart, np.inf).min(axis=1, initial=np.inf))
        self._values = np.append(self._values, column, axis=1)


class Elimination:
    """Sweeps of as many settings each, whose scores come round by round, and in a round in the settings' order.

    A score is an accuracy, or another value by which more is better; what is said in its unit scales with it.

    Args:
        num_settings: Number of settings, at least 2.
        within: D, the difference that does not matter, above 0.
        error: Largest probability that a best setting is eliminated or that "within D" is false, in (0, 1).
        step: Step of a score, 1 / images for an accuracy: differences vary at least by its rounding, step² / 6. None
            finds it in the scores (`Resolution`); while all are equal, it is D.
        assume: Whether runs of all settings are distributed alike but for mean and spread, or may be in any way.
        num_sweeps: Number of independent sweeps, for simulations.

    Attributes:
        remaining: Settings that are not eliminated: bool `[num_sweeps, num_settings]`.
        parked: Of these, settings that are shown to be within D of all others that remain: they take no more scores.
        distance: The least D that all that remain were shown to be within at the end of a round, infinite if there is
            none: float64 `[num_sweeps]`.
        within: Sweeps in which it is at most the one that does not matter: bool `[num_sweeps]`.
        limited: Sweeps in which only more images could help: bool `[num_sweeps]`.
        limit: Smallest difference of each pair that the images can ever show: float64 `[num_settings, num_settings]`.
        num_seeds: Seeds that each pair has in common: float64 `[num_sweeps, num_settings, num_settings]`.
        lead: Mean lead of the third axis' setting over the second's, of that shape.
        evidence: Evidence that it is better, of that shape.
        pairs: Where this comes from.
        pending: Scores of the round that has begun, NaN for those to come: float64 `[num_sweeps, num_settings]`.
    """

    def __init__(
        self,
        num_settings: int,
        *,
        within: float,
        error: float,
        step: float | None = 0.0,
        assume: Assumption = "alike",
        num_sweeps: int = 1,
    ) -> None:
        self._delta, self._threshold = within, (num_settings - 1) / error
        is_skewed = step is None and assume == "alike"
        self._within_level = math.log(SKEWED * self._threshold if is_skewed else self._threshold)
        shape = num_sweeps, num_settings, num_settings
        self._resolution = Resolution(num_sweeps) if step is None else None
        self._set_step(np.full(num_sweeps, step or 0.0))
        self.remaining, self.within = np.ones(shape[:2], np.bool_), np.zeros(num_sweeps, np.bool_)
        self.parked = np.zeros(shape[:2], np.bool_)
        self.limited, self.limit = np.zeros(num_sweeps, np.bool_), np.zeros(shape[1:])
        self.distance = np.full(num_sweeps, np.inf)
        self.num_seeds, self.lead, self._squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.evidence = np.ones(shape) - np.eye(num_settings)
        self.pairs: StudentEvidence | BettingEvidence = StudentEvidence()
        if assume == "any":
            self.pairs = BettingEvidence(shape, within)
        self._total = self.evidence.sum(axis=2)
        self.pending = np.full(shape[:2], np.nan)

    def repeated(self, number: int) -> Self:
        """Return as many copies of its only sweep, which may go on in different ways."""
        copies = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and name != "limit":
                setattr(copies, name, np.repeat(value, number, axis=0))
        copies.pairs, copies._resolution = self.pairs.repeated(number), None  # the step stays as it is
        return copies

    @property
    def is_decided(self) -> NDArray[np.bool_]:
        """Whether one setting remains, all that do are within D, or only images could help: bool `[num_sweeps]`."""
        return np.asarray(self.within | self.limited | (self.remaining.sum(axis=1) == 1))

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """Settings that take scores: bool `[num_sweeps, num_settings]`; none of a sweep that is decided."""
        return self.remaining & ~self.parked & ~self.is_decided[:, None]

    def add(self, setting: int, score: Any) -> None:
        """Add the score of a setting in this round, NaN if there is none, and eliminate who is shown to be worse.

        A setting that is not open takes none.

        Args:
            setting: Index of the setting.
            score: float64 `[num_sweeps]`.
        """
        self.pending[:, setting] = np.where(self.is_open[:, setting], score, np.nan)
        if self._resolution:
            self._resolution.add(self.pending[:, setting])
            step = self._resolution.step
            self._set_step(np.where(np.isinf(step), self._delta, step))
        leads = np.where(self.remaining, self.pending, np.nan) - self.pending[:, setting, None]
        leads[:, setting] = np.nan
        sweep, rival = np.nonzero(~np.isnan(leads))
        if len(sweep):
            self._update(sweep, np.full_like(rival, setting), rival, leads[sweep, rival])
            if self.pairs.holds_after_rows:
                self._eliminate(np.unique(sweep))

    def end_round(self) -> None:
        """End the round, and find out whether all that remain are within D of each other, or seeds are of no more use.

        These are where none that remain can ever be shown to be worse, nor two to be within D, by these images.
        """
        self.pending[:] = np.nan
        if not self.pairs.holds_after_rows:
            self._eliminate(np.flatnonzero(~self.is_decided))
        pairs = np.triu(self.remaining[:, :, None] & self.remaining[:, None, :], 1)
        known = Differences(self.num_seeds, self.lead, self.variance(...))
        shown = np.where(pairs, self.pairs.distance(self._within_level, known), 0.0)
        distance = np.minimum(self.distance, shown.max(axis=(1, 2)))
        self.distance = np.where(self.is_decided, self.distance, distance)
        self.within |= ~self.is_decided & (self.distance <= self._delta)
        if not self.pairs.margin.any():  # which may still grow
            not_shown = shown > self._delta
            parked = ~(not_shown.any(axis=1) | not_shown.any(axis=2))
            self.parked |= self.remaining & ~self.is_decided[:, None] & parked
        if self.limit.any():
            most = np.where(pairs, self.pairs.margin + self.limit, 0.0)
            none_leaves = ((shown <= most) & np.isfinite(shown)).all(axis=(1, 2))
            self.limited |= ~self.is_decided & none_leaves & (pairs & (self.limit >= self._delta)).any(axis=(1, 2))

    def for_new_images(self, margin: Array, limit: Array) -> None:
        """Ask for new images from here on: settings are to differ by more than a margin.

        Args:
            margin: Of each pair with these seeds: float64 `[num_settings, num_settings]`.
            limit: The same with any number of seeds.
        """
        self.pairs.margin, self.limit = margin, limit

    def eliminate(self, setting: int) -> None:
        """Take a setting out that has no scores to compare."""
        self.remaining[:, setting] = False

    def _set_step(self, step: Array) -> None:
        self._floor = np.maximum(step**2 / 6, np.finfo(np.float64).tiny)

    def _update(
        self, sweep: NDArray[np.intp], setting: NDArray[np.intp], rival: NDArray[np.intp], leads: Array
    ) -> None:
        """Add leads over a setting by Welford's recurrence; update the evidence for each side of the pairs."""
        at, back = (sweep, setting, rival), (sweep, rival, setting)
        num, before = self.num_seeds[at] + 1, self.lead[at]
        mean = before + (leads - before) / num
        self.num_seeds[at] = self.num_seeds[back] = num
        self.lead[at], self.lead[back] = mean, -mean
        self._squares[at] = self._squares[back] = self._squares[at] + (leads - before) * (leads - mean)
        logs = self.pairs.add(at, leads, Differences(num, mean, self.variance(at)))
        for pair, side in zip((at, back), logs, strict=True):
            self._set_evidence(pair, side)

    def _set_evidence(self, at: tuple[Any, ...], logs: Array) -> None:
        most = np.log(2 * self.remaining.shape[1] * self._threshold)  # enough to eliminate, whatever the others' is
        evidence = np.exp(np.minimum(logs, most))
        np.add.at(self._total, at[:2], evidence - self.evidence[at])
        self.evidence[at] = evidence

    def variance(self, at: Any) -> Array:
        """Return the variance of the differences of some pairs, at least that of rounding."""
        variance = self._squares[at] / np.maximum(self.num_seeds[at] - 1, 1)
        return np.asarray(np.maximum(variance, np.broadcast_to(self._floor[:, None, None], self._squares.shape)[at]))

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
