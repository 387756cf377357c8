"""Typed fields of frozen values: bring them to their declared types, and state their rules.

A value is hashed by what it means, so `1` and `1.0`, a list and a tuple, a NumPy scalar and a Python number must all
become one thing before anything else looks at them.
"""

import dataclasses
import functools
import math
import numbers
import types
import typing
from typing import Any

from mnist_sweep.errors import ConfigError

INFINITY = math.inf


def require(holds: bool, rule: str, **values: object) -> None:
    """Do nothing if the rule holds.

    Raises:
        ConfigError: It does not; the message states the rule and the values.
    """
    if not holds:
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise ConfigError(f"`{rule}` must hold, but got {shown}.")


def coerce(value: Any) -> None:
    """Bring every field of a frozen dataclass instance to its declared type, in its own `__post_init__`.

    Raises:
        ConfigError: A field cannot hold what was given.
    """
    for name, coerced in changes(value).items():
        object.__setattr__(value, name, coerced)


def changes(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance that are not of their declared type yet, coerced.

    Fields of `int`, `float`, `bool`, `str`, `Literal`, `tuple[X, ...]` and `X | None` are known; others stay.

    Raises:
        ConfigError: A field cannot hold what was given.
    """
    hints = _hints(type(value))  # type: ignore[arg-type]  # types are hashable
    changed = {}
    for field in dataclasses.fields(value):
        given = getattr(value, field.name)
        coerced = _coerced(given, hints[field.name], f"{type(value).__name__}.{field.name}")
        if type(coerced) is not type(given) or coerced is not given:
            changed[field.name] = coerced
    return changed


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _coerced(given: Any, hint: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        require(given in arguments, f"{name} is one of {', '.join(map(repr, arguments))}", got=given)
        return given
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        (inner,) = [argument for argument in arguments if argument is not type(None)]
        return None if given is None else _coerced(given, inner, name)
    if origin is tuple and arguments[1:] == (...,):
        require(isinstance(given, list | tuple), f"{name} is a sequence", got=given)
        items = tuple(_coerced(item, arguments[0], name) for item in given)
        return given if given == items and type(given) is tuple and _same_types(given, items) else items
    if hint is bool:
        require(isinstance(given, bool), f"{name} is True or False", got=given)
        return given
    if hint is int:
        return given if type(given) is int else _integer(given, name)
    if hint is float:
        return given if type(given) is float else _number(given, name)
    if hint is str:
        require(isinstance(given, str), f"{name} is a string", got=given)
        return str(given)
    return given


def _same_types(given: tuple[Any, ...], items: tuple[Any, ...]) -> bool:
    return all(type(one) is type(other) for one, other in zip(given, items, strict=True))


def _integer(given: Any, name: str) -> int:
    whole = isinstance(given, numbers.Real) and not isinstance(given, bool) and float(given).is_integer()
    require(whole, f"{name} is a whole number", got=given)
    return int(given)


def _number(given: Any, name: str) -> float:
    require(isinstance(given, numbers.Real) and not isinstance(given, bool), f"{name} is a number", got=given)
    return float(given)
