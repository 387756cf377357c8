"""The laws of a user's own loss, tried in a graph on random outputs: one that breaks a law would not train as meant.

It is a ConfigError, which says what came instead, and the way out.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from mnist_sweep.errors import ConfigError
from mnist_sweep.optim import losses
from mnist_sweep.optim.regression import is_of_numbers
from mnist_sweep.text.causes import first_cause
from mnist_sweep.training.checks.sample import Sample
from mnist_sweep.validation import shown_in_one_line

ROUNDING = 1e-4  # relative difference of the losses of an example in batches of different sizes


def check(loss: Any, sample: Sample) -> None:
    """Validate that a loss has a finite number for each example, which depends on that example's outputs alone."""
    try:
        _check(loss, sample)
    except ConfigError as error:
        name = loss.__name__ if hasattr(loss, "__name__") else shown_in_one_line(loss)
        of, outputs = "float32" if is_of_numbers(sample.labels) else "int32", _outputs(sample)
        shapes = [f"(batch,{', '.join(f' {size}' for size in one.shape[1:])})" for one in (sample.labels, outputs)]
        rule = (
            f"must return a float32 loss for each example from {of} labels {shapes[0]} and float32 outputs {shapes[1]}"
        )
        raise ConfigError(f"the loss {name} {rule}, but {error}.") from None


def _check(loss: Any, sample: Sample) -> None:
    labels, num, outputs = sample.labels, len(sample.labels), _outputs(sample)
    found, gradient = _called(loss, labels, outputs)
    shape = tuple(found.shape)
    _law(shape == (num,), f"it returns the shape {shape} for a batch of {num}", "leave the mean to the sweep")
    _law(found.dtype == np.float32, f"it returns {found.dtype}", "tf.cast(…, tf.float32)")
    _law(bool(np.isfinite(found).all()), "it is not finite for normal outputs", "look for log(0) and division by 0")
    _law(gradient is not None, "it has no gradient", "compute it from the outputs with TensorFlow's operations")
    _law(bool(np.isfinite(gradient).all()), "its gradient is not finite", "look for sqrt(0) and division by 0")
    part, _ = _called(loss, labels[num // 2 :], outputs[num // 2 :])
    alone = np.allclose(part, found[num // 2 :], rtol=ROUNDING, atol=ROUNDING)
    _law(alone, "an example's loss depends on the other examples of its batch", "reduce over the last axis only")


def _outputs(sample: Sample) -> Any:
    labels = sample.labels
    shape = labels.shape if is_of_numbers(labels) else (len(labels), sample.num_classes)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _called(loss: Any, labels: Any, outputs: Any) -> tuple[Any, Any]:
    """Return the losses and their gradient with respect to the outputs, None if there is none."""

    def call(labels: Any, outputs: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            found = tf.convert_to_tensor(losses.per_example(loss, labels, outputs))
            total = tf.reduce_sum(found) if found.dtype.is_floating else None
        return found, None if total is None else tape.gradient(total, outputs)

    try:
        losses.per_example(loss, tf.constant(labels), tf.constant(outputs))
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise ConfigError(f"it raises {first_cause(error)}") from error
    try:
        graph = tf.function(call)
        again, _ = graph(tf.constant(labels), tf.constant(outputs))
        found, gradient = graph(tf.constant(labels), tf.constant(outputs))
    except (Exception, SystemExit) as error:
        way_out = "compute with TensorFlow's operations alone"
        raise ConfigError(f"it raises {type(error).__name__} in a graph: {way_out}") from error
    _law(np.array_equal(again, found, equal_nan=True), "two calls with the same batch differ", "draw no random numbers")
    return found.numpy(), None if gradient is None else gradient.numpy()


def _law(holds: bool, finding: str, way_out: str) -> None:
    if not holds:
        raise ConfigError(f"{finding}: {way_out}")
