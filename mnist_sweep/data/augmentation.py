"""Random augmentations of training images, drawn in the graph as functions of the trial's seed and the step."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

PADDING = 4


def pad_crop_flip(images: Any, draws: Any, black: float = 0.0) -> Any:
    """Return each image shifted by up to 4 pixels, padded with black, and mirrored half the time: same dtype and shape.

    He et al. 2015 (arXiv 1512.03385), section 4.2: pad 4 pixels on each side, crop a random window of the image's size
    from the padded image or its mirror image.

    Args:
        images: uint8 or float32 `[batch, height, width, channels]`.
        draws: int32 `[batch, 3]` from `draw`: first row and first column of the window, and whether to mirror it.
        black: Value of a black pixel.
    """
    _, height, width, _ = images.shape
    padded = tf.pad(images, [[0, 0], [PADDING, PADDING], [PADDING, PADDING], [0, 0]], constant_values=black)
    rows = draws[:, :1] + tf.range(height)
    columns = draws[:, 1:2] + tf.range(width)
    columns = tf.where(draws[:, 2:] == 1, columns[:, ::-1], columns)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def draw(seed: Any, step: Any, batch_size: int) -> Any:
    """Return random `draws` for `pad_crop_flip`: int32 `[batch_size, 3]`, in [0, 9), [0, 9) and [0, 2).

    Seed and step are scalar int64 tensors.
    """
    uniform = tf.random.stateless_uniform([batch_size, 3], tf.stack([seed, step]))
    return tf.cast(uniform * [2.0 * PADDING + 1.0, 2.0 * PADDING + 1.0, 2.0], tf.int32)


AUGMENTATIONS: dict[str, Callable[[Any, Any, float], Any]] = {"pad_crop_flip": pad_crop_flip}
