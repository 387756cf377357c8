"""Numbers of a trial that change in the middle of training: which values hold at a step."""

import dataclasses

from mnist_sweep import optim
from mnist_sweep.config import TrialConfig
from mnist_sweep.fields import require
from mnist_sweep.models import model as models
from mnist_sweep.space import vary


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
        same = _graph(at(config, step)) == _graph(at(config, 0))
        require(same, "changes leave the network and the optimizer what they are", step=step, changed=changed)


def _graph(config: TrialConfig) -> object:
    rest = dataclasses.replace(config, model="softmax", optimizer="adam", weight_decay=0.0)  # type: ignore[arg-type]
    return models.structure(config.model), optim.structure(config.optimizer), config.weight_decay > 0, rest
