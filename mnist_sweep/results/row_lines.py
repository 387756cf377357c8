"""The fast reader of rows: of texts as `to_json` writes them, with what the rows of a sweep share read once.

Lines such as the environment, and a config over its seeds, are parsed and validated when they are first met. Whatever
is not certain to be a row here is read as a whole by `row_json`, so that errors come from one place.
"""

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from mnist_sweep.results.row_validation import is_seed, validate_config, validate_curve, validate_fields
from mnist_sweep.trials.ids import flat_id, trial_name
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.validation import validate_json

LINE, HISTORY, END = ",\n ", ',\n "history": ', "}\n"
MISFITS = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)  # of what is no row
FIELDS = ["", *(item.name for item in dataclasses.fields(TrialRow))]  # a line each, after an empty one
CONFIG, ENVIRONMENT = FIELDS.index("config"), FIELDS.index("environment") - 2  # once config and defaults are taken out
STATUSES: dict[Any, Status] = {status.value: status for status in Status}
POINT = functools.partial(tuple.__new__, Evaluation)  # without a Python call for each of 100,000s of points


def row_in_lines(body: str, *, with_history: bool) -> TrialRow:
    """Return the row of a text as `to_json` writes it, reading only once what many rows share.

    It raises one of MISFITS if the text is another row, or none, which only tells that it must be read as a whole.
    """
    before, _, curve = body.partition(HISTORY)
    lines = before.split(LINE)
    shared, _, end = _value(lines.pop(CONFIG), '"config": ').rpartition(', "seed": ')
    seed, (defaults, of_config) = int(end[:-1]), _shared_names(_value(lines.pop(CONFIG), '"defaults": '))
    environment = _shared_environment(_value(lines.pop(ENVIRONMENT), '"environment": '))
    config, config_id = _shared_config(f"{shared}}}", of_config)
    others = f"{{{LINE.join(lines)[len(LINE) :]}}}"
    is_plain = others.count(",") == len(lines) - 2  # one member a line, so that none can occur twice
    fields = (PLAIN if is_plain else DECODER).decode(others)
    fields["status"] = STATUSES[fields["status"]]
    validate_fields(fields)
    given = end, fields["config_id"], fields["trial_id"]
    is_named = given == (f"{seed}}}", config_id, trial_name(config_id, seed))
    is_whole = not lines[0] and len(fields) == len(lines) - 1 and curve.endswith(END)
    if not (is_whole and is_named and is_seed(seed)):
        raise ValueError
    history = history_of(DECODER.decode(curve.removesuffix(END))) if with_history else ()
    fields |= {"config": {**config, "seed": seed}, "defaults": defaults, "environment": environment, "history": history}
    return TrialRow(**fields)


def _value(line: str, name: str) -> str:
    if not line.startswith(name):
        raise ValueError
    return line[len(name) :]


@functools.lru_cache(maxsize=8)
def _shared_config(text: str, defaults: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    config = DECODER.decode(text)
    if "seed" in config:
        raise ValueError
    validate_config({**config, "seed": 0}, defaults)
    return config, id_of_config(config, defaults)


@functools.lru_cache(maxsize=64)
def _shared_names(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the fields with default values, and those without the seed."""
    names = DECODER.decode(text)
    if not isinstance(names, list):
        raise TypeError
    return tuple(names), tuple(name for name in names if name != "seed")


@functools.lru_cache(maxsize=8)
def _shared_environment(text: str) -> dict[str, Any]:
    environment = DECODER.decode(text)
    if not isinstance(environment, dict):
        raise TypeError
    validate_json(environment, "environment")
    return environment


def id_of_config(config: Mapping[str, Any], defaults: Iterable[str]) -> str:
    """Return the id of a flat config, given the names of its fields with default values."""
    omitted = {*defaults, "seed"}
    return flat_id({name: value for name, value in config.items() if name not in omitted})


def history_of(curve: Any) -> tuple[Evaluation, ...]:
    """Return the points of a learning curve from its columns, or from the points that format 1 has.

    It raises one of MISFITS if this is no curve.
    """
    if not isinstance(curve, dict):
        points = [Evaluation(**point) for point in curve]
        curve = {name: [getattr(point, name) for point in points] for name in Evaluation._fields}
    curve.setdefault("val_objective", [None] * len(curve.get("step", ())))
    validate_curve(curve)
    return tuple(map(POINT, zip(*(curve[name] for name in Evaluation._fields), strict=True)))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, in which no name may occur twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs in it twice")
    return content


PLAIN = json.JSONDecoder(parse_constant=_no_constant)
DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=distinct)
