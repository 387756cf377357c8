"""A model's answers about many images, in batches of one size: the only place that evaluates a model.

`evaluate` is for a graph, where the loop is a `tf.while_loop`; `logits` runs at once. The batch size is part of the
results: another one sums the losses in another order.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.errors import ConfigError

BATCH_SIZE = 500


def scaled(images: Any, pixel_range: tuple[float, float]) -> Any:
    """Return images with pixels in this range as float32 in [0, 1]."""
    import tensorflow as tf

    low, high = pixel_range
    with tf.name_scope("input/"):
        pixels = tf.cast(images, tf.float32)
        return (pixels - low if low else pixels) / (high - low)


def of_labels(outputs: Any, labels: Any) -> Any:
    """Return outputs as losses and objectives take them: float32 `[n, num_classes]`, or `[n]` if labels are so."""
    import tensorflow as tf

    answers = tf.cast(outputs, tf.float32)
    return answers[:, 0] if labels.dtype.is_floating and labels.shape.rank == 1 else answers


def answers(outputs: Any, labels: Any, main: Any = None) -> tuple[Any, Any]:
    """Return what a model is judged by, as `of_labels` does, and what its loss takes: the same, or all its outputs.

    The latter if `main` is the name or place of the output that is judged; they are float32, as the model returns them.
    """
    import tensorflow as tf

    if main is None:
        found = of_labels(outputs, labels)
        return found, found
    return of_labels(outputs[main], labels), tf.nest.map_structure(lambda one: tf.cast(one, tf.float32), outputs)


def judged(model: Any, main: Any) -> Any:
    """Return the Keras model of the main one of a model's outputs, with the same layers; the model if `main` is None.

    Raises:
        ConfigError: It has no such output, or is not functional.
    """
    import keras

    if main is None:
        return model
    outputs: Any = getattr(model, "output", None)
    known = [*outputs] if isinstance(outputs, dict) else [*range(len(outputs))] if isinstance(outputs, list) else []
    if main not in known:
        named = f"has the outputs {known}" if known else "is not a functional model with several outputs"
        raise ConfigError(f"it {named}: the loss takes all of them, and `main` names the one that is judged, {main!r}")
    return keras.Model(model.inputs, outputs[main])


def num_correct(logits: Any, labels: Any) -> Any:
    """Return how many of the largest logits are those of the labels: scalar int64; 0 if labels are numbers."""
    import tensorflow as tf

    if labels.dtype.is_floating:
        return tf.constant(0, tf.int64)
    with tf.name_scope("accuracy/"):
        return tf.math.count_nonzero(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels)


def logits(model: Any, images: Any, *, pixel_range: tuple[float, float] = (0.0, 1.0)) -> NDArray[np.float32]:
    """Return the logits of a Keras model for images: float32 `[num_images, num_classes]`."""
    import tensorflow as tf

    batches = (images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE))
    outputs = (model(scaled(batch, pixel_range), training=False) for batch in batches)
    return np.concatenate([tf.cast(batch, tf.float32).numpy() for batch in outputs])


def evaluate(
    model: Any,
    images: Any,
    labels: Any,
    losses_of: Callable[[Any, Any], Any],
    *,
    pixel_range: tuple[float, float],
    with_logits: bool = False,
    main: Any = None,
) -> tuple[Any, ...]:
    """Add to the graph the evaluation of a Keras model on a split.

    The images are uint8 or float32 `[n, height, width, channels]`, with values in `pixel_range` that become 0 and 1,
    and the labels int32 `[n]`, or float32 `[n]` or `[n, k]`. `losses_of` adds the losses of a batch to the graph, given
    its labels and logits, or all outputs if one is `main`.

    Returns:
        The sum of the losses (float64), the number of correct classifications (int64), the predicted classes (uint16
        `[n]`) or numbers (float32, as the labels), and, of classes, the logits (float32 `[n, num_classes]`) if wanted.
    """
    import tensorflow as tf

    kind, with_logits = (tf.float32, False) if labels.dtype.is_floating else (tf.uint16, with_logits)
    num_batches = (tf.shape(labels)[0] + BATCH_SIZE - 1) // BATCH_SIZE

    def body(number: Any, loss_sum: Any, correct: Any, predicted: Any, *kept: Any) -> Any:
        batch = slice(number * BATCH_SIZE, number * BATCH_SIZE + BATCH_SIZE)
        true = labels[batch]
        logits, outputs = answers(model(scaled(images[batch], pixel_range), training=False), true, main)
        loss_sum += tf.reduce_sum(tf.cast(losses_of(true, outputs), tf.float64))
        found = logits if kind == tf.float32 else tf.argmax(logits, axis=-1, output_type=tf.int32)
        predicted = predicted.write(number, tf.cast(found, kind))
        kept = tuple(one.write(number, logits) for one in kept)
        return number + 1, loss_sum, correct + num_correct(logits, true), predicted, *kept

    shape = [None, *labels.shape[1:]]
    predicted = tf.TensorArray(kind, size=num_batches, infer_shape=False, element_shape=shape)
    kept = [tf.TensorArray(tf.float32, size=num_batches, infer_shape=False, element_shape=[None, None])] * with_logits
    first = (tf.constant(0), tf.constant(0.0, tf.float64), tf.constant(0, tf.int64), predicted, *kept)
    _, loss_sum, correct, predicted, *kept = tf.while_loop(
        lambda number, *_: number < num_batches, body, first, parallel_iterations=1
    )
    return loss_sum, correct, predicted.concat(), *(one.concat() for one in kept)
