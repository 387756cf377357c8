"""A race: settings run with one more seed, round by round, until the best of them is known.

A setting is a config without its seed, named by its config's id. Decisions are a function of the rows alone: they are
taken seed by seed, in the settings' order, up to the first one that is lacking, in whatever order they came.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.elimination import Assumption, Elimination
from mnist_sweep.statistics.image_margins import ImageSums, margin_factor
from mnist_sweep.statistics.race_evidence import MIN_SEEDS
from mnist_sweep.trials.ids import trial_name
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure
from mnist_sweep.validation import INFINITY, coerce, require, require_at_least

End = Literal["one", "within", "images", "seeds"]
Images = Literal["these", "new"]
LEAST_WITHIN = 1e-12  # so that the seeds it would take are a number
ByImage = Callable[[TrialRow], NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """When a race ends: one config remains, or all that remain are within a difference that does not matter.

    Attributes:
        within: That difference of mean values on validation, at least 1e-12: of an accuracy, or another share, at most
            1, and 0.005 is half a point; else in the unit of the objective.
        error: Largest probability that a best config is eliminated or that "within" is false, in (0, 1).
        max_seeds: Maximum number of seeds of a config, at least 2; with them, the race ends undecided.
        assume: What the error relies on: that runs of all configs are `alike` in shape, with means and spreads of
            their own; or nothing but values in [0, 1] (`any`), which needs many more seeds.
        images: What the answer is for: `these` validation images, of which more seeds always tell more; or `new` ones,
            of which these are a sample, so that seeds are added while they can help. Each has half of the error then.
    """

    within: float
    error: float = 0.05
    max_seeds: int = 30
    assume: Assumption = "alike"
    images: Images = "these"

    def __post_init__(self) -> None:
        coerce(self)
        require(LEAST_WITHIN <= self.within < INFINITY, f"{LEAST_WITHIN:g} <= within", within=self.within)
        require(0 < self.error < 1, "0 < error < 1", error=self.error)
        rule = "an answer for new images assumes that runs are alike"
        require(self.images == "these" or self.assume == "alike", rule, assume=self.assume)
        require_at_least(MIN_SEEDS, max_seeds=self.max_seeds)

    @property
    def seed_error(self) -> float:
        """What seeds may contribute to the error; images have the rest."""
        return self.error if self.images == "these" else self.error / 2

    def check(self, measure: Measure) -> None:
        """Raise a ConfigError unless trials that are judged by a value can be raced so."""
        most = measure.largest_difference
        require(self.within <= most, f"0 < within <= {most:g} ({measure.title})", within=self.within)
        rule = "nothing is known of values of any shape that do not lie in [0, 1]"
        require(measure.is_share or self.assume == "alike", rule, objective=measure.name, assume=self.assume)

    @property
    def max_runs_without_value(self) -> int:
        """Runs without any value after which a setting is out.

        A setting of which half the runs give one is lost so with a probability of at most the error.
        """
        return max(MIN_SEEDS, math.ceil(-math.log2(self.error)))


class Departure(NamedTuple):
    """A setting that was eliminated.

    Attributes:
        num_seeds: Its seeds so far.
        rival: The setting that is better by the strongest evidence; None if none of its own runs gave a value.
        lead: That setting's mean lead over it, over the seeds of both; NaN if there is none.
    """

    num_seeds: int
    rival: str | None
    lead: float


class Round(NamedTuple):
    """The state of a race when all settings that remain have one more seed.

    Attributes:
        num_remaining: How many these are.
        distance: The least difference that they were shown to be within by then, as sure as "within"; may be infinite.
    """

    num_remaining: int
    distance: float


class Race:
    """The state of a race between settings.

    Args:
        settings: Ids of their configs, at least 2.
        known: When it ends.
        num_val: Images in the validation split, whose number is the step of an accuracy.
        measure: What trials are judged by.
        rows: Rows of these settings, and any others.
        by_image: Returns what each validation image contributes to a row's value; needed for new images.
        first_seed: The first of its seeds; those by which the settings were found come before, and prove nothing.

    Attributes:
        rows: The rows of these settings with the race's seeds, by trial id.
        departures: The settings that are out, in order.
        closed: The seeds of settings that get no more: they are out, or within the difference of all that remain.
        rounds: The state after each seed.
        elimination: The state of all pairs of settings.
        num_taken: Places in the order of the rows that have been decided on, those of eliminated settings included.
    """

    def __init__(
        self,
        settings: Sequence[str],
        known: Known,
        *,
        num_val: int,
        measure: Measure = ACCURACY,
        rows: Iterable[TrialRow] = (),
        by_image: ByImage | None = None,
        first_seed: int = 0,
    ) -> None:
        known.check(measure)
        self.settings, self.known, self.num_val, self.measure = tuple(settings), known, num_val, measure
        self.first_seed, self.departures, self.closed = first_seed, dict[str, Departure](), dict[str, int]()
        self._index = {name: index for index, name in enumerate(self.settings)}
        self.by_image, num, step = by_image, len(self.settings), 1 / num_val if measure.is_accuracy else None
        self._sums = ImageSums(num, num_val) if known.images == "new" else None
        self.elimination = Elimination(num, within=known.within, error=known.seed_error, step=step, assume=known.assume)
        if self._sums:
            self.elimination.for_new_images(np.full((num, num), measure.largest_difference), np.zeros((num, num)))
        self.num_taken, self.rounds, self._has_value = 0, list[Round](), set[str]()
        self.rows = {row.trial_id: row for row in rows if self._is_ours(row)}
        self._advance()

    @property
    def remaining(self) -> list[str]:
        """The settings that are not out."""
        return [name for name in self.settings if name not in self.departures]

    @property
    def end(self) -> End | None:
        """Why the race has ended, or None: one remains, all are within the difference, images or seeds are used up."""
        if len(self.departures) == len(self.settings) - 1:
            return "one"
        if self.elimination.within[0]:
            return "within"
        if self.elimination.limited[0]:
            return "images"
        return "seeds" if self.num_taken == self.max_trials else None

    @property
    def max_trials(self) -> int:
        """Trials with all seeds of all settings."""
        return len(self.settings) * self.known.max_seeds

    @property
    def margin_factor(self) -> float:
        """How many standard errors over images the differences for these images keep to those for new ones."""
        return margin_factor(len(self.settings), self.num_val, self.known.error / 2)

    def add(self, row: TrialRow) -> None:
        """Add a row, and decide what can be decided."""
        if self._is_ours(row):
            self.rows[row.trial_id] = row
            self._advance()

    def lacking(self) -> Iterator[tuple[str, int]]:
        """Yield the settings and seeds that are needed next and have no rows, in their order; none after the end."""
        for place in range(self.num_taken, 0 if self.end else self.max_trials):
            setting, seed = self._at(place)
            if setting not in self.closed and trial_name(setting, seed) not in self.rows:
                yield setting, seed

    def taken(self, setting: str) -> list[TrialRow]:
        """Return the rows of a setting that the decisions depend on, seed by seed."""
        num_seeds = self.closed.get(setting, -((self._index[setting] - self.num_taken) // len(self.settings)))
        return [self.rows[trial_name(setting, self.first_seed + number)] for number in range(num_seeds)]

    def _is_ours(self, row: TrialRow) -> bool:
        return row.config_id in self._index and 0 <= row.config["seed"] - self.first_seed < self.known.max_seeds

    def _at(self, place: int) -> tuple[str, int]:
        number, index = divmod(place, len(self.settings))
        return self.settings[index], self.first_seed + number

    def _advance(self) -> None:
        while self.end is None:
            setting, seed = self._at(self.num_taken)
            if setting not in self.closed:
                if (row := self.rows.get(trial_name(setting, seed))) is None:
                    return
                self._take(row, setting, len(self.rounds) + 1)
            self.num_taken += 1
            if self.num_taken % len(self.settings) == 0:
                self._count_images()
                self.elimination.end_round()
                self._record_departures(len(self.settings) - 1, len(self.rounds) + 1)
                self.rounds.append(Round(len(self.remaining), float(self.elimination.distance[0])))
                for index in np.flatnonzero(self.elimination.parked[0]):
                    self.closed.setdefault(self.settings[index], len(self.rounds))

    def _count_images(self) -> None:
        if self._sums:
            factor, most = self.margin_factor, self.measure.largest_difference
            self.elimination.for_new_images(*(np.minimum(factor * one, most) for one in self._sums.errors()))

    def _take(self, row: TrialRow, setting: str, num_seeds: int) -> None:
        index, value = self._index[setting], value_of(row)
        if self._sums and self.by_image and not math.isnan(value):
            self._sums.add(index, self.by_image(row))
        self.elimination.add(index, self.measure.score(value))
        if not math.isnan(value):
            self._has_value.add(setting)
        if setting not in self._has_value and num_seeds >= self.known.max_runs_without_value:
            self.elimination.eliminate(index)
        self._record_departures(index, num_seeds)

    def _record_departures(self, index: int, num_seeds: int) -> None:
        """Record who is out now that the setting at an index has so many seeds."""
        for name, remains in zip(self.settings, self.elimination.remaining[0], strict=True):
            if not remains and name not in self.departures:
                self.closed.setdefault(name, num_seeds - (self._index[name] > index))
                self.departures[name] = self._departure(name)

    def _departure(self, setting: str) -> Departure:
        index, num_seeds = self._index[setting], self.closed[setting]
        if setting not in self._has_value:
            return Departure(num_seeds, None, math.nan)
        rival = int(self.elimination.evidence[0, index].argmax())
        return Departure(num_seeds, self.settings[rival], float(self.elimination.lead[0, index, rival]))


def value_of(row: TrialRow) -> float:
    """Return the value on validation of a row; NaN for a run that did not end, which has none to compare."""
    return row.val if row.status is Status.OK and row.val is not None else math.nan
