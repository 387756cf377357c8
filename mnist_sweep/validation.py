"""Validation of the fields of frozen values: coercion to their declared types, and rules.

Equal settings must have equal hashes, so `1` and `1.0`, a list and a tuple, a NumPy scalar and a Python number become
the same value before anything else reads them.
"""

import dataclasses
import functools
import math
import numbers
import operator
import re
import types
import typing
from typing import Any

from mnist_sweep.errors import ConfigError

INFINITY = math.inf


def require(holds: bool, rule: str, /, **values: object) -> None:
    """Raise an error unless a rule holds.

    Raises:
        ConfigError: The rule does not hold; the message states it and the values.
    """
    if not holds:
        shown = ", ".join(f"{name}={shown_in_one_line(value)}" for name, value in values.items())
        raise ConfigError(f"`{rule}` must hold, but got {shown}.")


def shown_in_one_line(value: object) -> str:
    """Return the `repr` of a value without line breaks and addresses of memory."""
    return re.sub(" at 0x[0-9a-f]+", "", " ".join(line.strip() for line in repr(value).splitlines()))


def coerce(value: Any) -> None:
    """Coerce every field of a frozen dataclass instance to its declared type; called in its `__post_init__`.

    Raises:
        ConfigError: A value cannot be coerced.
    """
    for name, coerced in coerced_fields(value).items():
        object.__setattr__(value, name, coerced)


def coerced_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance that do not have their declared type yet, coerced.

    Types `int`, `float`, `bool`, `str`, `Literal`, `tuple` and `X | None` are supported; in others lists become tuples.

    Raises:
        ConfigError: A value cannot be coerced.
    """
    cls: Any = type(value)
    hints = field_types(cls)
    given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    coerced = {name: _coerced(item, hints[name], f"{cls.__name__}.{name}") for name, item in given.items()}
    return {name: item for name, item in coerced.items() if item is not given[name]}


@functools.cache
def field_types(cls: Any) -> dict[str, Any]:
    """Return the types of a class's fields by name, also if they are written as strings.

    Raises:
        ConfigError: A type cannot be resolved.
    """
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise ConfigError(f"the types of {cls.__name__} cannot be resolved: {error}.") from error


def _coerced(given: Any, hint: Any, name: str) -> Any:
    given = given.item() if getattr(given, "ndim", None) == 0 else given  # a NumPy scalar
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        same = [argument for argument in arguments if _is(given, argument)]
        _require(bool(same), f"is one of {', '.join(map(repr, arguments))}", name, given)
        return same[0]
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        if len(inner) > 1 or (given is None and len(inner) < len(arguments)):
            return with_tuples(given)
        return _coerced(given, inner[0], name)
    if origin is tuple:
        return _sequence(given, arguments, name)
    if hint is int:
        return given if type(given) is int else _integer(given, name)
    if hint is float:
        number = given if type(given) is float else _number(given, name)
        return number or 0.0  # -0.0 is equal to 0.0 but has another hash
    if hint in (bool, str):
        _require(isinstance(given, hint), "is a string" if hint is str else "is True or False", name, given)
        return hint(given)
    return with_tuples(given)


def _require(holds: bool, rule: str, name: str, given: Any) -> None:
    require(holds, f"{name} {rule}", **{name.rpartition(".")[2]: given})


def _is(given: Any, argument: Any) -> bool:
    return isinstance(given, bool) == isinstance(argument, bool) and given.__hash__ is not None and given == argument


def with_tuples(given: Any) -> Any:
    """Return a value with tuples in place of lists, also of those inside."""
    return tuple(map(with_tuples, given)) if isinstance(given, list | tuple) else given


def _sequence(given: Any, arguments: tuple[Any, ...], name: str) -> Any:
    _require(isinstance(given, list | tuple), "is a sequence", name, given)
    hints = arguments[:1] * len(given) if arguments[1:] == (...,) else arguments
    _require(len(given) == len(hints), f"has {len(hints)} items", name, given)
    items = tuple(_coerced(item, hint, name) for item, hint in zip(given, hints, strict=True))
    return given if type(given) is tuple and all(map(operator.is_, given, items)) else items


def _integer(given: Any, name: str) -> int:
    whole = isinstance(given, numbers.Real) and not isinstance(given, bool) and math.isfinite(given)
    _require(whole and given == int(given), "is a whole number", name, given)
    return int(given)


def _number(given: Any, name: str) -> float:
    real = isinstance(given, numbers.Real) and not isinstance(given, bool)
    _require(real and (not isinstance(given, int) or abs(given) < 2**1023), "is a number", name, given)
    return float(given)
