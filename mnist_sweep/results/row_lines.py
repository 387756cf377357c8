"""The fast reader of rows: of texts as `to_json` writes them, with what the rows of a sweep share read once.

Lines such as the environment, and a config over its seeds, are parsed and validated when they are first met. Whatever
is not certain to be a row here is read as a whole by `row_json`, so that errors come from one place.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from mnist_sweep.results.row_validation import (
    is_seed,
    validate_config,
    validate_curve,
    validate_environment,
    validate_fields,
)
from mnist_sweep.trials.row import Evaluation, Status, TrialRow, flat_id, trial_name

LINE, HISTORY, END = ",\n ", ',\n "history": ', "}\n"
MISFITS = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)  # of what is no row
POINT = functools.partial(tuple.__new__, Evaluation)  # without a Python call for each of 100,000s of points


def row_in_lines(body: str, *, with_history: bool) -> TrialRow:
    """Return the row of a text as `to_json` writes it, reading only once what many rows share.

    It raises one of MISFITS if the text is another row, or none, which only tells that it must be read as a whole.
    """
    before, _, curve = body.partition(HISTORY)
    nothing, *lines = before.split(LINE)
    flat, nested = list[str](), list[tuple[str, str]]()
    for line in lines:
        if "{" in line or "[" in line:  # in the others, nothing can be inside of anything else
            name, _, value = line.partition(": ")
            nested.append((name, value))
        else:
            flat.append(line)
    values = distinct(nested)
    shared, _, end = values.pop('"config"').rpartition(', "seed": ')
    seed, environment = int(end[:-1]), _shared_environment(values.pop('"environment"'))
    defaults = _shared_names(values.pop('"defaults"'))
    config, config_id = _shared_config(f"{shared}}}", tuple(name for name in defaults if name != "seed"))
    others = [(DECODER.decode(name), DECODER.decode(value)) for name, value in values.items()]
    fields = distinct([*DECODER.decode(f"{{{LINE.join(flat)}}}").items(), *others])
    fields["status"] = Status(fields["status"])
    validate_fields(fields)
    given = end, fields["config_id"], fields["trial_id"]
    is_named = given == (f"{seed}}}", config_id, trial_name(config_id, seed))
    if nothing or not (is_named and is_seed(seed) and curve.endswith(END)):
        raise ValueError
    history = history_of(DECODER.decode(curve.removesuffix(END))) if with_history else ()
    return TrialRow(
        **fields, config={**config, "seed": seed}, defaults=defaults, environment=environment, history=history
    )


@functools.lru_cache(maxsize=8)
def _shared_config(text: str, defaults: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """Return a config without its seed, and its id."""
    config = DECODER.decode(text)
    if "seed" in config:
        raise ValueError
    validate_config({**config, "seed": 0}, defaults)
    return config, id_of_config(config, defaults)


@functools.lru_cache(maxsize=64)
def _shared_names(text: str) -> tuple[str, ...]:
    names = DECODER.decode(text)
    if not isinstance(names, list):
        raise TypeError
    return tuple(names)


@functools.lru_cache(maxsize=8)
def _shared_environment(text: str) -> dict[str, Any]:
    environment = DECODER.decode(text)
    if not isinstance(environment, dict):
        raise TypeError
    validate_environment(environment)
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
    raise ValueError(f"{name} is no JSON number")


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, in which no name may occur twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs in it twice")
    return content


DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=distinct)
