"""What makes two trials share a compiled graph: everything that is traced, and no number that is fed into the graph.

Weights' hyperparameters (fields marked `VARIABLE`), the float fields of optimizers, weight decay and label smoothing
above 0, seeds, steps and schedules are fed; whatever else a model or an optimizer has is part of the graph.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from mnist_sweep.optim import losses, objective_metrics
from mnist_sweep.optim.optimizers import numbers

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig

LOOK_AHEAD = 16  # next trials of which a free worker may take one whose graphs it has traced


def model_signature(model: Any) -> tuple[Any, ...]:
    """Return the type of a model and its fields, apart from those that the built model keeps in weights."""
    return _signature(model, {field.name for field in dataclasses.fields(model) if field.metadata.get("variable")})


def network_signature(config: "TrialConfig") -> tuple[Any, ...]:
    """Return what the graphs of gradients and of evaluation depend on, besides the data set."""
    parts = model_signature(config.model), config.batch_size, config.precision, losses.signature(config.loss)
    return (*parts, objective_metrics.needs_outputs(config.objective))


def update_signature(config: "TrialConfig") -> tuple[Any, ...]:
    """Return what the graph of a training step depends on, besides its network."""
    optimizer = _signature(config.optimizer, numbers(config.optimizer))
    return optimizer, config.weight_decay > 0, config.augmentation


def graph_signature(config: "TrialConfig") -> tuple[Any, ...]:
    """Return what all graphs of a trial depend on: trials of one signature take the same time for a step."""
    return config.data, *network_signature(config), *update_signature(config)


def _signature(value: Any, fed: Any) -> tuple[Any, ...]:
    traced = (field.name for field in dataclasses.fields(value) if field.name not in fed)
    return type(value), *((name, getattr(value, name)) for name in traced)
