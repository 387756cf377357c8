"""The rules that the fields of a row keep: kinds, ranges and sizes.

A results folder may come from anybody, so whatever reads rows relies on these rules, and no command checks them again.
What breaks one raises ValueError or TypeError.
"""

import dataclasses
import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, get_args, get_origin

from mnist_sweep.text.names import PARTS, REQUIRED_PARTS, RESERVED
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import MAX_FLOAT, validate_json

KINDS: dict[str, Any] = {
    item.name: tuple(get_origin(one) or one for one in get_args(item.type))
    if isinstance(item.type, UnionType)
    else get_origin(item.type) or item.type
    for item in dataclasses.fields(TrialRow)
}
MAX_INTEGER = 2**63 - 1  # that a column of a table holds
SHARE, METRIC, COUNT, SECONDS = (0.0, 1.0), (-MAX_FLOAT, MAX_FLOAT), (0, MAX_INTEGER), (0.0, 1e10)
ERROR = (0.0, MAX_FLOAT)
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("val_accuracy", "test_accuracy", "train_accuracy"), SHARE),
    **dict.fromkeys(("val_loss", "train_loss", "learning_rate", "val_objective", "test_objective"), METRIC),
    **dict.fromkeys(("num_test", "steps", "step", "parameters"), COUNT),
    **dict.fromkeys(["seconds", "latency", *(name for name in KINDS if name.startswith("seconds_"))], SECONDS),
    **dict.fromkeys(("val_objective_error", "test_objective_error"), ERROR),
    "started": (-5e10, 1e11),  # years that a date can have
}
OPTIONAL = {*Evaluation._fields} - {"step", "seconds"}  # in a learning curve


def validate_fields(fields: Mapping[str, Any]) -> None:
    """Validate the fields of a row, apart from what is in its config, its defaults, its environment and its curve."""
    misfit, ranges = _rules(tuple(fields), tuple(map(type, fields.values())))
    if misfit:
        raise TypeError(f"{misfit} is {fields[misfit]!r}")
    for name, least, most in ranges:
        if not least <= fields[name] <= most:
            _validate_range(name, fields[name], fields[name])
    if (objective := fields.get("objective")) is not None:
        _validate_objective(Measure(**objective), fields)
    if fields["status"] is Status.OK:
        names = (f"{split}_{'objective' if fields.get('objective') else 'accuracy'}" for split in ("val", "test"))
        lacking = [name for name in names if fields.get(name) is None]
        if lacking:
            raise ValueError(f"its status is ok, but it lacks {', '.join(lacking)}")


@functools.lru_cache(maxsize=256)
def _rules(names: Sequence[str], kinds: Sequence[type]) -> tuple[str | None, list[tuple[str, float, float]]]:
    """Return which field is not of its kind, and the ranges of those that have one."""
    for name, kind in zip(names, kinds, strict=True):
        if not issubclass(kind, KINDS[name]) or kind is bool:
            return name, []
    ranged = (name for name, kind in zip(names, kinds, strict=True) if name in RANGES and kind is not type(None))
    return None, [(name, *RANGES[name]) for name in ranged]


def validate_config(config: Mapping[str, Any], defaults: Iterable[str]) -> None:
    """Validate a flat config, and the names of its fields with default values."""
    validate_json(config, "config")
    if not is_seed(config.get("seed")):
        raise ValueError(f"config has the seed {config.get('seed')!r}")
    for part in PARTS:
        if not isinstance(config.get(part), str) and (part in REQUIRED_PARTS or part in config):
            raise TypeError(f"config has the {part} {config.get(part)!r}")
    if foreign := [name for name in config if "." in name and name.partition(".")[0] not in PARTS]:
        raise ValueError(f"config has the field {foreign[0]!r} of no part")
    for change in config.get("changes", []):
        step, values = change
        if type(step) is not int or not all(isinstance(name, str) for name, _ in values):
            raise TypeError(f"config has the change {change!r}")
    if not all(isinstance(name, str) for name in defaults):
        raise TypeError("defaults are not names")


def is_seed(value: Any) -> bool:
    """Return whether a value may be the seed of a row."""
    return type(value) is int and 0 <= value <= MAX_INTEGER


def validate_curve(columns: Mapping[str, Sequence[Any]]) -> None:
    """Validate the columns of a learning curve, whose steps must rise."""
    if columns.keys() != set(Evaluation._fields):
        raise ValueError(f"history has the columns {', '.join(columns)}")
    for name, column in columns.items():
        kinds = {*map(type, column)}
        if not kinds <= ({int} if name == "step" else {int, float, type(None)}):
            raise TypeError("history has points that are not numbers")
        values = [value for value in column if value is not None] if type(None) in kinds else column
        if len(values) < len(column) and name not in OPTIONAL:
            raise TypeError(f"history lacks {name}")
        if values:
            _validate_range(name, min(values), max(values), " in history")
    if not all(map(operator.lt, columns["step"], columns["step"][1:])):
        raise ValueError("history has steps that do not rise")


def _validate_objective(measure: Measure, fields: Mapping[str, Any]) -> None:
    if measure.name in RESERVED:
        raise ValueError(f"its objective is {measure.name}")
    for split in ("val", "test") if measure.is_share else ():
        if (value := fields.get(f"{split}_objective")) is not None:
            _validate_range(f"{split}_objective", value, value, ends=SHARE)


def _validate_range(
    name: str, low: float, high: float, where: str = "", ends: tuple[float, float] | None = None
) -> None:
    least, most = ends or RANGES[name]
    if not least <= low <= high <= most:
        found = low if low < least or low != low else high
        raise ValueError(f"{name}{where} is {found!r}, not in [{least:g}, {most:g}]")
