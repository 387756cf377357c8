"""One of Ray Tune's searchers behind ask and tell: asked for trials and told rows, without a running Ray."""

import copy
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.search.distributions import Axis, Choice, Integer, LogUniform, nearest
from mnist_sweep.search.search import SAMPLER_METHODS, Search
from mnist_sweep.text.causes import first_cause
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import METRIC, Status, TrialRow

MAX_KNOWN_SUGGESTIONS = 100


class TuneSearcher:
    """Suggests the trials of a search.

    Args:
        rows: Existing rows of its space, which the searcher learns first.
        pending: Ids of trials that an earlier run suggested, which are not returned again.

    Attributes:
        warning: What the user should know of the searcher, in one line, or None.
        exhausted: Whether it has no more trials: it says so, or suggests a hundred known ones in a row (for a sampler
            of Optuna, besides those of earlier runs).

    Raises:
        ConfigError: The searcher cannot search this space.
    """

    def __init__(self, search: Search, rows: Iterable[TrialRow], pending: Collection[str] = ()) -> None:
        if sys.flags.optimize > 1:
            raise ConfigError("a search needs Ray Tune, which python -OO cannot import without docstrings: use -O.")
        self.warning: str | None = None
        self.exhausted = False
        self._search, self._pending = search, set(pending)
        self._labels = {name: _labels(axis) for name, axis in search.axes.items() if isinstance(axis, Choice)}
        self._searcher, self._name = _searcher(search)
        space = {name: _domain(axis, self._labels.get(name)) for name, axis in search.axes.items()}
        if not self._searcher.set_search_properties(METRIC, "max", space):
            raise ConfigError(f"the axes are the space of a search: give {self._name} neither a space nor a metric.")
        self._suggestions: dict[str, str] = {}  # the searcher's own id of each trial that has no row yet
        self._rows: dict[str, TrialRow] = {}
        self._untold: set[str] = set()
        self._num_suggestions = 0
        for row in rows:
            self.tell(row)
        starts_over = hasattr(search.algorithm, SAMPLER_METHODS[0])  # with the random numbers of the first run
        self._max_known = MAX_KNOWN_SUGGESTIONS + starts_over * len(self._rows)

    def ask(self) -> TrialConfig | None:
        """Return a trial that was neither returned before nor has a row; None if the searcher has none now."""
        num_known = 0
        while num_known < self._max_known:
            self._num_suggestions += 1
            suggestion = f"proposal-{self._num_suggestions}"
            point = self._searcher.suggest(suggestion)
            if not isinstance(point, Mapping):  # None, or the searcher's constant for being finished
                break
            trial = self._trial(point)
            name = trial_id(trial) if trial else ""
            if name in self._rows:
                self._complete(suggestion, self._rows[name])
                num_known += name not in self._untold
                self._untold.discard(name)
            elif trial is None or name in self._suggestions:
                self._searcher.on_trial_complete(suggestion, error=True)
                num_known += 1
            else:
                self._suggestions[name] = suggestion
                if name not in self._pending:
                    return trial
                self._pending.remove(name)
        self.exhausted = not self._suggestions
        return None

    def tell(self, row: TrialRow) -> None:
        """Tell the searcher a row, whether it suggested the trial or not."""
        self._rows[row.trial_id] = row
        suggestion = self._suggestions.pop(row.trial_id, None)
        if suggestion:
            self._complete(suggestion, row)
        elif not self._add(row):
            self._untold.add(row.trial_id)

    def _add(self, row: TrialRow) -> bool:
        """Tell the searcher a row that it did not suggest; return False if there is nothing to tell, or no way."""
        point, value = self._search.find(row.trial_id, row.config), _accuracy(row)
        if point is None or value is None:
            return False
        labelled = {axis: self._label(axis, given) for axis, given in point.items()}
        try:
            self._searcher.add_evaluated_point(labelled, value)
        except NotImplementedError:
            self.warning = f"{self._name} cannot be told earlier rows; it learns those of trials that it suggests again"
            return False
        return True

    def _trial(self, point: Mapping[str, Any]) -> TrialConfig | None:
        """Return the trial at a point that was suggested; None if it breaks a rule."""
        try:
            return self._search.trial({name: self._value(name, value) for name, value in point.items()})
        except Exception as error:  # a class of the user's own may refuse its fields in any way
            left_out = f"trials that break a rule are not proposed; the first one: {first_cause(error)}"
            self.warning = self.warning or left_out
            return None

    def _complete(self, suggestion: str, row: TrialRow) -> None:
        result = None if (value := _accuracy(row)) is None else {METRIC: value}
        self._searcher.on_trial_complete(suggestion, result=result, error=result is None)

    def _value(self, name: str, label: Any) -> Any:
        axis = self._search.axes[name]
        if isinstance(axis, Choice):
            return axis.values[self._labels[name].index(label)]
        return nearest(axis, axis.low + axis.step * label if _is_counted(axis) else label)

    def _label(self, name: str, value: Any) -> Any:
        axis = self._search.axes[name]
        if isinstance(axis, Choice):
            return self._labels[name][axis.values.index(value)]
        return (value - axis.low) // axis.step if _is_counted(axis) else value


def _accuracy(row: TrialRow) -> float | None:
    """Return the value that a searcher learns: 0 for a trial that diverged, None for one that failed."""
    return 0.0 if row.status is Status.DIVERGED else row.val_accuracy


def _labels(axis: Choice) -> list[Any]:
    """Return what stands for a choice's values in a searcher: the values if all are plain, else their text."""
    plain = all(isinstance(value, bool | float | int | str) for value in axis.values)
    return list(axis.values) if plain else [repr(value) for value in axis.values]


def _is_counted(axis: Any) -> bool:
    """Return whether a searcher gets the number of steps from the lowest value: Tune's own rounds multiples of them."""
    return isinstance(axis, Integer) and axis.step > 1


def _domain(axis: Axis, labels: list[Any] | None) -> Any:
    from ray import tune

    if isinstance(axis, Choice):
        return tune.choice(labels)
    if isinstance(axis, Integer):
        if _is_counted(axis):
            return tune.randint(0, (axis.high - axis.low) // axis.step + 1)
        return (tune.lograndint if axis.log else tune.randint)(axis.low, axis.high + 1)
    return (tune.loguniform if isinstance(axis, LogUniform) else tune.uniform)(axis.low, axis.high)


def _searcher(search: Search) -> tuple[Any, str]:
    """Return a searcher of Ray Tune for a search, and the name of its algorithm."""
    algorithm = copy.deepcopy(search.algorithm)
    if algorithm != "tpe" and not hasattr(algorithm, SAMPLER_METHODS[0]):
        return algorithm, type(algorithm).__name__
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if algorithm == "tpe":
        algorithm = optuna.samplers.TPESampler(seed=search.seed, constant_liar=True)
    return OptunaSearch(sampler=algorithm), type(algorithm).__name__
