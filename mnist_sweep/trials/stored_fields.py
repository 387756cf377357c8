"""Fields of a user's own classes as rows store them: as JSON, from which the same value is made again."""

import dataclasses
import json
import sys
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.validation import coerce, shown_in_one_line

MAX_FLOAT = sys.float_info.max


def as_json(value: Any, name: str) -> Any:
    """Return a value as JSON has it, with lists for tuples.

    Raises:
        ConfigError: JSON cannot store it; the error calls it by this name.
    """
    kind = type(value)
    if value is None or kind in (bool, str) or (kind in (float, int) and abs(value) <= MAX_FLOAT):
        return value
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        kinds = "a number, a string, True, False, None, or a sequence of them"
        got = shown_in_one_line(value)
        raise ConfigError(f"{name} must be {kinds}, so that a row can store it, but got {got}.") from error


def validate_fields(kind: str, value: Any) -> None:
    """Validate that a value of a user's own class can be stored in a row, and made again from it.

    Raises:
        ConfigError: It cannot.
    """
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
    for name, stored in flat.items():
        if (now := as_json(getattr(again, name), name)) != stored:
            rule = f"{kind}.{name} must keep its value when the {type(value).__name__} is restored from a row"
            raise ConfigError(f"{rule}, but {stored!r} becomes {now!r}.")
