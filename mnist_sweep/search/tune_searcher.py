"""What a search proposes: one of Ray Tune's searchers, asked for trials and told of rows, without a Ray that runs."""

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.search.search import Axis, Search
from mnist_sweep.search.space import Choice, Integer, LogUniform
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import METRIC, Status, TrialRow

TRIES = 100
PLAIN = (bool, float, int, str)


class TuneSearcher:
    """The trials that a search proposes.

    Args:
        search: What to search.
        rows: Rows of its space that are there already, which the searcher is told first.
        left: Ids of trials that an earlier run proposed, and that this one runs without asking for them again.

    Attributes:
        note: What the user should know of the searcher, in one line, or None.
        exhausted: Whether it has nothing more to propose, as it said or as a hundred trials in turn show that it knows.

    Raises:
        ConfigError: The searcher cannot search this space.
    """

    def __init__(self, search: Search, rows: Iterable[TrialRow], left: Collection[str] = ()) -> None:
        self.note: str | None = None
        self.exhausted = False
        self._search = search
        self._labels = {name: _labels(axis) for name, axis in search.axes.items() if isinstance(axis, Choice)}
        self._searcher = _tpe(search.seed) if search.algorithm == "tpe" else copy.deepcopy(search.algorithm)
        space = {name: _domain(axis, self._labels.get(name)) for name, axis in search.axes.items()}
        if not self._searcher.set_search_properties(METRIC, "max", space):
            what = type(self._searcher).__name__
            raise ConfigError(f"the axes are the space of a search: give {what} neither a space nor a metric.")
        self._asked: dict[str, str] = {}
        self._left = set(left)
        self._rows: dict[str, TrialRow] = {}
        self._unheard: set[str] = set()
        self._number = 0
        for row in rows:
            self.tell(row)

    def ask(self) -> TrialConfig | None:
        """Return a trial that has neither been asked for nor has a row; None if the searcher has none now."""
        tries = 0
        while tries < TRIES:
            self._number += 1
            name = f"proposal-{self._number}"
            found = self._searcher.suggest(name)
            if not isinstance(found, Mapping):  # None, or the searcher's word for being finished
                break
            trial = self._search.trial({axis: self._value(axis, value) for axis, value in found.items()})
            proposed = trial_id(trial)
            if proposed in self._rows:
                self._complete(name, self._rows[proposed])
                tries += proposed not in self._unheard
                self._unheard.discard(proposed)
            elif proposed in self._left:
                self._left.remove(proposed)
                self._asked[proposed] = name
            elif proposed in self._asked:
                self._searcher.on_trial_complete(name, error=True)
                tries += 1
            else:
                self._asked[proposed] = name
                return trial
        self.exhausted = not self._asked
        return None

    def tell(self, row: TrialRow) -> None:
        """Tell the searcher of a row, whoever proposed its trial; one that brought no figure tells nothing."""
        self._rows[row.trial_id] = row
        name = self._asked.pop(row.trial_id, None)
        if name:
            self._complete(name, row)
        elif not self._heard(row):
            self._unheard.add(row.trial_id)

    def _heard(self, row: TrialRow) -> bool:
        """Tell the searcher of a row that it did not propose; return False if there is nothing to tell, or no way."""
        point, value = self._search.find(row.trial_id, row.config), _accuracy(row)
        if point is None or value is None:
            return False
        labelled = {axis: self._label(axis, given) for axis, given in point.items()}
        try:
            self._searcher.add_evaluated_point(labelled, value)
        except NotImplementedError:
            what = type(self._searcher).__name__
            self.note = f"{what} cannot be told of earlier rows; it hears of those that it proposes again"
            return False
        return True

    def _complete(self, name: str, row: TrialRow) -> None:
        value = _accuracy(row)
        result = None if value is None else {METRIC: value}
        self._searcher.on_trial_complete(name, result=result, error=value is None)

    def _value(self, axis: str, label: Any) -> Any:
        labels = self._labels.get(axis)
        values = self._search.axes[axis]
        return values.values[labels.index(label)] if labels is not None and isinstance(values, Choice) else label

    def _label(self, axis: str, value: Any) -> Any:
        labels = self._labels.get(axis)
        values = self._search.axes[axis]
        return labels[values.values.index(value)] if labels is not None and isinstance(values, Choice) else value


def _accuracy(row: TrialRow) -> float | None:
    """Return what a searcher is told: a trial that diverged is as bad as one can be, a failure says nothing."""
    return 0.0 if row.status is Status.DIVERGED else row.val_accuracy


def _labels(axis: Choice) -> list[Any]:
    """Return what searchers know values by: themselves if all are plain, else their text."""
    plain = all(isinstance(value, PLAIN) for value in axis.values)
    return list(axis.values) if plain else [repr(value) for value in axis.values]


def _domain(axis: Axis, labels: list[Any] | None) -> Any:
    from ray import tune

    if isinstance(axis, Choice):
        return tune.choice(labels)
    if isinstance(axis, Integer):
        return tune.randint(axis.low, axis.high + 1)
    return (tune.loguniform if isinstance(axis, LogUniform) else tune.uniform)(axis.low, axis.high)


def _tpe(seed: int) -> Any:
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return OptunaSearch(sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True))
