"""Augmented batches against NumPy, and where their randomness comes from."""

from typing import Any

import numpy as np
import pytest

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 9, 7, 3), dtype=np.uint8)


@pytest.fixture
def augmentation(tf: Any) -> Any:
    """The module; importing it loads TensorFlow."""
    from mnist_sweep.data import augmentation

    return augmentation


def drawn(tf: Any, augmentation: Any, seed: int, step: int, batch_size: int = 64) -> Any:
    draws = augmentation.draw(tf.constant(seed, tf.int64), tf.constant(step, tf.int64), batch_size)
    return np.asarray(draws)


def test_each_image_is_a_window_of_the_padded_image_or_its_mirror_image(tf: Any, augmentation: Any) -> None:
    draws = drawn(tf, augmentation, 1, 2)
    changed = augmentation.pad_crop_flip(tf.constant(IMAGES), tf.constant(draws)).numpy()
    padded = np.pad(IMAGES, [(0, 0), (4, 4), (4, 4), (0, 0)])
    for image, source, (row, column, mirrored) in zip(changed, padded, draws, strict=True):
        window = source[row : row + 9, column : column + 7]
        np.testing.assert_array_equal(image, window[:, ::-1] if mirrored else window, strict=True)


def test_the_middle_window_is_the_image_itself(tf: Any, augmentation: Any) -> None:
    draws = tf.constant([[4, 4, 0]] * 64)
    np.testing.assert_array_equal(augmentation.pad_crop_flip(tf.constant(IMAGES), draws).numpy(), IMAGES)


def test_every_shift_and_side_is_drawn_equally_often(tf: Any, augmentation: Any) -> None:
    draws = drawn(tf, augmentation, 3, 0, 90_000)
    for column, values in zip(draws.T, (9, 9, 2), strict=True):
        shares = np.bincount(column, minlength=values) / len(column)
        assert shares == pytest.approx([1 / values] * values, abs=0.01)
    assert abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.02


def test_draws_are_a_function_of_seed_and_step(tf: Any, augmentation: Any) -> None:
    one = drawn(tf, augmentation, 5, 7)
    assert (drawn(tf, augmentation, 5, 7) == one).all()
    assert (drawn(tf, augmentation, 5, 8) != one).any()
    assert (drawn(tf, augmentation, 6, 7) != one).any()


def test_the_padding_is_black_also_of_floats(tf: Any, augmentation: Any) -> None:
    draws = tf.constant([[0, 0, 0]] * 64)
    shifted = augmentation.pad_crop_flip(tf.constant(IMAGES / np.float32(127.5) - 1), draws, -1.0).numpy()
    assert shifted.dtype == np.float32
    assert (shifted[:, :4] == -1).all()
    assert (shifted[:, :, :4] == -1).all()
