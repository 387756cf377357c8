"""A searcher of Ray Tune as what suggests points of a search's axes, without a running Ray."""

import copy
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import ConfigError, SweepError
from mnist_sweep.search.distributions import Axis, Choice, Integer, LogUniform, from_label, grid_size, label_of, labels

if TYPE_CHECKING:
    from mnist_sweep.search.search import Search


class TuneSearcher:
    """Suggests points by a copy of a search's searcher; see `Proposals`.

    Raises:
        ConfigError: The searcher cannot search these axes.
    """

    def __init__(self, search: "Search") -> None:
        if sys.flags.optimize > 1:
            raise ConfigError("a searcher needs Ray Tune, which python -OO cannot import without docstrings: use -O.")
        self._axes, self._searcher = search.axes, copy.deepcopy(search.algorithm)
        self._measure = search.base.measure
        self._name, self._kinds = type(search.algorithm).__name__, _kinds(self._searcher)
        if "Repeater" in self._kinds:
            why = "a trial that is repeated has the same row"
            raise ConfigError(f"{why}: give the searcher without Repeater, and run the best configs with --seeds.")
        space = {name: _domain(axis) for name, axis in search.axes.items()}
        if not self._searcher.set_search_properties(self._measure.val, self._measure.mode, space):
            raise ConfigError(f"the axes are the space of a search: give {self._name} neither a space nor a metric.")

    def suggest(self, suggestion: str) -> dict[str, Any] | None:
        """Return the values of a point; None if there is none now.

        Raises:
            ConfigError: A value is not on its axis.
            SweepError: It suggests other fields.
        """
        point = self._searcher.suggest(suggestion)
        if not isinstance(point, Mapping):  # None, or the searcher's constant for being finished
            return None
        if point.keys() != self._axes.keys():
            found, known = (", ".join(sorted(map(str, names))) or "nothing" for names in (point, self._axes))
            raise SweepError(f"{self._name} suggests {found}, but the axes are {known}.")
        return {name: from_label(self._axes[name], label) for name, label in point.items()}

    def complete(self, suggestion: str, learned: Sequence[float] | None) -> None:
        """Tell the result at a point that was suggested; None if it has none."""
        result = None if learned is None else {self._measure.val: learned[0]}
        if result and "TuneBOHB" in self._kinds:  # which learns nothing from the next call
            self._searcher.on_trial_result(suggestion, {**result, "hyperband_info": {"budget": 1}})
        self._searcher.on_trial_complete(suggestion, result=result, error=result is None)

    def add(self, values: Mapping[str, Any], learned: Sequence[float]) -> bool:
        """Tell the result at another point; return False if there is no way to."""
        try:
            point = {name: label_of(self._axes[name], one) for name, one in values.items()}
            self._searcher.add_evaluated_point(point, learned[0])
        except NotImplementedError:  # which Tune raises for searchers that take no points of others
            return False
        return True


def _kinds(searcher: Any) -> set[str]:
    """Return the names of the classes of a searcher, and of those that it wraps."""
    inner = getattr(searcher, "searcher", None)
    return {kind.__name__ for kind in type(searcher).__mro__} | (_kinds(inner) if inner else set())


def _domain(axis: Axis) -> Any:
    from ray import tune

    if isinstance(axis, Choice):
        return tune.choice(labels(axis))
    if num := grid_size(axis):  # Tune's own domains round multiples of their steps
        return tune.randint(0, num)
    if isinstance(axis, Integer):
        return (tune.lograndint if axis.log else tune.randint)(axis.low, axis.high + 1)
    return (tune.loguniform if isinstance(axis, LogUniform) else tune.uniform)(axis.low, axis.high)
