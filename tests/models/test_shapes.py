"""Shapes, parameters and multiply-adds by arithmetic against what Keras builds, and the calls of its layers."""

import math
from typing import Any

import pytest

from mnist_sweep.models import shapes
from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.resnet import ResNet
from mnist_sweep.models.shapes import record_calls
from mnist_sweep.models.softmax_regression import Softmax
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


def images() -> Any:
    import tensorflow as tf

    return tf.random.uniform((3, 4, 4, 1))


def chain(*layers: Any) -> Any:
    import keras

    return keras.Sequential([keras.Input((4, 4, 1)), *layers])


def test_the_calls_of_a_nested_model_are_those_of_its_innermost_layers_in_order() -> None:
    from keras import layers

    inner = chain(layers.Conv2D(2, 3), layers.Flatten())
    outputs, calls = record_calls(chain(inner, layers.Dense(5, name="logits")), images())
    assert [type(call.layer).__name__ for call in calls] == ["Conv2D", "Flatten", "Dense"]
    assert [len(call.weights) for call in calls] == [2, 0, 2]
    assert [tuple(call.outputs.shape) for call in calls] == [(3, 2, 2, 2), (3, 8), (3, 5)]
    assert calls[-1].inputs is calls[-2].outputs
    assert calls[-1].outputs is outputs


def test_a_layer_with_weights_of_its_own_is_a_call_besides_those_that_it_makes() -> None:
    import keras

    def call(self: Any, x: Any) -> Any:
        return self.inner(x) * self.scale

    scaled = type("Scaled", (keras.layers.Layer,), {"call": call})(name="scaled")
    scaled.inner, scaled.scale = keras.layers.Dense(2), scaled.add_weight(shape=(), name="scale")
    _, calls = record_calls(chain(keras.layers.Flatten(), scaled), images())
    assert [(one.layer.name, len(one.weights)) for one in calls[1:]] == [(scaled.inner.name, 2), ("scaled", 1)]


def test_layers_are_called_as_before_even_after_an_error() -> None:
    import keras

    before = keras.layers.Layer.__call__
    with pytest.raises(ValueError, match="incompatible"):
        record_calls(chain(keras.layers.Flatten(), keras.layers.Dense(2)), images()[:, :2])
    assert keras.layers.Layer.__call__ is before
