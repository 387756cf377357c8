"""Rules of the axes of a sample or a search: a field exists, takes what its axis draws, and is valid at the bounds.

They are checked when the axes are given, where the mistake is, and not when a searcher reaches a bad point.
"""

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import ConfigError, SweepError, UnknownNameError
from mnist_sweep.search.distributions import Axis, Choice, LogUniform, Uniform, ends
from mnist_sweep.text.causes import first_cause
from mnist_sweep.trials.overrides import replace_fields
from mnist_sweep.validation import field_types, require, shown_in_one_line

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig

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


def check_space(base: "TrialConfig", axes: Mapping[str, Axis], parts: Iterable[Mapping[str, Any]]) -> None:
    """Validate a search space: the fields of its axes, its bounds, and some points between them.

    Args:
        base: What all trials have in common.
        axes: The axes by field.
        parts: Every combination of the values of axes that choose whole parts.

    Raises:
        UnknownNameError: An axis names no field of a part that it may meet.
        ConfigError: A field does not take what its axis draws, or a point breaks a rule.
    """
    import numpy as np

    low = {name: ends(axis)[0] for name, axis in axes.items()}
    for chosen in parts:
        for name in axes:
            _check_field(base, name, axes, chosen)
        for name, axis in axes.items():
            check_type(replace_fields(base, chosen), name, axis)
            for value in ends(axis):
                reached = f"the axis {name!r} of a search reaches {_shown(value)}"
                _check_point(base, {**low, **chosen, name: value}, reached)
    generator = np.random.Generator(np.random.Philox(key=[0, 0]))
    points = [{name: axis.draw(generator) for name, axis in axes.items()} for _ in range(NUM_POINTS)]
    check_points(base, [{name: ends(axis)[-1] for name, axis in axes.items()}, *points], "the axes of a search reach")


def check_points(base: "TrialConfig", points: Iterable[Mapping[str, Any]], reach: str) -> None:
    """Validate points of a space; `reach` begins the message.

    Raises:
        UnknownNameError: A name is no field.
        ConfigError: A point breaks a rule.
    """
    for point in points:
        values = ", ".join(f"{name}={_shown(value)}" for name, value in point.items())
        _check_point(base, point, f"{reach} {values}")


def _check_field(base: "TrialConfig", name: str, axes: Mapping[str, Axis], chosen: Mapping[str, Any]) -> None:
    """Validate that a field exists in the part that is chosen if it exists in another one that may be chosen."""
    part, _, inner = name.partition(".")
    lacking, axis = replace_fields(base, chosen), axes.get(part)
    if not (isinstance(axis, Choice) and inner) or hasattr(getattr(lacking, part), inner):
        return
    others = [getattr(replace_fields(base, {part: value}), part) for value in axis.values]
    having = [type(other).__name__ for other in others if hasattr(other, inner)]
    if having:
        kind = type(getattr(lacking, part)).__name__
        values = [f"{other}({inner}={_shown(value)})" for other in having for value in ends(axes[name])]
        raise UnknownNameError(
            f"{name!r} is not a field of {kind}, which the axis {part!r} may choose: remove its own axis, and list "
            f"its values in that one, as in Choice(({kind}(), {', '.join(values)}))."
        )


def _check_point(base: "TrialConfig", values: Mapping[str, Any], what: str) -> None:
    try:
        replace_fields(base, values)
    except UnknownNameError:
        raise
    except SweepError as error:
        raise ConfigError(f"{what}, where {error}") from error
    except Exception as error:  # a class of the user's own may refuse its fields in any way
        raise ConfigError(f"{what}, where {first_cause(error)}") from error


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shown_in_one_line(value)
