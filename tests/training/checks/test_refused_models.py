"""What the laws say; which models break them, in any kind and body, is in `tests/faults/test_wrong_models.py`."""

from typing import Any

import pytest

from mnist_sweep import Digits
from mnist_sweep.errors import ConfigError
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks import sample
from mnist_sweep.training.checks.refused_models import ModelLaws

pytestmark = pytest.mark.usefixtures("tf", "nothing_kept")


def checked(*layers: Any, precision: str = "float32") -> list[str]:
    import keras

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), *layers])
    return ModelLaws(model, sample.draw(Digits().load()), precision).check()


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_model_of_batch_normalisation_and_dropout_keeps_them_in_every_precision(precision: str) -> None:
    from keras import layers

    with tensorflow_runtime.precision(precision):
        parts = [layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5), layers.Dense(10)]
    assert checked(*parts, precision=precision) == []


def test_a_finding_comes_with_its_number_and_the_way_out() -> None:
    from keras import layers

    with pytest.raises(ConfigError, match=r"differ by at most 0\.0039: images come in \[0, 1\] already"):
        checked(layers.Rescaling(1 / 255), layers.Dense(10))
    with pytest.raises(ConfigError, match=r"no gradient reaches \S+kernel and 1 other variables: set `trainable`"):
        checked(layers.Dense(4), layers.Lambda(lambda x: x // 1), layers.Dense(10))
    with pytest.raises(ConfigError, match=r"outputs have the shape \(batch, 7\): end it with Dense\(num_classes\)"):
        checked(layers.Dense(7))


def test_an_end_that_bounds_the_outputs_of_a_deep_network_is_found_though_random_weights_overflow() -> None:
    from keras import layers

    for activation, kind in (("softmax", "probabilities"), ("sigmoid", r"values in \[0, 1\]")):
        with pytest.raises(ConfigError, match=f"its outputs are {kind}"):
            checked(*(layers.Dense(8) for _ in range(40)), layers.Dense(10, activation))


def test_the_scale_of_images_is_looked_at_where_they_enter_a_frozen_network() -> None:
    from keras import initializers, layers

    small = layers.Dense(16, kernel_initializer=initializers.RandomNormal(stddev=1e-4), trainable=False)
    assert checked(small, layers.Dense(10)) == []
    with pytest.raises(ConfigError, match="images come in"):
        checked(layers.Rescaling(1 / 255), layers.Dense(16, trainable=False), layers.Dense(10))


def test_what_may_be_meant_is_a_note() -> None:
    from keras import layers

    assert checked(layers.Dense(10, "tanh")) == [
        "its outputs stay in [-1, 1], whatever its weights, so it can be sure of no class"
    ]
    (scaled,) = checked(layers.Rescaling(255.0), layers.Dense(10))
    assert scaled.startswith("its first layer with weights sees images that differ by at most 2")


def test_what_a_zero_head_hides_is_looked_for_under_other_weights() -> None:
    import tensorflow as tf
    from keras import layers

    zeros = layers.Dense(10, kernel_initializer="zeros")
    with pytest.raises(ConfigError, match="depend on the other images"):
        checked(layers.Dense(4), layers.Lambda(lambda x: x - tf.reduce_mean(x, axis=0)), zeros)
