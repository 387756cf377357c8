"""Rules of the axes of a sample or a search: a field exists, takes what its axis draws, and is valid at the bounds.

They are checked when the axes are given, where the mistake is, and not when a searcher reaches a bad point.
"""

import dataclasses
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import ConfigError, SweepError, UnknownNameError
from mnist_sweep.search.distributions import Axis, Choice, LogUniform, Uniform, ends
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.names import PARTS
from mnist_sweep.trials.overrides import replace_fields
from mnist_sweep.validation import field_types, require, shown_in_one_line

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig

Answer = Callable[[str, Axis], Any]
"""Returns the value at a point of a space for the name of a field and its axis."""
NUM_POINTS = 20


def check_axis(name: str, axis: Any) -> None:
    """Validate an axis of a search by itself.

    Raises:
        ConfigError: It is no axis, its field must not vary, or its values are not distinct.
    """
    if not isinstance(axis, Axis):
        known = "Uniform, LogUniform, Integer or Choice"
        raise ConfigError(f"the axis {name!r} of a search must be a {known}, but got {shown_in_one_line(axis)}.")
    check_varies(name)
    if isinstance(axis, Choice):
        num_different = len(set(map(repr, axis.values)))
        require(num_different == len(axis.values), f"the values of the axis {name!r} differ", values=axis.values)


def check_varies(name: str) -> None:
    """Validate that a search may vary a field, or raise a ConfigError."""
    if name == "seed" or name.partition(".")[0] in ("data", "objective"):
        kept = "one objective" if name.startswith("objective") else "one seed and one data set"
        raise ConfigError(f"a search has {kept}, but got the axis {name!r}: set it in the base.")


def check_type(trial: "TrialConfig", name: str, axis: Any) -> None:
    """Validate that a field of integers has no axis of real numbers; the ConfigError shows the axis to use instead."""
    part, _, inner = name.partition(".")
    owner: Any = getattr(trial, part, None) if inner else trial
    hint = field_types(owner.__class__).get(inner or part) if dataclasses.is_dataclass(owner) else None
    kinds = {hint, *typing.get_args(hint)}
    if isinstance(axis, Uniform | LogUniform) and int in kinds and not {float, Any} & kinds:
        low, high = math.ceil(axis.low), math.floor(axis.high)
        log = ", log=True" if isinstance(axis, LogUniform) and low >= 1 else ""
        use = f"use Integer(low={low}, high={high}{log})" if low <= high else "use Integer"
        raise ConfigError(f"the field {name!r} takes whole numbers, but got the axis {axis}: {use}.")


def points(values: Callable[[Answer], dict[str, Any]], most: int | None = None) -> list[dict[str, Any]]:
    """Return points of a space that have, for each combination of parts, the ends of each axis, and every choice.

    The last one has the last end of every axis. No more than `most` others are returned.
    """
    found, seen = list[dict[str, Any]](), set[str]()
    pending: list[dict[str, Any]] = [{}]
    for start in pending:
        so_far: dict[str, Any] = {}

        def answer(name: str, axis: Axis, start: Mapping[str, Any] = start, so_far: dict[str, Any] = so_far) -> Any:
            parts = {part: value for part, value in so_far.items() if part in PARTS}
            if (key := repr((parts, name, axis))) not in seen:
                seen.add(key)
                pending.extend({**so_far, name: end} for end in ends(axis))
            so_far[name] = start.get(name, ends(axis)[0])
            return so_far[name]

        found.append(values(answer))
        if len(found) == most:
            break
    return [*found, values(lambda _, axis: ends(axis)[-1])]


def drawn_points(values: Callable[[Answer], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return 20 random points of a space, the same ones every time."""
    import numpy as np

    generator = np.random.Generator(np.random.Philox(key=[0, 0]))
    return [values(lambda _, axis: axis.draw(generator)) for _ in range(NUM_POINTS)]


def check_points(
    base: "TrialConfig", found: Iterable[Mapping[str, Any]], axes: Mapping[str, Axis] | None = None
) -> None:
    """Validate points of the space of a search, and that the fields of its axes are those of the parts at each point.

    Raises:
        UnknownNameError: A name is no field.
        ConfigError: A point breaks a rule, or a field does not take what its axis draws.
    """
    for point in found:
        if axes:
            trial = replace_fields(base, {name: value for name, value in point.items() if name in PARTS})
            for name, axis in axes.items():
                _check_field(base, trial, name, axes)
                check_type(trial, name, axis)
        try:
            replace_fields(base, point)
        except UnknownNameError:
            raise
        except Exception as error:  # a class of the user's own may refuse its fields in any way
            cause = str(error) if isinstance(error, SweepError) else first_cause(error)
            values = ", ".join(f"{name}={_shown(value)}" for name, value in point.items())
            raise ConfigError(f"the space of a search reaches {values}, where {cause}") from error


def _check_field(base: "TrialConfig", trial: "TrialConfig", name: str, axes: Mapping[str, Axis]) -> None:
    """Validate that a field exists in the part that a trial has if it exists in another one that may be chosen."""
    part, _, inner = name.partition(".")
    axis = axes.get(part)
    if not (isinstance(axis, Choice) and inner) or hasattr(getattr(trial, part, None), inner):
        return
    others = [getattr(replace_fields(base, {part: value}), part) for value in axis.values]
    having = [type(other).__name__ for other in others if hasattr(other, inner)]
    if having:
        kind = type(getattr(trial, part)).__name__
        values = [f"{other}({inner}={_shown(value)})" for other in having for value in ends(axes[name])]
        raise UnknownNameError(
            f"{name!r} is not a field of {kind}, which the axis {part!r} may choose: remove its own axis, and list "
            f"its values in that one, as in Choice(({kind}(), {', '.join(values)}))."
        )


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shown_in_one_line(value)
