"""What the variables of a model hold before the first step.

The package's own models are built once, and only their draws are repeated for each trial, which takes a tenth of the
time: every variable with a random initializer has a seed of its own, a function of the trial's seed and its place.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import tensorflow as tf

from mnist_sweep.data.batches import subseed
from mnist_sweep.models.catalog import is_own
from mnist_sweep.training import runtime
from mnist_sweep.trials.config import TrialConfig

KEPT_MODELS = 64


def values(config: TrialConfig, build: Callable[[], Any], shapes: Hashable) -> list[Any]:
    """Return what each of the model's variables starts from, in the order of Keras' `variables`.

    Args:
        config: The trial.
        build: Returns the trial's model, built from its seed if the model is a user's.
        shapes: Whatever besides the hyperparameters the built model depends on.
    """
    if not is_own(config.model):
        return [variable.value for variable in build().variables]
    starts: list[_Start] = runtime.kept("starts", (config.model, shapes), lambda: _starts(build()), limit=KEPT_MODELS)
    return [start.value(subseed(config.seed, f"weights-{number}")) for number, start in enumerate(starts)]


class _Start(NamedTuple):
    """How one variable starts: from the same tensor always, or from a random initializer's draw."""

    tensor: Any
    initializer: Any

    def value(self, seed: int) -> Any:
        if self.initializer is None:
            return self.tensor
        drawn = self.initializer.from_config({**self.initializer.get_config(), "seed": seed % 2**32})
        return drawn(self.tensor.shape, dtype=self.tensor.dtype.name)


def _starts(model: Any) -> list[_Start]:
    initializers = {
        id(variable): getattr(layer, f"{variable.name}_initializer", None)
        for layer in model.layers
        for variable in layer.variables
    }
    return [_start(variable, initializers[id(variable)]) for variable in model.variables]


def _start(variable: Any, initializer: Any) -> _Start:
    draws = initializer is not None and "seed" in initializer.get_config()
    return _Start(tf.identity(variable.value), initializer if draws else None)
