"""Laws of softmax regression."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.models.softmax_regression import Softmax
from mnist_sweep.training import tensorflow_runtime


@pytest.fixture(autouse=True)
def _seeded(tf: Any) -> None:
    tensorflow_runtime.seed_everything(0)


@pytest.mark.parametrize(
    ("image_shape", "num_classes", "parameters"),
    [((28, 28, 1), 10, 7850), ((8, 8, 1), 10, 650), ((32, 32, 3), 10, 30_730), ((2, 3, 4), 5, 125), ((1, 1, 1), 1, 2)],
)
def test_parameters_are_one_weight_for_each_pixel_and_class(
    image_shape: tuple[int, int, int], num_classes: int, parameters: int
) -> None:
    assert Softmax().build(image_shape, num_classes).count_params() == parameters


def test_weights_start_from_zero() -> None:
    assert not any(weight.any() for weight in Softmax().build((8, 8, 1), 10).get_weights())


def test_weights_of_glorot_start_within_their_limit_and_biases_from_zero() -> None:
    kernel, bias = Softmax(initializer="glorot_uniform").build((8, 8, 1), 10).get_weights()
    limit = np.sqrt(6 / (64 + 10))
    assert 0.8 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    assert not bias.any()


def test_logits_are_an_affine_function_of_the_pixels() -> None:
    model = Softmax(initializer="glorot_uniform").build((4, 4, 2), 3)
    kernel, _ = model.get_weights()
    bias = np.array([1, -2, 3], "float32")
    model.set_weights([kernel, bias])
    images = np.random.default_rng(0).random((5, 4, 4, 2), dtype="float32")
    np.testing.assert_allclose(model(images).numpy(), images.reshape(5, 32) @ kernel + bias, rtol=1e-5, atol=1e-6)
