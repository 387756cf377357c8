"""Races of many settings, one sweep after the other: what `Elimination` does row by row, in a fraction of its time.

After any row of a round, the evidence that one setting is better than another is that after this round or the one
before. Where even the larger of both, from a table, lets nobody leave, the whole round is taken at once. Else evidence
is interpolated, to 1e-8, for all pairs at once, and summed for each row.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.race_evidence import MIN_SEEDS, log_evidence, standardized_mean
from tests.benchmarks.kinds import Array

LOWEST, STEPS, NUM_STEPS = -5.0, 400, 8000  # ratios of a mean lead to its standard deviation, in steps of 1 / 400


@functools.cache
def _logs(num_seeds: int) -> Array:
    """Return log evidence by the number of seeds and the ratio, of which the last one is any: `[seeds, ratios]`."""
    ratios = np.append(LOWEST + np.arange(NUM_STEPS + 1) / STEPS, 1e9)
    known = [log_evidence(num, ratios, 1.0) for num in range(MIN_SEEDS, num_seeds + 1)]
    return np.vstack([np.zeros((MIN_SEEDS, len(ratios))), *known])


@functools.cache
def _bounds(num_seeds: int, most: float) -> NDArray[np.float32]:
    """Return the evidence of the same, by little too large."""
    return (1.000001 * np.exp(np.minimum(_logs(num_seeds), most))).astype(np.float32)


class Race:
    """The state of one sweep, whose evidence is that of differences of nearly normal shape.

    Args:
        num_settings: Number of settings, at least 2.
        num_seeds: Most seeds of one.
        within: As of an `Elimination`, like the rest.
        error: Largest probability of a wrong answer.
        step: Step of a score.

    Attributes:
        alive: Settings that remain, in order.
        within: Whether they are within the difference.
        distance: The least difference that they were shown to be within.
        num_trials: Trials that ran.
    """

    def __init__(self, num_settings: int, num_seeds: int, *, within: float, error: float, step: float) -> None:
        self._delta, self._threshold = within, (num_settings - 1) / error
        self._floor = max(step**2 / 6, np.finfo(np.float64).tiny)
        self._most = math.log(2 * num_settings * self._threshold)
        self._logs, self._bounds = _logs(num_seeds), _bounds(num_seeds, self._most)
        level = math.log(self._threshold)
        self._room = np.array([standardized_mean(num, level) for num in range(num_seeds + 1)])
        shape = num_settings, num_settings
        self.alive, self.distance, self.within, self.num_trials = np.arange(num_settings), math.inf, False, 0
        self._parked, self._out = np.zeros(num_settings, np.bool_), np.zeros(num_settings)  # evidence of who is out
        self._num, self._lead, self._squares = np.zeros((3, *shape))
        self._exact: Array | None = None
        self._bound = np.ones(shape, np.float32) - np.eye(num_settings, dtype=np.float32)

    @property
    def is_decided(self) -> bool:
        """Whether one setting remains, or all that do are within the difference."""
        return self.within or len(self.alive) == 1

    def add_round(self, scores: Array) -> None:
        """Add a round of scores, NaN where there is none: float64 `[num_settings]`."""
        values = np.where(self._parked, np.nan, scores[self.alive])
        has = ~np.isnan(values)
        pairs = has[:, None] & has
        np.fill_diagonal(pairs, False)
        leads = values - values[:, None]
        away, num = leads - self._lead, self._num + pairs
        lead, squares = self._lead + away / np.maximum(num, 1), self._squares
        squares = squares + away * (leads - lead)
        if not has.all():
            lead, squares = np.where(pairs, lead, self._lead), np.where(pairs, squares, self._squares)
        spread = np.sqrt(self._variance(num, squares))
        place = np.clip(np.ceil((lead / spread - LOWEST) * STEPS), 0, NUM_STEPS + 1) + num * self._bounds.shape[1]
        bound = self._bounds.ravel().take(place.astype(np.intp))
        np.fill_diagonal(bound, 0)
        above = self._out + np.maximum(bound, self._bound).sum(axis=1, dtype=np.float64) - self._threshold
        lacks = np.maximum(-above, 0)
        if (above >= lacks.sum() - lacks).any():
            self._add_rows(pairs, num, lead, squares)
            spread = np.sqrt(self._variance(self._num, self._squares))
        else:
            self._num, self._lead, self._squares, self._bound, self._exact = num, lead, squares, bound, None
            self.num_trials += int((~self._parked).sum())
        if not self.is_decided:
            self._end_round(spread)

    def _variance(self, num: Array, squares: Array) -> Array:
        return np.asarray(np.maximum(squares / np.maximum(num - 1, 1), self._floor))

    def _evidence(self, num: Array, lead: Array, squares: Array) -> Array:
        variance = self._variance(num, squares)
        ratio = (lead / np.sqrt(variance) - LOWEST) * STEPS
        step = np.clip(np.floor(ratio), 1, NUM_STEPS - 2)
        part, place, logs = ratio - step, (step + num * self._logs.shape[1]).astype(np.intp), self._logs.ravel()
        a, b, c, d = (logs.take(place + shift) for shift in (-1, 0, 1, 2))
        cubic = (a + c) / 2 - b + part * ((d - a) / 6 + (b - c) / 2)
        found = b + part * (c - a / 3 - b / 2 - d / 6 + part * cubic)  # Lagrange's polynomial of four points
        beyond = ((part < 0) | (part > 1)) & (num >= MIN_SEEDS)
        found[beyond] = log_evidence(num[beyond], lead[beyond], variance[beyond])
        evidence = np.exp(np.minimum(found, self._most))
        np.fill_diagonal(evidence, 0)
        return np.asarray(evidence)

    def _add_rows(self, pairs: NDArray[np.bool_], num: Array, lead: Array, squares: Array) -> None:
        """Add the round row by row, and take out who is shown to be worse after each."""
        if self._exact is None:
            self._exact = self._evidence(self._num, self._lead, self._squares)
        before, after = self._exact, self._evidence(num, lead, squares)
        gains, rows = np.where(pairs, after - before, 0), np.arange(len(pairs))
        is_in = rows[:, None] >= rows
        totals = self._out + before.sum(axis=1) + np.where(is_in, np.cumsum(gains, axis=1).T, 0)  # after each row
        remaining, left, begin = np.ones(len(rows), np.bool_), np.full(len(rows), len(rows)), 0
        while (worse := _worse(totals[begin:], remaining, self._threshold)).any():
            place = int(worse.any(axis=1).argmax())
            row, leaves = begin + place, worse[place]
            if (leaves == remaining).all():
                leaves[np.where(remaining, totals[row], np.inf).argmin()] = False
            remaining, begin = remaining & ~leaves, row + 1
            left[leaves] = row
            if remaining.sum() == 1:
                left[remaining], pairs[begin:], pairs[:, begin:] = row, False, False
                break
            for gone in np.flatnonzero(leaves):
                late = np.maximum(rows, gone) > row
                pairs[gone, late] = pairs[late, gone] = False
                totals -= np.where(is_in & (rows[:, None] >= gone), np.where(late, gains[:, gone], 0), 0)
        self.num_trials += int((~self._parked & (rows <= left)).sum())
        evidence = np.where(pairs, after, before)
        keep = np.ix_(remaining, remaining)
        self._num, self._lead, self._squares = (
            np.where(pairs, new, old)[keep]
            for new, old in ((num, self._num), (lead, self._lead), (squares, self._squares))
        )
        self._exact = evidence[keep]
        self._bound = (1.000001 * self._exact).astype(np.float32)
        self._out = self._out[remaining] + evidence[remaining][:, ~remaining].sum(axis=1)
        self.alive, self._parked = self.alive[remaining], self._parked[remaining]

    def _end_round(self, spread: Array) -> None:
        shown = np.abs(self._lead) + self._room[self._num.astype(np.intp)] * spread
        np.fill_diagonal(shown, 0)
        farthest = shown.max(axis=1)
        self.distance = min(self.distance, float(farthest.max()))
        self.within = self.distance <= self._delta
        if not self.within:
            self._parked |= farthest <= self._delta


def _worse(totals: Array, remaining: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
    """Return who is shown to be worse after each row, as `Elimination` does: bool `[num_rows, num_settings]`."""
    weak = remaining & (totals < threshold)
    needed = (1 + weak.sum(axis=1)) * threshold - np.where(weak, totals, 0).sum(axis=1)
    return np.asarray(remaining & ~weak & (totals >= needed[:, None]))


def run(accuracy: Array, *, within: float, error: float, step: float) -> Race:
    """Race a sweep, whose accuracies are float64 `[num_settings, num_seeds]`, to its end."""
    state = Race(*accuracy.shape, within=within, error=error, step=step)
    for scores in accuracy.T:
        if state.is_decided:
            break
        state.add_round(scores)
    return state
