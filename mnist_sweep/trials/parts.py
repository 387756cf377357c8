"""The parts of a trial's config: data, model, optimizer, schedule, loss and objective, by value or by name.

Rows store the fields of a user's own classes as JSON, from which the same value is made again. A name or field that is
not known raises UnknownNameError, an import path that cannot be imported ScriptError, and what else breaks a rule
ConfigError.
"""

import dataclasses
import functools
import inspect
import json
import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any, cast

from mnist_sweep import validation
from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.models.protocol import check_training_code, trains_itself
from mnist_sweep.trials.registry import resolve
from mnist_sweep.validation import MAX_DEPTH, MAX_FLOAT, coerce, shown_in_one_line, validate_json

METHODS = {
    "data": "load",
    "model": "build",
    "optimizer": "apply",
    "schedule": "factors",
    "loss": "per_example",
    "objective": "compute",
}
OTHER_METHODS = {"model": "train", "objective": "per_example"}  # that may be there in its place
FUNCTIONS = ("data", "loss", "objective")  # the parts that may be functions


def make(kind: str, name: str, options: Mapping[str, Any], registry: Mapping[str, Any]) -> Any:
    """Return the value with a registered name or import path and these fields; `kind` is a key of METHODS."""
    found = resolve(name, registry, kind=kind)
    if kind in FUNCTIONS and isinstance(found, FunctionType) and not options:
        return found
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        rule = "must be a frozen dataclass, or, for data, losses and objectives, a function"
        raise ConfigError(f"the {kind} {name!r} {rule}.")
    check_names(found, options, f"the {kind} {name!r}")
    required = [field for field, default in fields_of(found) if default is dataclasses.MISSING]
    missing = [name for name in required if name not in options]
    if missing:
        raise ConfigError(f"the {kind} {name!r} has no default for {', '.join(missing)}: give its value, not its name.")
    return cast(Any, found)(**options)


def part_of(kind: str, value: Any, registry: Mapping[str, Any]) -> Any:
    """Return a value as a part of a trial, its fields coerced; `kind` is a key of METHODS."""
    if isinstance(value, str):
        value = make(kind, value, {}, registry)
    if kind in FUNCTIONS and isinstance(value, FunctionType):
        return value
    methods = [METHODS[kind], *filter(None, [OTHER_METHODS.get(kind)])]
    has_training = kind == "model" and trains_itself(value)
    is_value = dataclasses.is_dataclass(value) and not isinstance(value, type)
    has_method = has_training or any(callable(getattr(value, one, None)) for one in methods)
    if not (is_value and cast(Any, value).__dataclass_params__.frozen and has_method):
        named = " or ".join(f"`{one}`" for one in methods)
        ways = " or a function" * (kind in FUNCTIONS[1:])
        got = f"{shown_in_one_line(value)}, {_reason(value, named)}"
        raise ConfigError(f"`{kind}` must be an instance of a frozen dataclass with {named}{ways}, but got {got}.")
    if has_training:
        check_training_code(value)
    changed = validation.coerced_fields(value)
    component = dataclasses.replace(cast(Any, value), **changed) if changed else value
    if type(component) not in registry.values():
        if kind == "optimizer" and not isinstance(inspect.getattr_static(value, "apply"), staticmethod):
            rule = f"`apply` of {type(value).__name__} must be a @staticmethod"
            raise ConfigError(f"{rule}, since trials with other numbers share its graph: take these from `numbers`.")
        _validate_fields(kind, component)
    return component


def _reason(value: Any, methods: str) -> str:
    if isinstance(value, type):
        return f"the class itself: write {value.__name__}()"
    if dataclasses.is_dataclass(value) and cast(Any, value).__dataclass_params__.frozen:
        return f"which has no {methods}"
    name, module = type(value).__name__, type(value).__module__
    if module.partition(".")[0] in sys.stdlib_module_names:  # such as a functools.partial, a bound method or a tuple
        return f"a {name}: write a frozen dataclass with {methods}, whose fields are what it needs"
    return f"whose class is not a frozen dataclass: write @dataclass(frozen=True) above {name}"


def type_of(value: Any) -> Any:
    """Return what names a part of a config: its class, or a function itself."""
    return value if isinstance(value, FunctionType) else type(value)


@functools.cache
def fields_of(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return the name and the default value of each field of a class, MISSING if it has none; a function has none."""
    fields = () if isinstance(kind, FunctionType) else dataclasses.fields(kind)
    return tuple((one.name, one.default_factory() if callable(one.default_factory) else one.default) for one in fields)


def check_names(cls: Any, options: Mapping[str, Any], what: str) -> None:
    """Refuse options for fields that a class does not have."""
    known = {item.name for item in dataclasses.fields(cls)}
    for name in options.keys() - known:
        raise UnknownNameError(f"unknown field {name!r} of {what}: known are {', '.join(sorted(known))}.")


def as_json(value: Any, name: str) -> Any:
    """Return a value, which errors call by this name, as JSON has it, with lists for tuples."""
    kind = type(value)
    is_text = kind is str and value.isascii()
    if value is None or kind is bool or is_text or (kind in (float, int) and abs(value) <= MAX_FLOAT):
        return value
    try:
        stored = json.loads(json.dumps(value, allow_nan=False))
        validate_json(stored, name, MAX_DEPTH - 1)
        return stored
    except (TypeError, ValueError) as error:
        kinds = "a number, a string, True, False, None, or a sequence of them"
        got = shown_in_one_line(value)
        raise ConfigError(f"{name} must be {kinds}, so that a row can store it, but got {got}.") from error


def _validate_fields(kind: str, value: Any) -> None:
    """Validate that a value of a user's own class can be stored in a row, and made again from it."""
    flat = {}
    for item in dataclasses.fields(value):
        name, given = f"{kind}.{item.name}", getattr(value, item.name)
        if not item.init:
            raise ConfigError(f"{name} must be an argument of {type(value).__name__}, so that a row can make it again.")
        flat[item.name] = as_json(given, name)
        try:
            hash(given)
        except TypeError as error:
            got = shown_in_one_line(given)
            raise ConfigError(f"{name} must be hashable, as numbers, strings and tuples are, but got {got}.") from error
    again = type(value)(**flat)
    coerce(again)
    for name in flat:
        given, now = getattr(value, name), getattr(again, name)
        if repr(now) != repr(given):  # a member of an Enum that is a string or a number equals that
            rule = f"{kind}.{name} must keep its value when the {type(value).__name__} is restored from a row"
            raise ConfigError(f"{rule}, but {given!r} becomes {now!r}.")
