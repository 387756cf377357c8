"""Untrained models, and the initial values of their variables.

The built-in models are built once, and only their draws are repeated for each trial, which takes a tenth of the
time: every variable with a random initializer has a seed of its own, a function of the trial's seed and its place.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import tensorflow as tf

from mnist_sweep.data.batches import subseed
from mnist_sweep.data.dataset import Shaped
from mnist_sweep.models.catalog import is_builtin
from mnist_sweep.training import runtime
from mnist_sweep.trials.config import TrialConfig

MAX_MODELS = 64


def build_model(config: TrialConfig, data: Shaped) -> Any:
    """Return the config's untrained Keras model; a user's model draws its weights from the config's seed."""
    if not is_builtin(config.model):
        runtime.seed_everything(subseed(config.seed, "weights"))
    with runtime.precision(config.precision):
        return config.model.build(data.image_shape, data.num_classes)


def draw(config: TrialConfig, build: Callable[[], Any], shapes: Hashable) -> list[Any]:
    """Return the initial value of each of the model's variables, in the order of Keras' `variables`.

    Args:
        config: The trial.
        build: Returns the trial's model, built from its seed if the model is a user's.
        shapes: Everything besides the hyperparameters that the built model depends on.
    """
    if not is_builtin(config.model):
        return [variable.value for variable in build().variables]
    key = (config.model, shapes)
    initial: list[_Initial] = runtime.cached("initial weights", key, lambda: _of_variables(build()), limit=MAX_MODELS)
    return [value.draw(subseed(config.seed, f"weights-{number}")) for number, value in enumerate(initial)]


class _Initial(NamedTuple):
    """The initial value of one variable: always the same tensor, or a draw of a random initializer."""

    tensor: Any
    initializer: Any

    def draw(self, seed: int) -> Any:
        if self.initializer is None:
            return self.tensor
        drawn = self.initializer.from_config({**self.initializer.get_config(), "seed": seed % 2**32})
        return drawn(self.tensor.shape, dtype=self.tensor.dtype.name)


def _of_variables(model: Any) -> list[_Initial]:
    initializers = {
        id(variable): getattr(layer, f"{variable.name}_initializer", None)
        for layer in model.layers
        for variable in layer.variables
    }
    return [_of_variable(variable, initializers[id(variable)]) for variable in model.variables]


def _of_variable(variable: Any, initializer: Any) -> _Initial:
    is_random = initializer is not None and "seed" in initializer.get_config()
    return _Initial(tf.identity(variable.value), initializer if is_random else None)
