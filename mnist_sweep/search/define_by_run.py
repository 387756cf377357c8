"""Spaces in Optuna's define-by-run style: a function of a trial that suggests the values of fields, one by one.

The function is called again whenever a row has to be found in its space, with the row's values for suggestions, so it
may depend on nothing else.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.search import axis_rules
from mnist_sweep.search.axis_rules import Answer
from mnist_sweep.search.distributions import Axis, Choice, Integer, LogUniform, Uniform, ends
from mnist_sweep.text.causes import first_cause
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.validation import require, shown_in_one_line

MAX_POINTS = 1000


class SpaceTrial:
    """What a function of a space gets: Optuna's methods that suggest values, with names of fields as names.

    Attributes:
        params: The values that were suggested so far, by field.
    """

    def __init__(self, answer: Answer) -> None:
        self.params: dict[str, Any] = {}
        self._answer, self._axes = answer, dict[str, Axis]()

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest a number in [low, high]: of equal probability each, or with `log` their logarithms."""
        if step is not None and log:
            raise ConfigError(f"`step` and `log` exclude each other, but got both for {name!r}.")
        if log:
            return float(self._suggested(name, LogUniform, low=low, high=high))
        return float(self._suggested(name, Uniform, low=low, high=high, step=step))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Suggest one of the integers low, low + step, … up to high."""
        return int(self._suggested(name, Integer, low=low, high=high, step=step, log=log))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Suggest one of some values, which may be of any kind that the field takes."""
        return self._suggested(name, Choice, values=tuple(choices))

    def _suggested(self, name: str, kind: Callable[..., Axis], **options: Any) -> Any:
        try:
            axis = kind(**options)
        except ConfigError as error:
            raise ConfigError(f"the suggestion of {name!r}: {error}") from error
        axis_rules.check_axis(name, axis)
        if self._axes.setdefault(name, axis) != axis:
            raise ConfigError(f"a space suggests {name!r} from one axis, but got {self._axes[name]} and {axis}.")
        if name not in self.params:
            self.params[name] = self._answer(name, axis)
        return self.params[name]


def validate(space: Any, base: TrialConfig) -> None:
    """Validate a space: that it is a function of a trial and of nothing else, and that its points keep to all rules.

    Raises:
        UnknownNameError: It suggests what is no field.
        ConfigError: It is not such a function, or a point breaks a rule.
    """
    rule = "the space of a search must be a function of a trial"
    try:
        inspect.signature(space).bind(None)
    except (TypeError, ValueError) as error:  # the latter of builtins without a signature
        raise ConfigError(f"{rule}, but got {shown_in_one_line(space)}: {error}.") from error
    at = functools.partial(values, space)
    drawn = axis_rules.drawn_points(at)
    for point in drawn:
        for _ in range(2):  # also of a function that counts its calls
            again = at(functools.partial(_given, point))
            if again != point:
                raise ConfigError(f"{rule} and of nothing else, but for the same values it gave {point} and {again}.")
    found = axis_rules.points(at, MAX_POINTS)
    require(any(found), "the space of a search suggests at least one field", space=space)
    axis_rules.check_points(base, [*found, *drawn])


def _given(point: Mapping[str, Any], name: str, axis: Axis) -> Any:
    return point.get(name, ends(axis)[0])


def values(space: Callable[[SpaceTrial], Any], answer: Answer) -> dict[str, Any]:
    """Return the values at a point of a space: those that it suggests, and the constants that it returns, if any.

    Raises:
        ConfigError: It raises an error, returns something else, or suggests what no search varies.
    """
    trial = SpaceTrial(answer)
    try:
        constants = space(trial)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"the space of a search raised {first_cause(error)}.") from error
    if not isinstance(constants, Mapping | None):
        given = shown_in_one_line(constants)
        raise ConfigError(f"the space of a search must return nothing, or fields and values, but returned {given}.")
    for name, value in (constants or {}).items():
        axis_rules.check_varies(name)
        if trial.params.get(name, value) != value:
            suggested = f"a space returns what it suggests, or nothing, but suggested {trial.params[name]} for {name!r}"
            raise ConfigError(f"{suggested}, and returned {shown_in_one_line(value)}.")
    return {**(constants or {}), **trial.params}
