"""The JSON text of a row, as in the files under `rows/`.

The text carries a digest of itself, so that a flipped bit on a disk is noticed and never becomes a wrong number in a
table. Format 1 is that of version 0.1.0, which only `results/reference/deep_mnist` still holds.
"""

import contextlib
import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from mnist_sweep.errors import NewerRowError, RowError
from mnist_sweep.results.row_lines import DECODER, END, HISTORY, LINE, MISFITS, history_of, id_of_config, row_in_lines
from mnist_sweep.results.row_validation import KINDS, validate_config, validate_fields
from mnist_sweep.trials.ids import trial_name
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.validation import validate_json

FORMAT = 2
OF_OBJECTIVES = tuple(item.name for item in dataclasses.fields(TrialRow) if "objective" in item.name)  # not of accuracy
DAMAGED = "its content does not match its own digest: it was damaged or edited"
MAX_OBJECTS = 1_000_000  # each takes 20 times as much memory as text
START = f'{{"format": {FORMAT}, "digest": "'
LENGTH = len(f'{START}{"0" * 16}"')


def to_json(row: TrialRow) -> str:
    """Return a row as strict JSON text, which `from_json` reads back without loss; non-finite numbers become null.

    It is one object: the format, the digest of everything after it, one field on each line, and last the learning curve
    by columns, so that a reader without use for the curve can skip it.
    """
    absent = {"history", *(OF_OBJECTIVES if row.objective is None else ())}
    content = {item.name: getattr(row, item.name) for item in dataclasses.fields(row) if item.name not in absent}
    lines = [f"{LINE}{json.dumps(name)}: {_json(value)}" for name, value in content.items()]
    columns = zip(*row.history, strict=True) if row.history else [()] * len(Evaluation._fields)
    named = [
        (name, column)
        for name, column in zip(Evaluation._fields, columns, strict=True)
        if name != "val_objective" or any(value is not None for value in column)
    ]
    curve = [f"{json.dumps(name)}: {_json(column)}" for name, column in named]
    body = "".join([*lines, HISTORY, "{\n  ", ",\n  ".join(curve), "}", END])
    return f"{_head(body)}{body}"


def from_json(text: str, *, with_history: bool = True) -> TrialRow:
    """Return the row of a text that `to_json` wrote, in this version or an earlier one.

    It is four times faster without the learning curve, which is empty then.

    Raises:
        RowError: The text is not a row, was changed, or does not match its own id; the message says which.
        NewerRowError: A newer version wrote it, with content that this one does not know.
    """
    head, body = text[:LENGTH], text[LENGTH:]
    if not head.startswith(START):
        return _row(_content_of_format_1(text) | ({} if with_history else {"history": ()}))
    if _head(body) != head:
        raise RowError(DAMAGED)
    if len(body) <= MAX_OBJECTS:
        with contextlib.suppress(*MISFITS):
            return row_in_lines(body, with_history=with_history)
    return _row(_object("{" + (body if with_history else body.partition(HISTORY)[0] + "}")[1:]))


def _head(body: str) -> str:
    return f'{START}{hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()[:16]}"'


def _content_of_format_1(text: str) -> dict[str, Any]:
    """Return the fields of a row of version 0.1.0, whose digest is that of its canonical JSON, anywhere in it."""
    content = _object(text)
    if "digest" not in content:
        raise RowError("it is JSON, but not a row")
    if content.get("format") == FORMAT:
        raise RowError(DAMAGED)
    if content.get("format") != 1:
        raise _misfit(f"its format is {content.get('format')!r}, but this version reads 1 and {FORMAT}", content)
    if content.pop("digest") != _digest_or_none(content):
        raise RowError(DAMAGED)
    del content["format"]
    return content


def _object(text: str) -> dict[str, Any]:
    if text.count("[") + text.count("{") > MAX_OBJECTS:
        raise RowError(f"it holds more than {MAX_OBJECTS:,} lists and objects")
    try:
        content = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise RowError(f"it is not JSON ({error})") from error
    if not isinstance(content, dict) or "trial_id" not in content:
        raise RowError("it is JSON, but not a row")
    return content


def _misfit(cause: str, content: Mapping[str, Any]) -> RowError:
    """Return the error for a row that cannot be read, by the version that it says it is of."""
    return NewerRowError(cause) if _age(content) > 0 else RowError(cause)


def _age(content: Mapping[str, Any]) -> int:
    """Return -1, 0 or 1 for a row whose version field is older than this version, the same, or newer."""
    from importlib.metadata import version

    made_by, this = _numbers(content.get("version")), _numbers(version("mnist-sweep"))
    return (made_by > this) - (made_by < this)


def _numbers(version: Any) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", str(version))[:3]]


def _row(content: dict[str, Any]) -> TrialRow:
    """Return the row of fields."""
    added = sorted(content.keys() - KINDS.keys())
    if added:
        cause = f"it has fields that this version does not know: {', '.join(added)}"
        raise RowError(cause) if _age(content) < 0 else NewerRowError(cause)
    try:
        read = {
            "status": Status(content["status"]),
            "defaults": tuple(content["defaults"]),
            "history": history_of(content.get("history", ())),
        }
        fields = {"environment": {}, **content, **read}
        validate_fields(fields)
        validate_config(fields["config"], fields["defaults"])
        validate_json(fields["environment"], "environment")
        row = TrialRow(**fields)
        config_id = id_of_config(row.config, row.defaults)
        named = row.config_id == config_id and row.trial_id == trial_name(config_id, row.config["seed"])
    except MISFITS as error:
        raise _misfit(f"its fields are not those of a row ({error})", content) from error
    if not named:
        raise RowError(f"its config does not match its id {row.trial_id}")
    return row


def _json(value: Any) -> str:
    return json.dumps(_finite(value), allow_nan=False)


def _digest_or_none(content: Mapping[str, Any]) -> str | None:
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):  # a number too large for a float, or lists in lists in lists
        return None
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
