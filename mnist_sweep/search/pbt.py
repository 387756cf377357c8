"""Population-based training (Jaderberg et al. 2017, arXiv 1711.09846), as trials that anybody can run again.

A population trains in rounds of equal length. After each, the worst go on from where some of the best are, with their
numbers changed. Since all have one seed, what a member trained so far is one trial whose numbers changed on the way:
each round of each member is a row of its own, which follows from its config alone, and only begins where the round
before has left it. Which numbers come next follows from the rows and the search's seed; nothing else is kept.
"""

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mnist_sweep.search.search import Search
from mnist_sweep.search.space import Choice
from mnist_sweep.trials import overrides
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.overrides import replace_fields
from mnist_sweep.trials.row import Status, TrialRow

if TYPE_CHECKING:
    import numpy as np

RESAMPLED = 0.25
FACTORS = (0.8, 1.2)


class Population:
    """The trials of a population, round by round.

    Args:
        search: What to search; its algorithm is a PBT.
        rows: The rows that are there.

    Attributes:
        trials: All trials so far, by id; a round is added when the one before has its rows.
        size: Members, of which each has one trial in a round.
        interval: Steps of a round.
        note: Nothing; what searchers may have to say.
        exhausted: Whether the last round has its rows.
    """

    note: str | None = None

    def __init__(self, search: Search, rows: Iterable[TrialRow]) -> None:
        self._search = search
        self._rows = {row.trial_id: row for row in rows}
        self.size = search.algorithm.population
        self._num_rounds = search.num_trials // self.size
        self.interval = search.base.num_steps // self._num_rounds
        self._members = [self._first(member) for member in range(self.size)]
        self._round = 1
        self.exhausted = False
        self.trials = {trial_id(trial): trial for trial in self._members}
        self._go_on()
        self._asked = set(self.trials)

    @property
    def known(self) -> dict[str, TrialConfig]:
        """The trials that have rows, by id."""
        return {name: trial for name, trial in self.trials.items() if name in self._rows}

    @property
    def ahead(self) -> list[TrialConfig]:
        """The members as they are now, as long as they will be after each round that has not begun."""
        rounds = range(self._round + 1, self._num_rounds + 1)
        return [
            dataclasses.replace(member, num_steps=number * self.interval)
            for number in rounds
            for member in self._members
        ]

    def ask(self) -> TrialConfig | None:
        """Return a trial that has come since, and has not been asked for; None if this round has no more."""
        for name, trial in self.trials.items():
            if name not in self._asked and name not in self._rows:
                self._asked.add(name)
                return trial
        return None

    def tell(self, row: TrialRow) -> None:
        """Note a row; with the last one of a round the next begins."""
        self._rows[row.trial_id] = row
        self._go_on()

    def _go_on(self) -> None:
        while all(trial_id(trial) in self._rows for trial in self._members):
            if self._round == self._num_rounds:
                self.exhausted = True
                return
            self._members = self._next()
            self._round += 1
            self.trials |= {trial_id(trial): trial for trial in self._members}

    def _first(self, member: int) -> TrialConfig:
        generator = self._generator(0, member)
        short = dataclasses.replace(self._search.base, num_steps=self.interval)
        return replace_fields(short, {name: axis.draw(generator) for name, axis in self._search.axes.items()})

    def _next(self) -> list[TrialConfig]:
        best_first = sorted(range(self.size), key=lambda member: -self._accuracy(self._members[member]))
        num = max(1, int(self.size * self._search.algorithm.quantile))
        steps = self._members[0].num_steps + self.interval
        following = [dataclasses.replace(trial, num_steps=steps) for trial in self._members]
        for member in best_first[-num:] if self.size > 1 else []:
            generator = self._generator(self._round, member)
            parent = self._members[best_first[int(generator.integers(num))]]
            changed = (parent.num_steps, tuple(self._explored(parent, generator).items()))
            following[member] = dataclasses.replace(parent, num_steps=steps, changes=(*parent.changes, changed))
        return following

    def _explored(self, parent: TrialConfig, generator: "np.random.Generator") -> dict[str, float]:
        now = overrides.config_at(parent, parent.num_steps)
        values = {}
        for name, axis in self._search.axes.items():
            part, _, inner = name.partition(".")
            value = getattr(getattr(now, part), inner) if inner else getattr(now, part)
            values[name] = float(_explored(axis, value, generator))
        return values

    def _accuracy(self, trial: TrialConfig) -> float:
        row = self._rows[trial_id(trial)]
        return row.val_accuracy if row.status is Status.OK and row.val_accuracy is not None else -1.0

    def _generator(self, number: int, member: int) -> "np.random.Generator":
        import numpy as np

        return np.random.Generator(np.random.Philox(key=[self._search.seed, number * self.size + member]))


def _explored(axis: Any, value: float, generator: "np.random.Generator") -> Any:
    """Return another value: drawn anew, or a fifth more or less, or the value beside it in a choice."""
    if generator.random() < RESAMPLED:
        return axis.draw(generator)
    up = int(generator.integers(2))
    if isinstance(axis, Choice):
        place = axis.values.index(value) + (1 if up else -1)
        return axis.values[min(max(place, 0), len(axis.values) - 1)]
    return min(max(value * FACTORS[up], axis.low), axis.high)
