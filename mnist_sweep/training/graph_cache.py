"""What a process keeps from trial to trial: traced graphs and initial values of weights.

The built-in models are built once, and only their draws are repeated for each trial, which takes a tenth of the
time: every variable with a random initializer has a seed of its own, a function of the trial's seed and its place.
"""

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import tensorflow as tf

from mnist_sweep.data.batches import subseed
from mnist_sweep.models.catalog import is_builtin
from mnist_sweep.models.protocol import Model
from mnist_sweep.optim import losses, objective_metrics
from mnist_sweep.system import refused_exits
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.network import Network
from mnist_sweep.training.train_step import TrainStep
from mnist_sweep.trials.graph_sharing import network_signature, update_signature

if TYPE_CHECKING:
    from mnist_sweep.data.dataset import Dataset, Shaped
    from mnist_sweep.trials.config import TrialConfig

MAX_GRAPHS = 16
MAX_MODELS = 64


def initialized_graphs(config: "TrialConfig", data: "Dataset") -> tuple[Network, TrainStep]:
    """Return the network and the training step of a trial in their initial state, traced by an earlier trial if any."""
    build = functools.cache(lambda: build_model(config, data))

    def new_network() -> Network:
        return Network(
            build(),
            data,
            loss,
            batch_size=config.batch_size,
            scales_loss=config.precision == "mixed_float16",
            autograph=not (is_builtin(config.model) and losses.is_builtin(config.loss)),
            with_logits=objective_metrics.needs_outputs(config.objective),
        )

    loss = losses.fitted(config.loss, data.train.labels, data.num_classes)
    pixels = (data.pixel_range, str(data.train.images.dtype), data.image_shape)
    key = (network_signature(config), losses.signature(loss), pixels, data.num_classes, data.is_regression)
    network: Network = tensorflow_runtime.cached("networks", key, new_network, limit=MAX_GRAPHS)
    new_step, step_key = functools.partial(TrainStep, network, config), (network, update_signature(config))
    train_step: TrainStep = tensorflow_runtime.cached("train_steps", step_key, new_step, limit=MAX_GRAPHS)
    network.set_weights(initial_values(config, data, build))
    network.set_hyperparameters(config)
    train_step.reset(config)
    return network, train_step


def build_model(config: "TrialConfig", data: "Shaped") -> Any:
    """Return the config's untrained Keras model; a user's model draws its weights from the config's seed."""
    if not is_builtin(config.model):
        tensorflow_runtime.seed_everything(subseed(config.seed, "weights"))
    pid = os.getpid()
    with tensorflow_runtime.precision(config.precision):
        model = cast(Model, config.model).build(data.image_shape, data.num_classes)
        refused_exits.end_copy(pid)  # TensorFlow would hang in it
        return model if is_builtin(config.model) else with_weights(model, data.image_shape)


def with_weights(model: Any, image_shape: tuple[int, int, int]) -> Any:
    """Return a user's Keras model once it has its weights, which a sequential or subclassed one makes when called."""
    if not getattr(model, "inputs", None):
        model(tf.zeros((1, *image_shape)))
    return model


def initial_values(config: "TrialConfig", data: "Shaped", build: Callable[[], Any] | None = None) -> list[Any]:
    """Return the initial value of each variable of a trial's model, in the order of Keras' `variables`."""
    build = build or functools.partial(build_model, config, data)
    if not is_builtin(config.model):
        return [variable.value for variable in build().variables]
    key = (config.model, config.precision, data.image_shape, data.num_classes)
    initial: Any = tensorflow_runtime.cached(
        "initial weights", key, lambda: _initial_tensors(build()), limit=MAX_MODELS
    )
    seeds = (subseed(config.seed, f"weights-{number}") for number in range(len(initial)))
    return [_drawn(tensor, initializer, seed) for (tensor, initializer), seed in zip(initial, seeds, strict=True)]


def _initial_tensors(model: Any) -> list[tuple[Any, Any]]:
    """Return each variable's initial value, and its initializer if that is random, else None."""
    pairs = [(layer, variable) for layer in model.layers for variable in layer.variables]
    initializers = {id(variable): getattr(layer, f"{variable.name}_initializer", None) for layer, variable in pairs}
    found = [(tf.identity(variable.value), initializers[id(variable)]) for variable in model.variables]
    return [(tensor, one if one is not None and "seed" in one.get_config() else None) for tensor, one in found]


def _drawn(tensor: Any, initializer: Any, seed: int) -> Any:
    if initializer is None:
        return tensor
    drawn = initializer.from_config({**initializer.get_config(), "seed": seed % 2**32})
    return drawn(tensor.shape, dtype=tensor.dtype.name)
