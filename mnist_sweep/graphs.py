"""The traced graphs of one network: a loop over training steps, and an evaluation of a whole split.

A program is kept between trials of the same structure, so nothing of a trial may live in the graph itself: weights,
slots, optimizer numbers and loss scale are variables that `start` sets anew, the rest comes in as arguments. Loops are
`tf.while_loop`, since AutoGraph would need this file's source text on the worker's disk.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from mnist_sweep import runtime
from mnist_sweep.config import TrialConfig
from mnist_sweep.data import Dataset
from mnist_sweep.data.batches import subseed
from mnist_sweep.optim import numbers

EVALUATION_BATCH = 500
FIRST_LOSS_SCALE = 2.0**15
STEPS_TO_DOUBLE = 2000


def build_model(config: TrialConfig, data: Dataset) -> Any:
    """Return the config's untrained Keras model, its weights drawn from the config's seed and nothing else."""
    runtime.seed_everything(subseed(config.seed, "weights"))
    with runtime.precision(config.precision):
        return config.model.build(data.image_shape, data.num_classes)


class Program:
    """One network's variables and graphs.

    Attributes:
        parameters: Trainable weights of the model.
    """

    def __init__(self, model: Any, config: TrialConfig, data: Dataset) -> None:
        self._model = model
        self._optimizer = config.optimizer
        self._pixel_max = float(data.pixel_max)
        self._weights = [variable.value for variable in model.trainable_variables]
        self._draws = [variable.value for variable in model.variables if variable.name == "seed_generator_state"]
        self._slots = [self._new_slots(weight) for weight in self._weights]
        self._numbers = {name: tf.Variable(0.0, trainable=False) for name in numbers(config.optimizer)}
        self._scaled = config.precision == "mixed_float16"
        self._loss_scale = tf.Variable(FIRST_LOSS_SCALE, trainable=False)
        self._good_steps = tf.Variable(0, trainable=False)
        self.parameters = sum(int(np.prod(weight.shape)) for weight in self._weights)
        images = tf.TensorSpec((None, *data.image_shape), tf.uint8)
        labels = tf.TensorSpec((None,), tf.int32)
        self.train = tf.function(
            self._train,
            input_signature=[
                images,
                labels,
                tf.TensorSpec((None, config.batch_size), tf.int32),
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((), tf.int64),
                tf.TensorSpec((len(self._draws),), tf.int64),
            ],
        )
        self.evaluate = tf.function(self._evaluate, input_signature=[images, labels])

    def start(self, model: Any, config: TrialConfig) -> None:
        """Set every variable to where a trial starts: the weights of a freshly built model, slots, numbers, scale."""
        if model is not self._model:
            for mine, fresh in zip(self._model.variables, model.variables, strict=True):
                mine.value.assign(fresh.value)
        for slots in self._slots:
            for name, slot in slots.items():
                slot.assign(tf.fill(slot.shape, self._optimizer.SLOTS[name]))
        for name, value in numbers(config.optimizer).items():
            self._numbers[name].assign(value)
        self._loss_scale.assign(FIRST_LOSS_SCALE)
        self._good_steps.assign(0)

    def draw_seeds(self, seed: int) -> np.ndarray:
        """Return one sub-seed for each layer that draws random numbers in training: int64 `[layers]`."""
        return np.array([subseed(seed, f"draws-{number}") for number in range(len(self._draws))], np.int64)

    def _new_slots(self, weight: tf.Variable) -> dict[str, tf.Variable]:
        return {name: tf.Variable(tf.fill(weight.shape, start)) for name, start in self._optimizer.SLOTS.items()}

    def _train(self, images: Any, labels: Any, rows: Any, learning_rates: Any, first: Any, seeds: Any) -> Any:
        """Take one step for each row of example numbers, until a loss is not finite.

        Returns:
            Sum of the batches' mean losses (float64), number of correct classifications (int64), steps taken (int32).
        """

        def body(number: Any, loss_sum: Any, num_correct: Any, _: Any) -> Any:
            step = first + tf.cast(number, tf.int64)
            for layer, state in enumerate(self._draws):
                state.assign(tf.stack([seeds[layer], step]))
            batch, labels_of = tf.gather(images, rows[number]), tf.gather(labels, rows[number])
            loss, logits = self._step(
                self._scale(batch), labels_of, learning_rates[number], tf.cast(step + 1, tf.float32)
            )
            correct = _num_correct(logits, labels_of)
            return number + 1, loss_sum + tf.cast(loss, tf.float64), num_correct + correct, tf.math.is_finite(loss)

        start = (tf.constant(0), tf.constant(0.0, tf.float64), tf.constant(0, tf.int64), tf.constant(True))
        steps, loss_sum, num_correct, _ = tf.while_loop(
            lambda number, _, __, finite: (number < tf.shape(rows)[0]) & finite, body, start, parallel_iterations=1
        )
        return loss_sum, num_correct, steps

    def _step(self, images: Any, labels: Any, learning_rate: Any, step: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = tf.cast(self._model(images, training=True), tf.float32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            objective = tf.add_n([loss, *self._model.losses])
            if self._scaled:
                objective *= self._loss_scale
        gradients = [_dense(gradient) for gradient in tape.gradient(objective, self._weights)]
        if self._scaled:
            self._apply_scaled(gradients, learning_rate, step)
        else:
            self._apply(gradients, learning_rate, step)
        return loss, logits

    def _apply(self, gradients: Any, learning_rate: Any, step: Any) -> None:
        values = {name: variable.read_value() for name, variable in self._numbers.items()}
        values["learning_rate"] = learning_rate
        for weight, slots, gradient in zip(self._weights, self._slots, gradients, strict=True):
            if gradient is not None:
                handles = {name: slot.handle for name, slot in slots.items()}
                self._optimizer.apply(weight.handle, gradient, handles, values, step)

    def _apply_scaled(self, gradients: Any, learning_rate: Any, step: Any) -> None:
        """Apply gradients of a scaled loss, or skip the step and halve the scale where they overflowed.

        Dynamic loss scaling as in Micikevicius et al. 2018 (arXiv 1710.03740): doubled after 2,000 good steps.
        """
        gradients = [None if gradient is None else gradient / self._loss_scale for gradient in gradients]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(one)) for one in gradients if one is not None])

        def good() -> Any:
            self._apply(gradients, learning_rate, step)
            doubled = self._good_steps.assign_add(1) >= STEPS_TO_DOUBLE
            self._good_steps.assign(tf.where(doubled, 0, self._good_steps))
            return self._loss_scale.assign(tf.where(doubled, self._loss_scale * 2.0, self._loss_scale))

        def overflowed() -> Any:
            self._good_steps.assign(0)
            return self._loss_scale.assign(tf.maximum(1.0, self._loss_scale / 2.0))

        tf.cond(finite, good, overflowed)

    def _evaluate(self, images: Any, labels: Any) -> Any:
        """Return the sum of the losses of a split (float64) and how many examples are classified correctly (int64)."""

        def body(start: Any, loss_sum: Any, num_correct: Any) -> Any:
            batch, labels_of = images[start : start + EVALUATION_BATCH], labels[start : start + EVALUATION_BATCH]
            logits = tf.cast(self._model(self._scale(batch), training=False), tf.float32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_of, logits)
            loss_sum += tf.reduce_sum(tf.cast(losses, tf.float64))
            return start + EVALUATION_BATCH, loss_sum, num_correct + _num_correct(logits, labels_of)

        start = (tf.constant(0), tf.constant(0.0, tf.float64), tf.constant(0, tf.int64))
        return tf.while_loop(lambda at, _, __: at < tf.shape(labels)[0], body, start, parallel_iterations=1)[1:]

    def _scale(self, images: Any) -> Any:
        return tf.cast(images, tf.float32) / self._pixel_max


def _num_correct(logits: Any, labels: Any) -> Any:
    return tf.math.count_nonzero(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels)


def _dense(gradient: Any) -> Any:
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient
