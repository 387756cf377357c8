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
from mnist_sweep.text.lines import listed
from mnist_sweep.training.checks.refused_models import law
from mnist_sweep.training.checks.sample import Sample
from mnist_sweep.validation import shown_in_one_line

ROUNDING = 1e-4  # relative difference of the losses of an example in batches of different sizes


def check(loss: Any, sample: Sample, shapes: Any = None) -> None:
    """Validate that a loss has a finite number for each example, which depends on that example's outputs alone.

    It takes several outputs if `shapes` has theirs, without the batch, as the model returns them.

    Raises:
        ConfigError: It has not; the message is what came instead, and the way out.
    """
    outputs = _outputs(sample, shapes)
    try:
        _check(loss, sample.labels, outputs)
    except ConfigError as error:
        name = loss.__name__ if hasattr(loss, "__name__") else shown_in_one_line(loss)
        of = "float32" if is_of_numbers(sample.labels) else "int32"
        labels, *sizes = (
            f"(batch,{','.join(f' {size}' for size in one.shape[1:])})"
            for one in (sample.labels, *tf.nest.flatten(outputs))
        )
        given = f"{of} labels {labels} and float32 outputs {listed(sizes)}"
        raise ConfigError(
            f"the loss {name} must return a float32 loss for each example from {given}, but {error}."
        ) from None


def _check(loss: Any, labels: Any, outputs: Any) -> None:
    num = len(labels)
    found, gradients = _called(loss, labels, outputs)
    shape = tuple(found.shape)
    law(shape == (num,), f"it returns the shape {shape} for a batch of {num}", "leave the mean to the sweep")
    law(found.dtype == np.float32, f"it returns {found.dtype}", "tf.cast(…, tf.float32)")
    law(bool(np.isfinite(found).all()), "it is not finite for normal outputs", "look for log(0) and division by 0")
    known = all(one is not None for one in gradients)
    finding = "it has no gradient" + " of an output" * (len(gradients) > 1)
    law(known, finding, "compute it from the outputs with TensorFlow's operations")
    is_finite = all(np.isfinite(one).all() for one in gradients)
    law(is_finite, "its gradient is not finite", "look for sqrt(0) and division by 0")
    part, _ = _called(loss, labels[num // 2 :], tf.nest.map_structure(lambda one: one[num // 2 :], outputs))
    alone = np.allclose(part, found[num // 2 :], rtol=ROUNDING, atol=ROUNDING)
    law(alone, "an example's loss depends on the other examples of its batch", "reduce over the last axis only")


def _outputs(sample: Sample, shapes: Any) -> Any:
    """Return random outputs, one or as the model returns several."""
    drawn, num = np.random.default_rng(0), len(sample.labels)
    if shapes is None:
        shapes = tf.TensorShape(sample.labels.shape[1:] if is_of_numbers(sample.labels) else (sample.num_classes,))
    return tf.nest.map_structure(lambda shape: drawn.normal(size=(num, *shape)).astype(np.float32), shapes)


def _called(loss: Any, labels: Any, outputs: Any) -> tuple[Any, Any]:
    """Return the losses and their gradients with respect to the outputs, None if there is none."""

    def call(labels: Any, outputs: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            found = tf.convert_to_tensor(losses.per_example(loss, labels, outputs))
            total = tf.reduce_sum(found) if found.dtype.is_floating else None
        every = tf.nest.flatten(outputs)
        return found, [None for _ in every] if total is None else tape.gradient(total, every)

    try:
        given = tf.constant(labels), tf.nest.map_structure(tf.constant, outputs)
        losses.per_example(loss, *given)
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise ConfigError(f"it raises {first_cause(error)}") from error
    try:
        graph = tf.function(call)
        again, _ = graph(*given)
        found, gradients = graph(*given)
    except (Exception, SystemExit) as error:
        way_out = "compute with TensorFlow's operations alone"
        raise ConfigError(f"it raises {type(error).__name__} in a graph: {way_out}") from error
    law(np.array_equal(again, found, equal_nan=True), "two calls with the same batch differ", "draw no random numbers")
    return found.numpy(), gradients
