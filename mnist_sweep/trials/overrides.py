"""Fields of a trial with other values: in another trial, or from a step on in the middle of training.

A name that is no field of the trial raises UnknownNameError, and a value that breaks a rule ConfigError.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import UnknownNameError
from mnist_sweep.trials.graph_sharing import graph_signature
from mnist_sweep.validation import require

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig


def replace_fields(trial: "TrialConfig", values: Mapping[str, Any]) -> "TrialConfig":
    """Return a trial with other values for some fields: whole parts first, then dotted fields, whatever their order."""
    for name in values:
        _check_field(trial, name.partition(".")[0], name)
    if whole := {name: value for name, value in values.items() if "." not in name}:
        trial = dataclasses.replace(trial, **whole)
    inner: dict[str, dict[str, Any]] = {}
    for name in (name for name in values if name not in whole):
        part, _, field = name.partition(".")
        _check_field(getattr(trial, part), field, name)
        inner.setdefault(part, {})[field] = values[name]
    changed = {part: dataclasses.replace(getattr(trial, part), **fields) for part, fields in inner.items()}
    return dataclasses.replace(trial, **changed) if changed else trial


def config_at(config: "TrialConfig", step: int) -> "TrialConfig":
    """Return the config, without changes, whose values hold after a number of steps."""
    values = {name: value for since, changed in config.changes if since <= step for name, value in changed}
    return replace_fields(dataclasses.replace(config, changes=()), values)


def next_change(config: "TrialConfig", step: int) -> int:
    """Return the first step after `step` at which values change, or the last step of the trial."""
    return min((since for since, _ in config.changes if since > step), default=config.num_steps)


def validate(config: "TrialConfig") -> None:
    """Validate that only numbers change in training, so that the graph of the first step serves all steps."""
    for step, changed in config.changes:
        for name, _ in changed:
            require("." in name or name == "weight_decay", "only numbers change in training", name=name)
        first, now = config_at(config, 0), config_at(config, step)
        fed = {name: getattr(now, name) for name in ("model", "optimizer", "weight_decay", "loss")}
        same = graph_signature(first) == graph_signature(now) and dataclasses.replace(first, **fed) == now
        require(same, "the same graph serves before and after a change", step=step, changed=changed)


def _check_field(value: Any, field: str, name: str) -> None:
    known = [item.name for item in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
    if field not in known:
        parts = [(part, getattr(value, part)) for part in known if dataclasses.is_dataclass(getattr(value, part))]
        inner = [f"{part}.{field}" for part, held in parts if field in {item.name for item in dataclasses.fields(held)}]
        near = inner or difflib.get_close_matches(field, known, 1)
        listed = f"known are {', '.join(known) or 'none'}{f'; did you mean {near[0]}?' if near else '.'}"
        raise UnknownNameError(f"the axis {name!r} names no field of {type(value).__name__}: {listed}")
