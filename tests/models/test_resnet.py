"""The residual network against its paper, and against NumPy."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.models.resnet import ResNet
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials.config import Precision

IMAGES = np.random.default_rng(0).random((6, 32, 32, 3), dtype="float32")


@pytest.fixture(autouse=True)
def _seeded(tf: Any) -> None:
    tensorflow_runtime.seed_everything(0)


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_parameters_are_those_of_the_paper(depth: int, millions: float) -> None:
    """Table 6 of He et al. 2015 (arXiv 1512.03385), which rounds to two digits."""
    trained = ResNet(depth=depth).build((32, 32, 3), 10).trainable_variables
    assert sum(weight.numpy().size for weight in trained) / 1e6 == pytest.approx(millions, rel=0.02)


@pytest.mark.parametrize("depth", [8, 20])
def test_layers_with_weights_are_as_many_as_the_depth_says(depth: int) -> None:
    model = ResNet(depth=depth).build((32, 32, 3), 10)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") + kinds.count("Dense") == depth
    assert kinds.count("BatchNormalization") == kinds.count("Conv2D")


def test_stages_halve_the_image_and_double_the_channels() -> None:
    layers = ResNet(depth=8).build((32, 32, 3), 10).layers
    convolved = [layer.output.shape[1:] for layer in layers if type(layer).__name__ == "Conv2D"]
    assert list(dict.fromkeys(convolved)) == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]


@pytest.mark.parametrize("depth", [0, 2, 6, 7, 9, 21, 116, -4])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(ConfigError, match=rf"depth == 6n\+2, from 8 to 110` must hold, but got depth={depth}"):
        ResNet(depth=depth)


def standardized(images: Any) -> Any:
    """Return what the first convolution of a network is given."""
    import keras

    model = ResNet(depth=8, filters=2).build(images.shape[1:], 10)
    first = next(layer for layer in model.layers if type(layer).__name__ == "Conv2D")
    return keras.Model(model.input, first.input)(images).numpy()


def test_images_are_standardized_one_by_one_as_numpy_does_it() -> None:
    pixels = IMAGES.astype("float64") * 255
    mean, deviation = pixels.mean(axis=(1, 2, 3), keepdims=True), pixels.std(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(standardized(IMAGES), (pixels - mean) / deviation, atol=1e-4)


def test_standardization_is_that_of_tensorflow_also_where_an_image_has_one_colour(tf: Any) -> None:
    images = np.concatenate([IMAGES[:2], np.full((1, 32, 32, 3), 0.5, "float32"), np.zeros((1, 32, 32, 3), "float32")])
    images[3, 0, 0, 0] = 1 / 255
    expected = tf.image.per_image_standardization(images * 255.0).numpy()
    np.testing.assert_allclose(standardized(images), expected, atol=1e-4)
    assert not standardized(images)[2].any()


def test_a_shortcut_skips_every_other_pixel_and_adds_channels_of_zeros() -> None:
    import keras

    from mnist_sweep.models.resnet import _shortcut

    inputs = keras.Input((5, 7, 2))
    outputs = keras.Model(inputs, _shortcut(inputs, 5, 2, name="shortcut"))(IMAGES[:, :5, :7, :2]).numpy()
    np.testing.assert_array_equal(outputs[..., :2], IMAGES[:, :5:2, :7:2, :2])
    assert outputs.shape == (6, 3, 4, 5)
    assert not outputs[..., 2:].any()


@pytest.mark.parametrize(
    ("precision", "rounding"), [("float32", 0), ("mixed_bfloat16", 2**-8), ("mixed_float16", 2**-11)]
)
def test_batch_normalisation_is_that_of_numpy_and_mixed_precision_rounds_its_output_and_nothing_else(
    precision: Precision, rounding: float
) -> None:
    import keras

    with tensorflow_runtime.precision(precision):
        model = ResNet(depth=8, filters=2).build((8, 8, 1), 10)
    layer = next(layer for layer in model.layers if type(layer).__name__ == "BatchNormalization")
    before, after = keras.Model(model.input, layer.input), keras.Model(model.input, layer.output)
    images = IMAGES[:, :8, :8, :1]
    values = before(images).numpy().astype("float64")
    mean, variance = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
    trained = after(images, training=True)
    assert trained.dtype.name == precision.removeprefix("mixed_")
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    expected = (values - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(trained.numpy().astype("float64"), expected, rtol=rounding, atol=1e-5)
    num_values = values.size / values.shape[-1]
    moving_mean, moving_variance = 0.003 * mean, 0.997 + 0.003 * variance * num_values / (num_values - 1)
    np.testing.assert_allclose(layer.moving_mean.numpy(), moving_mean, atol=1e-7)
    np.testing.assert_allclose(layer.moving_variance.numpy(), moving_variance, atol=1e-7)
    expected = (values - moving_mean) / np.sqrt(moving_variance + 1e-5)
    evaluated = after(images, training=False).numpy().astype("float64")
    np.testing.assert_allclose(evaluated, expected, rtol=rounding, atol=1e-5)
