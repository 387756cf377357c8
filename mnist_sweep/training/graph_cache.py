"""What a process keeps from trial to trial: traced graphs, and the data as tensors."""

import functools
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.training import runtime
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.signature import network_signature, update_signature

if TYPE_CHECKING:
    from mnist_sweep.training.network import Network
    from mnist_sweep.training.train_step import TrainStep

KEPT_GRAPHS = 16
KEPT_DATASETS = 2


def graphs(config: TrialConfig, data: Dataset) -> tuple["Network", "TrainStep"]:
    """Return the network and the training program of a trial, traced by an earlier one if possible, as they start."""
    from mnist_sweep.training import initial_weights
    from mnist_sweep.training.network import Network, build_model
    from mnist_sweep.training.train_step import TrainStep

    shapes = _shapes(config, data)
    build = functools.cache(lambda: build_model(config, data))
    key = (network_signature(config), data.pixel_max, *shapes)
    network: Network = runtime.kept("networks", key, lambda: Network(build(), config, data), limit=KEPT_GRAPHS)
    own_key = (network, update_signature(config))
    program: TrainStep = runtime.kept("programs", own_key, lambda: TrainStep(network, config), limit=KEPT_GRAPHS)
    network.start(initial_weights.values(config, build, shapes))
    program.start(config)
    return network, program


def initial_values(config: TrialConfig, data: Dataset) -> list[Any]:
    """Return the values that the variables of a trial's model start with."""
    from mnist_sweep.training import initial_weights
    from mnist_sweep.training.network import build_model

    return initial_weights.values(config, lambda: build_model(config, data), _shapes(config, data))


def tensors(data: Dataset) -> dict[str, tuple[Any, Any]]:
    """Return the images and the labels of each split: uint8 `[n, height, width, channels]` and int32 `[n]`."""
    found: dict[str, tuple[Any, Any]] = runtime.kept("tensors", data, lambda: _tensors(data), limit=KEPT_DATASETS)
    return found


def _shapes(config: TrialConfig, data: Dataset) -> tuple[Any, ...]:
    return config.precision, data.image_shape, data.num_classes


def _tensors(data: Dataset) -> dict[str, tuple[Any, Any]]:
    import tensorflow as tf

    def pair(split: Split) -> tuple[Any, Any]:
        return tf.constant(split.images), tf.constant(split.labels, tf.int32)

    return {"train": pair(data.train), "val": pair(data.val), "test": pair(data.test)}
