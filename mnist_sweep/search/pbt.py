"""Population-based training (Jaderberg et al. 2017, arXiv 1711.09846), as trials that anyone can run again.

After each round, the worst members continue from the state of some of the best, with perturbed hyperparameters. All
members have one seed, so each round of each member is a row of its own, of a trial whose hyperparameters changed on the
way; it merely starts from the state at the end of the round before. The next hyperparameters depend on the rows and the
search's seed; no other state is kept.
"""

import dataclasses
import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from mnist_sweep.search.distributions import Choice, nearest
from mnist_sweep.search.search import Search
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.overrides import config_at, replace_fields
from mnist_sweep.trials.row import Status, TrialRow

# The defaults of Ray Tune's own PBT.
RESAMPLE_PROBABILITY = 0.25
PERTURBATION_FACTORS = (0.8, 1.2)


class Population:
    """The trials of a population, round by round, given the rows that exist.

    Attributes:
        trials: All trials so far, by id; a round is added when the one before has its rows.
        size: Number of members; each has one trial in a round.
        steps_per_round: Steps of a round.
        warning: None; other searchers may have something to report.
        exhausted: Whether the last round has its rows.
    """

    warning: str | None = None

    def __init__(self, search: Search, rows: Iterable[TrialRow]) -> None:
        self._search, self._rows = search, {row.trial_id: row for row in rows}
        self.size = search.algorithm.population
        self._num_rounds = search.num_trials // self.size
        self.steps_per_round = search.base.num_steps // self._num_rounds
        self._members = [self._initial_member(member) for member in range(self.size)]
        self._round, self.exhausted = 1, False
        self.trials = {trial_id(trial): trial for trial in self._members}
        self._advance()
        self._suggested = set(self.trials)

    @property
    def finished(self) -> dict[str, TrialConfig]:
        """The trials that have rows, by id."""
        return {name: trial for name, trial in self.trials.items() if name in self._rows}

    @property
    def upcoming(self) -> list[TrialConfig]:
        """The members with their present hyperparameters, and the steps of each round that has not begun."""
        ends = [number * self.steps_per_round for number in range(self._round + 1, self._num_rounds + 1)]
        return [dataclasses.replace(member, num_steps=end) for end in ends for member in self._members]

    def ask(self) -> TrialConfig | None:
        """Return a trial that was added since and not returned yet; None if this round has no more."""
        for name, trial in self.trials.items():
            if name not in self._suggested and name not in self._rows:
                self._suggested.add(name)
                return trial
        return None

    def tell(self, row: TrialRow) -> None:
        """Take a row; the last one of a round starts the next."""
        self._rows[row.trial_id] = row
        self._advance()

    def _advance(self) -> None:
        while all(trial_id(trial) in self._rows for trial in self._members):
            if self._round == self._num_rounds:
                self.exhausted = True
                return
            self._members = self._next_members()
            self._round += 1
            self.trials |= {trial_id(trial): trial for trial in self._members}

    def _initial_member(self, member: int) -> TrialConfig:
        generator = self._generator(0, member)
        short = dataclasses.replace(self._search.base, num_steps=self.steps_per_round)
        return replace_fields(short, {name: axis.draw(generator) for name, axis in self._search.axes.items()})

    def _next_members(self) -> list[TrialConfig]:
        best_first = sorted(range(self.size), key=lambda member: -self._score(self._members[member]))
        num_replaced = max(1, int(self.size * self._search.algorithm.quantile))
        steps = self._members[0].num_steps + self.steps_per_round
        following = [dataclasses.replace(trial, num_steps=steps) for trial in self._members]
        for member in best_first[-num_replaced:]:
            generator = self._generator(self._round, member)
            parent = self._members[best_first[int(generator.integers(num_replaced))]]
            changed = (parent.num_steps, tuple(self._perturbed(parent, generator).items()))
            following[member] = dataclasses.replace(parent, num_steps=steps, changes=(*parent.changes, changed))
        return following

    def _perturbed(self, parent: TrialConfig, generator: np.random.Generator) -> dict[str, float]:
        now, axes = config_at(parent, parent.num_steps), self._search.axes
        return {name: float(_perturb(axis, operator.attrgetter(name)(now), generator)) for name, axis in axes.items()}

    def _score(self, trial: TrialConfig) -> float:
        row = self._rows[trial_id(trial)]
        return row.measure.score(row.val) if row.status is Status.OK and row.val is not None else -math.inf

    def _generator(self, number: int, member: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self._search.seed, number * self.size + member]))


def _perturb(axis: Any, value: float, generator: np.random.Generator) -> Any:
    """Return another value: drawn again, or a fifth larger or smaller, or its neighbour in a choice."""
    if generator.random() < RESAMPLE_PROBABILITY:
        return axis.draw(generator)
    up = int(generator.integers(2))
    if isinstance(axis, Choice):
        index = axis.values.index(value) + (1 if up else -1)
        return axis.values[min(max(index, 0), len(axis.values) - 1)]
    return nearest(axis, value * PERTURBATION_FACTORS[up])
