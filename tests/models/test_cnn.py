"""Laws of the plain convolutional network."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.models.cnn import CNN
from mnist_sweep.training import tensorflow_runtime
from tests.conftest import Refused

SMALL = CNN(filters=(2, 3), kernel_size=3, units=5)


@pytest.fixture(autouse=True)
def _seeded(tf: Any) -> None:
    tensorflow_runtime.seed_everything(0)


@pytest.mark.parametrize(
    ("model", "image_shape", "num_classes", "parameters"),
    [
        (CNN(), (28, 28, 1), 10, 3_274_634),  # of Deep MNIST: 832 + 51,264 + 3,212,288 + 10,250
        (SMALL, (8, 8, 1), 10, 20 + 57 + (2 * 2 * 3 + 1) * 5 + 60),
        (SMALL, (7, 5, 3), 4, 56 + 57 + (2 * 2 * 3 + 1) * 5 + 24),
        (CNN(filters=(4,), kernel_size=2, pool_size=3, units=6), (7, 5, 2), 3, 36 + (3 * 2 * 4 + 1) * 6 + 21),
        (CNN(filters=(4,), kernel_size=3, pool_size=1, units=6), (7, 5, 3), 3, 112 + (7 * 5 * 4 + 1) * 6 + 21),
        (CNN(filters=(2,), kernel_size=9, units=1, dropout=0.5), (4, 4, 1), 2, 164 + (2 * 2 * 2 + 1) + 4),
    ],
)
def test_parameters_are_those_counted_by_hand(
    model: CNN, image_shape: tuple[int, int, int], num_classes: int, parameters: int
) -> None:
    built = model.build(image_shape, num_classes)
    assert sum(int(np.prod(weight.shape)) for weight in built.trainable_variables) == parameters


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 7, 8, 9])
@pytest.mark.parametrize("pool_size", [1, 2, 3])
def test_check_agrees_with_build_and_says_the_sizes_that_keras_computes(pool_size: int, height: int) -> None:
    sizes, image_shape = [(height, 9)], (height, 9, 1)
    for block in range(1, 4):
        model = CNN(filters=(2,) * block, kernel_size=3, pool_size=pool_size, units=2)
        if min(sizes[-1]) < pool_size:
            told = f"height={sizes[-1][0]}, width={sizes[-1][1]} in block {block} of"
            for use in (model.check, model.build):
                with pytest.raises(ConfigError, match=told):
                    use(image_shape, 10)
            return
        model.check(image_shape, 10)
        pooled = [layer for layer in model.build(image_shape, 10).layers if "pool" in layer.name][-1]
        sizes.append(pooled.output.shape[1:3])


def test_blocks_that_do_not_fit_are_named_with_the_sizes_and_a_way_out(refused: Refused) -> None:
    parts = ["pool_size=2", "height=1, width=1 in block 4", "filters=(4, 4, 4, 4)", "8x8 image", "fewer blocks"]
    for use in (CNN.check, CNN.build):
        with refused(ConfigError, *parts):
            use(CNN(filters=(4, 4, 4, 4)), (8, 8, 1), 10)


def kernels_and_biases(model: CNN) -> tuple[list[Any], list[Any]]:
    weights = [weight.numpy() for weight in model.build((8, 8, 1), 10).trainable_variables]
    return weights[::2], weights[1::2]


def test_truncated_normal_is_that_of_deep_mnist() -> None:
    kernels, biases = kernels_and_biases(CNN(filters=(8, 8), units=64, initializer="truncated_normal"))
    assert all((bias == np.float32(0.1)).all() for bias in biases)
    assert all(np.abs(kernel).max() <= 0.2 for kernel in kernels)
    assert all(abs(kernel.mean()) < 0.02 for kernel in kernels)
    # A normal distribution cut at 2 standard deviations keeps 0.880 of its own.
    assert all(kernel.std() == pytest.approx(0.0880, rel=0.15) for kernel in kernels)


@pytest.mark.parametrize(
    ("initializer", "fans"),
    [("glorot_uniform", lambda before, after: (before + after) / 2), ("lecun_uniform", lambda before, _: before)],
)
def test_uniform_draws_fill_their_limits_and_biases_start_from_zero(
    initializer: Any, fans: Callable[[int, int], float]
) -> None:
    model = CNN(filters=(8, 8), kernel_size=3, units=64, initializer=initializer)
    kernels, biases = kernels_and_biases(model)
    assert not any(bias.any() for bias in biases)
    for kernel in kernels:
        *window, before, after = kernel.shape
        limit = np.sqrt(3 / (np.prod(window) * fans(before, after)))
        assert 0.8 * limit < np.abs(kernel).max() <= limit


@pytest.mark.parametrize("initializer", ["glorot_uniform", "truncated_normal", "lecun_uniform"])
def test_no_two_layers_start_from_the_same_draws(initializer: Any) -> None:
    kernels, _ = kernels_and_biases(CNN(filters=(4, 4, 4), kernel_size=3, units=36, initializer=initializer))
    starts = [kernel.ravel()[:16] for kernel in kernels]
    assert len({tuple((start / np.abs(start).max()).round(3).tolist()) for start in starts}) == len(kernels) == 5


def test_dense_layer_is_zeroed_in_training_only_and_by_the_dropout_rate() -> None:
    model = CNN(filters=(2,), kernel_size=3, units=64, dropout=0.999999).build((8, 8, 1), 10)
    images = np.random.default_rng(0).random((3, 8, 8, 1), dtype="float32")
    assert (model(images, training=True).numpy() == 0).all()
    assert (model(images, training=False).numpy() != 0).all()


def test_network_is_convolution_relu_pooling_dense_relu_logits() -> None:
    model = CNN(filters=(2,), kernel_size=3, units=4, initializer="truncated_normal").build((3, 3, 1), 2)
    filters, shift, dense, offset, last, base = (weight.numpy() for weight in model.trainable_variables)
    image = np.random.default_rng(0).normal(size=(3, 3)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))
    maps = np.maximum(np.einsum("ijkl,klf->ijf", windows, filters[:, :, 0]) + shift, 0)
    pooled = [maps[i : i + 2, j : j + 2].max(axis=(0, 1)) for i in (0, 2) for j in (0, 2)]
    hidden = np.maximum(np.concatenate(pooled) @ dense + offset, 0)
    logits = model(image[np.newaxis, :, :, np.newaxis]).numpy()[0]
    np.testing.assert_allclose(logits, hidden @ last + base, rtol=1e-4, atol=1e-6)
