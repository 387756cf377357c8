"""Values as JSON has them, by one rule for all commands: a frozen value is an object with its fields and properties."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.value_format import Measure


def json_value(value: Any) -> Any:
    """Return a value as objects, lists, texts and numbers; a number that is unknown (NaN) or infinite is None.

    A field with the metadata `{"json": False}` is left out: it serves this program only.
    """
    match value:
        case float():
            return float(value) if math.isfinite(value) else None
        case None | int() | str():
            return value
        case Path():
            return str(value)
        case TrialConfig():
            return to_flat(value)
        case Measure():
            return dataclasses.asdict(value)
        case Mapping():
            return {str(name): json_value(part) for name, part in value.items()}
    if not isinstance(value, type) and (dataclasses.is_dataclass(value) or hasattr(value, "_fields")):
        return {name: json_value(getattr(value, name)) for name in _names(value)}
    if isinstance(value, list | tuple):
        return [json_value(part) for part in value]
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _names(value: Any) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        yield from (field.name for field in dataclasses.fields(value) if field.metadata.get("json", True))
    else:
        yield from value._fields
    kind = type(value)
    yield from (name for name in dir(kind) if name[0] != "_" and isinstance(getattr(kind, name), property))
