"""Numbers of a trial that change in the middle of training: which values hold at a step."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mnist_sweep.errors import UnknownNameError
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.signature import graph_signature
from mnist_sweep.validation import require


def vary(trial: TrialConfig, changed: Mapping[str, Any]) -> TrialConfig:
    """Return a trial with some fields changed: whole parts first, then dotted fields, whatever their order.

    Raises:
        UnknownNameError: A name is no field of the trial.
        ConfigError: A value breaks a rule.
    """
    for name in sorted(changed, key=lambda dotted: "." in dotted):
        part, _, inner = name.partition(".")
        _check_field(trial, part, name)
        value = changed[name]
        if inner:
            _check_field(getattr(trial, part), inner, name)
            value = dataclasses.replace(getattr(trial, part), **{inner: value})
        trial = dataclasses.replace(trial, **{part: value})
    return trial


def at(config: TrialConfig, step: int) -> TrialConfig:
    """Return the trial without changes whose numbers hold after so many steps.

    Raises:
        UnknownNameError: A change names no field.
        ConfigError: A value breaks a rule.
    """
    values = {name: value for since, changed in config.changes if since <= step for name, value in changed}
    return vary(dataclasses.replace(config, changes=()), values)


def next_step(config: TrialConfig, step: int) -> int:
    """Return the step after which numbers change next, or the last step of the trial."""
    return min((since for since, _ in config.changes if since > step), default=config.num_steps)


def check(config: TrialConfig) -> None:
    """Do nothing if the graph that is traced for the first step serves them all.

    Raises:
        UnknownNameError: A change names no field.
        ConfigError: It is of no number that may change in the middle of training, or breaks a rule.
    """
    for step, changed in config.changes:
        for name, _ in changed:
            require("." in name or name == "weight_decay", "only numbers change in training", name=name)
        first, now = at(config, 0), at(config, step)
        fed = {name: getattr(now, name) for name in ("model", "optimizer", "weight_decay")}
        same = graph_signature(first) == graph_signature(now) and dataclasses.replace(first, **fed) == now
        require(same, "changes leave the network and the optimizer what they are", step=step, changed=changed)


def _check_field(value: Any, field: str, name: str) -> None:
    known = [item.name for item in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
    if field not in known:
        what = type(value).__name__
        raise UnknownNameError(f"the axis {name!r} names no field of {what}: known are {', '.join(known) or 'none'}.")
