"""Validation of the fields of frozen values: coercion to their declared types, and rules.

Equal settings must have equal hashes, so `1` and `1.0`, a list and a tuple, a NumPy scalar and a Python number become
the same value before anything else reads them. What cannot be coerced, or breaks a rule, raises ConfigError.
"""

import dataclasses
import enum
import functools
import math
import numbers
import operator
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from mnist_sweep.errors import ConfigError

INFINITY = math.inf
MAX_DEPTH = 8  # of lists and objects in each other, in a row
MAX_SHOWN = 300  # characters of a value in an error
MAX_FLOAT = sys.float_info.max
NUMBERS = (float, int)
Coercion = Callable[[Any, str], Any]


def require(holds: bool, rule: str, /, **values: object) -> None:
    """Raise a ConfigError, which states the rule and the values, unless the rule holds."""
    if not holds:
        shown = ", ".join(f"{name}={shown_in_one_line(value)}" for name, value in values.items())
        raise ConfigError(f"`{rule}` must hold, but got {shown}.")


def require_at_least(minimum: int, /, **values: int | None) -> None:
    """Raise a ConfigError unless each value is at least a minimum, or None."""
    for name, value in values.items():
        require(value is None or value >= minimum, f"{name} >= {minimum}", **{name: value})


def shown_in_one_line(value: object) -> str:
    """Return the `repr` of a value without line breaks and addresses of memory, cut after 300 characters."""
    text = re.sub(" at 0x[0-9a-f]+", "", " ".join(line.strip() for line in repr(value).splitlines()))
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def validate_json(value: Any, name: str, depth: int = MAX_DEPTH) -> None:
    """Raise ValueError unless numbers are finite, texts Unicode, and lists and objects not nested too deeply."""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError(f"{name} has text that is not Unicode")
    elif isinstance(value, float | int):
        if not abs(value) <= MAX_FLOAT:
            raise ValueError(f"{name} has a number beyond {MAX_FLOAT:g}")
    elif isinstance(value, dict | list):
        if not depth:
            raise ValueError(f"{name} has more than {MAX_DEPTH} levels")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            kind = type(item)  # most need no call
            if not ((kind is str and item.isascii()) or (kind in NUMBERS and -MAX_FLOAT <= item <= MAX_FLOAT)):
                validate_json(item, name, depth - 1)


def coerce(value: Any) -> None:
    """Coerce every field of a frozen dataclass instance to its declared type; called in its `__post_init__`."""
    for name, coerced in coerced_fields(value).items():
        object.__setattr__(value, name, coerced)


def coerced_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance that do not have their declared type yet, coerced.

    Types `int`, `float`, `bool`, `str`, `Enum`, `Literal`, `tuple` and `X | None` are supported; in others lists become
    tuples.
    """
    cls: Any = type(value)
    coerced = {}
    for name, label, coercion in _coercions(cls):
        given = getattr(value, name)
        item = coercion(_without_numpy(given), label)
        if item is not given:
            coerced[name] = item
    return coerced


@functools.cache
def _coercions(cls: Any) -> tuple[tuple[str, str, Coercion], ...]:
    """Return each field's name, its name in errors, and its coercion."""
    hints = field_types(cls)
    names = (field.name for field in dataclasses.fields(cls))
    return tuple((name, f"{cls.__name__}.{name}", _coercion(hints[name])) for name in names)


@functools.cache
def field_types(cls: Any) -> dict[str, Any]:
    """Return the types of a class's fields by name, also if they are written as strings."""
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise ConfigError(f"the types of {cls.__name__} cannot be resolved: {error}.") from error


def _coercion(hint: Any) -> Coercion:
    """Return what coerces a value to a declared type; it also takes the field's name in errors."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return functools.partial(_choice, arguments)
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        coercion, is_optional = _coercion(inner[0] if len(inner) == 1 else Any), len(inner) < len(arguments)
        return lambda given, name: None if given is None and is_optional else coercion(given, name)
    if origin is tuple:
        is_open = arguments[1:] == (...,)
        return functools.partial(_sequence, [*map(_coercion, arguments[:1] if is_open else arguments)], is_open)
    if isinstance(hint, enum.EnumType):
        return functools.partial(_member, hint)
    flag, text = (functools.partial(_instance, *one) for one in ((bool, "is True or False"), (str, "is a string")))
    scalars: dict[type, Coercion] = {int: _integer, float: _number, bool: flag, str: text}
    return next((scalars[kind] for kind in scalars if hint is kind), lambda given, _: with_tuples(given))


def _without_numpy(given: Any) -> Any:
    """Return the Python value of a NumPy scalar, and others as they are."""
    return given.item() if getattr(given, "ndim", None) == 0 else given


def _require(holds: bool, rule: str, name: str, given: Any) -> None:
    if not holds:
        require(False, f"{name} {rule}", **{name.rpartition(".")[2]: given})


def with_tuples(given: Any) -> Any:
    """Return a value with tuples in place of lists and numbers in place of NumPy's scalars, also of those inside."""
    return tuple(map(with_tuples, given)) if isinstance(given, list | tuple) else _without_numpy(given)


def _member(kind: Any, given: Any, name: str) -> Any:
    try:
        return kind(given)
    except ValueError:
        _require(False, f"is one of {', '.join(map(str, kind))}", name, given)


def _choice(arguments: tuple[Any, ...], given: Any, name: str) -> Any:
    same = [argument for argument in arguments if given is argument or _is(given, argument)]
    _require(bool(same), f"is one of {', '.join(map(repr, arguments))}", name, given)
    return same[0]


def _is(given: Any, argument: Any) -> bool:
    return isinstance(given, bool) == isinstance(argument, bool) and given.__hash__ is not None and given == argument


def _sequence(coercions: list[Coercion], is_open: bool, given: Any, name: str) -> Any:
    _require(isinstance(given, list | tuple), "is a sequence", name, given)
    coercions = coercions * len(given) if is_open else coercions
    _require(len(given) == len(coercions), f"has {len(coercions)} items", name, given)
    items = tuple(coercion(_without_numpy(item), name) for item, coercion in zip(given, coercions, strict=True))
    return given if type(given) is tuple and all(map(operator.is_, given, items)) else items


def _integer(given: Any, name: str) -> int:
    if type(given) is int:
        return given
    whole = isinstance(given, numbers.Real) and not isinstance(given, bool) and math.isfinite(given)
    _require(whole and given == int(given), "is a whole number", name, given)
    return int(given)


def _number(given: Any, name: str) -> float:
    if type(given) is not float:
        real = isinstance(given, numbers.Real) and not isinstance(given, bool)
        _require(real and (not isinstance(given, int) or abs(given) < 2**1023), "is a number", name, given)
    return float(given) if given or math.copysign(1.0, given) > 0 else 0.0  # -0.0 equals 0.0 but has another hash


def _instance(kind: type, rule: str, given: Any, name: str) -> Any:
    _require(isinstance(given, kind), rule, name, given)
    return str.__str__(given) if kind is str else given  # `str` of a member of an Enum may be its name
