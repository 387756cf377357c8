"""Shapes, parameters and multiply-adds by arithmetic against what Keras builds."""

import math
from typing import Any

import pytest

from mnist_sweep.models import shapes
from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.resnet import ResNet
from mnist_sweep.models.softmax import Softmax
from mnist_sweep.training import tensorflow_runtime

MODELS = [
    Softmax(),
    CNN(),
    CNN(filters=(3,), kernel_size=4, pool_size=3, units=5),
    CNN(filters=(2, 3, 4), kernel_size=3, pool_size=1, units=6),
    ResNet(depth=8),
    ResNet(depth=14, filters=3),
]


@pytest.fixture(autouse=True)
def _seeded(tf: Any) -> None:
    tensorflow_runtime.seed_everything(0)


def multiply_adds(layer: Any) -> int:
    """Return what Keras' layer multiplies: its kernel once for each output pixel."""
    return int(math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]))


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("image_shape", [(28, 28, 1), (32, 32, 3), (9, 7, 2)], ids=str)
def test_description_is_what_keras_builds(model: Any, image_shape: tuple[int, int, int]) -> None:
    described, built = model.describe(image_shape, 10), model.build(image_shape, 10)
    with_weights = [layer for layer in built.layers if hasattr(layer, "kernel")]
    shown = [layer for layer in described if layer.multiply_adds]
    assert [layer.output for layer in shown] == [layer.output.shape[1:] for layer in with_weights]
    assert [layer.multiply_adds for layer in shown] == [multiply_adds(layer) for layer in with_weights]
    trained = sum(math.prod(weight.shape) for weight in built.trainable_variables)
    assert sum(layer.parameters for layer in described) == trained
    pools = [layer for layer in built.layers if type(layer).__name__ == "MaxPooling2D"]
    assert [layer.output for layer in described if "pool" in layer.name] == [one.output.shape[1:] for one in pools]


@pytest.mark.parametrize(
    ("side", "window", "stride", "rule"),
    [
        (28, 5, 1, "(28 - 5 + 4) / 1 + 1 = 28"),
        (28, 2, 2, "(28 - 2 + 0) / 2 + 1 = 14"),
        (7, 2, 2, "(7 - 2 + 1) / 2 + 1 = 4"),
        (32, 3, 2, "(32 - 3 + 1) / 2 + 1 = 16"),
        (5, 1, 2, "(5 - 1 + 0) / 2 + 1 = 3"),
    ],
)
def test_rule_is_true_as_it_is_written(side: int, window: int, stride: int, rule: str) -> None:
    layer = shapes.convolution((side, side, 1), 1, kernel_size=window, strides=stride)
    assert layer.rule == rule
    left, _, right = rule.partition(" = ")
    assert eval(left) == int(right) == layer.output[0]


def test_rules_of_both_sides_are_shown_where_they_differ() -> None:
    assert shapes.pooling((9, 8, 1), pool_size=2).rule == "(9 - 2 + 1) / 2 + 1 = 5, (8 - 2 + 0) / 2 + 1 = 4"
