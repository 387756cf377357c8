"""What a process keeps from trial to trial: traced graphs, and data sets as tensors."""

import functools
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.models.catalog import is_builtin
from mnist_sweep.training import runtime
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.signature import network_signature, update_signature

if TYPE_CHECKING:
    from mnist_sweep.training.network import Network
    from mnist_sweep.training.train_step import TrainStep

MAX_GRAPHS = 16
MAX_DATASETS = 2


def initialized_graphs(config: TrialConfig, data: Dataset) -> tuple["Network", "TrainStep"]:
    """Return the network and the training step of a trial in their initial state, traced by an earlier trial if any."""
    from mnist_sweep.training import initial_weights
    from mnist_sweep.training.network import Network
    from mnist_sweep.training.train_step import TrainStep

    def new_network() -> Network:
        scales_loss, autograph = config.precision == "mixed_float16", not is_builtin(config.model)
        return Network(build(), data, batch_size=config.batch_size, scales_loss=scales_loss, autograph=autograph)

    shapes = _shapes(config, data)
    build = functools.cache(lambda: initial_weights.build_model(config, data))
    key = (network_signature(config), data.pixel_max, *shapes)
    network: Network = runtime.cached("networks", key, new_network, limit=MAX_GRAPHS)
    step_key = (network, update_signature(config))
    train_step: TrainStep = runtime.cached(
        "train_steps", step_key, lambda: TrainStep(network, config), limit=MAX_GRAPHS
    )
    network.set_weights(initial_weights.draw(config, build, shapes))
    train_step.reset(config)
    return network, train_step


def initial_values(config: TrialConfig, data: Dataset) -> list[Any]:
    """Return the initial values of all variables of a trial's model."""
    from mnist_sweep.training import initial_weights

    return initial_weights.draw(config, lambda: initial_weights.build_model(config, data), _shapes(config, data))


def tensors(data: Dataset) -> dict[str, tuple[Any, Any]]:
    """Return the images and the labels of each split: uint8 `[n, height, width, channels]` and int32 `[n]`."""
    found: dict[str, tuple[Any, Any]] = runtime.cached("tensors", data, lambda: _tensors(data), limit=MAX_DATASETS)
    return found


def _shapes(config: TrialConfig, data: Dataset) -> tuple[Any, ...]:
    return config.precision, data.image_shape, data.num_classes


def _tensors(data: Dataset) -> dict[str, tuple[Any, Any]]:
    import tensorflow as tf

    def pair(split: Split) -> tuple[Any, Any]:
        return tf.constant(split.images), tf.constant(split.labels, tf.int32)

    return {"train": pair(data.train), "val": pair(data.val), "test": pair(data.test)}
