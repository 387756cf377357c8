from typing import Any

import pytest

from mnist_sweep.models.layer_calls import record

pytestmark = pytest.mark.usefixtures("tf")


def images() -> Any:
    import tensorflow as tf

    return tf.random.uniform((3, 4, 4, 1))


def chain(*layers: Any) -> Any:
    import keras

    return keras.Sequential([keras.Input((4, 4, 1)), *layers])


def test_the_calls_of_a_nested_model_are_those_of_its_innermost_layers_in_order() -> None:
    from keras import layers

    inner = chain(layers.Conv2D(2, 3), layers.Flatten())
    outputs, calls = record(chain(inner, layers.Dense(5, name="logits")), images())
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
    _, calls = record(chain(keras.layers.Flatten(), scaled), images())
    assert [(one.layer.name, len(one.weights)) for one in calls[1:]] == [(scaled.inner.name, 2), ("scaled", 1)]


def test_layers_are_called_as_before_even_after_an_error() -> None:
    import keras

    before = keras.layers.Layer.__call__
    with pytest.raises(ValueError, match="incompatible"):
        record(chain(keras.layers.Flatten(), keras.layers.Dense(2)), images()[:, :2])
    assert keras.layers.Layer.__call__ is before
