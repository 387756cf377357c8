"""What a race is expected to take from here on: trials and time, each with an interval, and how it may end."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from mnist_sweep.search.race import Race
from mnist_sweep.statistics.intervals import UPPER
from mnist_sweep.statistics.race_simulation import Ends, Spreads, from_seen, from_spreads
from mnist_sweep.text.numbers import clock, counted


class Estimate(NamedTuple):
    """The median of what is expected, and the ends of its 95% interval."""

    middle: float
    low: float
    high: float

    def times(self, factor: float) -> "Estimate":
        """Return a multiple of it."""
        return Estimate(*(factor * one for one in self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How a race may go on, by simulations.

    Attributes:
        trials: Trials that are still to run.
        seconds: Wall time that they take; None if no trial was timed.
        undecided: Share of the simulated races that end with all their seeds, in [0, 1].
    """

    trials: Estimate
    seconds: Estimate | None = None
    undecided: float

    @classmethod
    def of(cls, ends: Ends, *, num_there: int = 0) -> Self:
        """Return the forecast of simulated ends, less the trials whose rows are there but not looked at yet."""
        counts = np.quantile(np.maximum(ends.num_trials - num_there, 0), [0.5, 1 - UPPER, UPPER])
        return cls(trials=Estimate(*map(float, np.round(counts))), undecided=float(1 - ends.decided.mean()))

    def timed(self, seconds: Iterable[float | None], num_workers: int) -> Self:
        """Return the forecast with the time that trials take which took these seconds, so many at a time."""
        known = [one for one in seconds if one is not None]
        if not known:
            return self
        each = sum(known) / len(known) / max(num_workers, 1)
        return dataclasses.replace(self, seconds=self.trials.times(each))

    def __str__(self) -> str:
        middle, low, high = self.trials
        text = f"about {counted(round(middle), 'trial')} (95% interval {low:,.0f} to {high:,.0f})"
        if self.seconds:
            text += ", which take {} ({} to {})".format(*map(clock, self.seconds))
        if self.undecided >= 1 - UPPER:
            text += f"; in {100 * self.undecided:.0f}% of such races all seeds run out"
        return text


def forecast(race: Race, num_workers: int = 1, spreads: Spreads | None = None) -> Forecast | None:
    """Return how a race may go on; None if it has ended, or before two seeds of two settings and without spreads."""
    if race.end:
        return None
    ends = from_seen(race.elimination, race.num_taken, race.known.max_seeds)
    if ends is None and spreads:
        ends = from_spreads(race.elimination, race.num_taken, race.known.max_seeds, spreads)
    if ends is None:
        return None
    there = sum(len(race.taken(name)) for name in race.settings)
    seconds = [row.seconds_total for name in race.remaining for row in race.taken(name)]
    return Forecast.of(ends, num_there=len(race.rows) - there).timed(seconds, num_workers)
