"""The traced graphs of one network: an evaluation of a whole split, and a loop over training steps for each optimizer.

Graphs are kept between trials of the same structure, so nothing of a trial may live in them: weights, slots, optimizer
numbers and loss scale are variables that `start` sets anew, the rest comes in as arguments. Loops are `tf.while_loop`,
since AutoGraph would need this file's source text on the worker's disk.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from mnist_sweep import runtime
from mnist_sweep.augmentation import AUGMENTATIONS, draw
from mnist_sweep.config import TrialConfig
from mnist_sweep.data import Dataset, Shaped
from mnist_sweep.data.batches import subseed
from mnist_sweep.errors import CheckpointError
from mnist_sweep.models import is_own
from mnist_sweep.optim import numbers

EVALUATION_BATCH = 500
FIRST_LOSS_SCALE = 2.0**15
STEPS_TO_DOUBLE = 2000


def build_model(config: TrialConfig, data: Shaped) -> Any:
    """Return the config's untrained Keras model; a user's model draws its weights from the config's seed."""
    if not is_own(config.model):
        runtime.seed_everything(subseed(config.seed, "weights"))
    with runtime.precision(config.precision):
        return config.model.build(data.image_shape, data.num_classes)


class Network:
    """A model with the graphs that no optimizer is part of.

    Attributes:
        model: The Keras model.
        weights: Trainable variables of the model.
        draws: State of each layer that draws random numbers in training.
        parameters: How many numbers the weights hold.
        gradients: Graph from images, labels and loss scale to the batch's mean loss, logits, and the gradients of the
            scaled loss, one for each weight.
        evaluate: Graph from images and labels of a split to the sum of the losses (float64), the number of correct
            classifications (int64), and the predicted classes (uint16 `[num_images]`).
    """

    def __init__(self, model: Any, config: TrialConfig, data: Dataset) -> None:
        self.model = model
        self._pixel_max = float(data.pixel_max)
        self.scaled = config.precision == "mixed_float16"
        self.weights = [variable.value for variable in model.trainable_variables]
        self.draws = [variable.value for variable in model.variables if variable.name == "seed_generator_state"]
        self.parameters = sum(int(np.prod(weight.shape)) for weight in self.weights)
        self.images = tf.TensorSpec((None, *data.image_shape), tf.uint8)
        self.labels = tf.TensorSpec((None,), tf.int32)
        batch = tf.TensorSpec((config.batch_size, *data.image_shape), tf.uint8)
        labels = tf.TensorSpec((config.batch_size,), tf.int32)
        graph = partial(tf.function, autograph=not is_own(config.model))  # ours branch on no tensor's value
        scale = tf.TensorSpec((), tf.float32)
        compiled = {"jit_compile": True} if runtime.compiles_with_xla() else {}
        self.gradients = graph(self._gradients, input_signature=[batch, labels, scale], **compiled)
        self.evaluate = graph(self._evaluate, input_signature=[self.images, self.labels])

    def start(self, values: Sequence[Any]) -> None:
        """Set every variable of the model to its value."""
        for variable, value in zip(self.model.variables, values, strict=True):
            variable.value.assign(value)

    def state(self) -> dict[str, Any]:
        """Return every variable that training changes, by a name of its own."""
        return {f"model/{number}": variable.value for number, variable in enumerate(self.model.variables)}

    def _gradients(self, images: Any, labels: Any, loss_scale: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(self.scaled_images(images), training=True), tf.float32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            objective = tf.add_n([loss, *self.model.losses])
            if self.scaled:
                objective *= loss_scale
        return loss, logits, [_dense(gradient) for gradient in tape.gradient(objective, self.weights)]

    def _evaluate(self, images: Any, labels: Any) -> Any:
        num_batches = (tf.shape(labels)[0] + EVALUATION_BATCH - 1) // EVALUATION_BATCH

        def body(number: Any, loss_sum: Any, num_correct: Any, classes: Any) -> Any:
            start = number * EVALUATION_BATCH
            batch, labels_of = images[start : start + EVALUATION_BATCH], labels[start : start + EVALUATION_BATCH]
            logits = tf.cast(self.model(self.scaled_images(batch), training=False), tf.float32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_of, logits)
            loss_sum += tf.reduce_sum(tf.cast(losses, tf.float64))
            classes = classes.write(number, tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32), tf.uint16))
            return number + 1, loss_sum, num_correct + _num_correct(logits, labels_of), classes

        classes = tf.TensorArray(tf.uint16, size=num_batches, infer_shape=False, element_shape=[None])
        start = (tf.constant(0), tf.constant(0.0, tf.float64), tf.constant(0, tf.int64), classes)
        _, loss_sum, num_correct, classes = tf.while_loop(
            lambda number, *_: number < num_batches, body, start, parallel_iterations=1
        )
        return loss_sum, num_correct, classes.concat()

    def scaled_images(self, images: Any) -> Any:
        """Return uint8 images as float32 in [0, 1]."""
        return tf.cast(images, tf.float32) / self._pixel_max


class Program:
    """The training loop of a network under one kind of optimizer.

    Attributes:
        train: Graph that takes one step for each row of example numbers, until a loss is not finite; adds to the sum
            of the batches' mean losses (float64) and the number of correct classifications (int64) that it is given,
            in the same order however steps are cut into calls, and returns both and the steps taken.
        seconds_per_step: Wall time of a step, in seconds, as far as it is known.
    """

    def __init__(self, network: Network, config: TrialConfig) -> None:
        self._network = network
        self._optimizer = config.optimizer
        self._augment = AUGMENTATIONS.get(config.augmentation)
        self._weight_decay = tf.Variable(0.0, trainable=False) if config.weight_decay else None
        self._slots = [self._new_slots(weight) for weight in network.weights]
        self._numbers = {name: tf.Variable(0.0, trainable=False) for name in numbers(config.optimizer)}
        self._loss_scale = tf.Variable(FIRST_LOSS_SCALE, trainable=False)
        self._good_steps = tf.Variable(0, trainable=False)
        self.train = tf.function(
            self._train,
            autograph=False,
            input_signature=[
                network.images,
                network.labels,
                tf.TensorSpec((None, config.batch_size), tf.int32),
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((), tf.int64),
                tf.TensorSpec((len(network.draws) + 1,), tf.int64),
                tf.TensorSpec((), tf.float64),
                tf.TensorSpec((), tf.int64),
            ],
        )
        self.seconds_per_step = math.inf

    def start(self, config: TrialConfig) -> None:
        """Set slots, numbers and loss scale to where a trial starts."""
        optimizer = config.optimizer
        for slots in self._slots:
            for name, slot in slots.items():
                slot.assign(tf.fill(slot.shape, optimizer.SLOTS[name]))
        for name, value in numbers(optimizer).items():
            self._numbers[name].assign(value)
        if self._weight_decay is not None:
            self._weight_decay.assign(config.weight_decay)
        self._loss_scale.assign(FIRST_LOSS_SCALE)
        self._good_steps.assign(0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that a trial's steps change, weights and slots, by names that `restore` takes."""
        return {name: variable.numpy() for name, variable in self._state().items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set what `arrays` returned.

        Raises:
            CheckpointError: They are of another network or optimizer; nothing has been set.
        """
        state = self._state()
        if {name: tuple(variable.shape) for name, variable in state.items()} != {
            name: array.shape for name, array in arrays.items()
        }:
            raise CheckpointError("its checkpoint is of another network: the model's code has changed")
        for name, variable in state.items():
            variable.assign(arrays[name].view(variable.dtype.as_numpy_dtype))

    def _state(self) -> dict[str, tf.Variable]:
        slots = {f"slots/{number}/{name}": slot for number, of in enumerate(self._slots) for name, slot in of.items()}
        scale = {"loss_scale": self._loss_scale, "good_steps": self._good_steps}
        return self._network.state() | slots | scale

    def seeds(self, seed: int) -> np.ndarray:
        """Return a sub-seed for each layer that draws random numbers in training, and the augmentation's: int64."""
        names = [*(f"draws-{number}" for number in range(len(self._network.draws))), "augmentation"]
        return np.array([subseed(seed, name) for name in names], np.int64)

    def _new_slots(self, weight: tf.Variable) -> dict[str, tf.Variable]:
        return {name: tf.Variable(tf.fill(weight.shape, start)) for name, start in self._optimizer.SLOTS.items()}

    def _train(
        self,
        images: Any,
        labels: Any,
        rows: Any,
        learning_rates: Any,
        first: Any,
        seeds: Any,
        loss_sum: Any,
        num_correct: Any,
    ) -> Any:
        def body(number: Any, loss_sum: Any, num_correct: Any, _: Any) -> Any:
            step = first + tf.cast(number, tf.int64)
            for layer, state in enumerate(self._network.draws):
                state.assign(tf.stack([seeds[layer], step]))
            batch, labels_of = tf.gather(images, rows[number]), tf.gather(labels, rows[number])
            if self._augment:
                batch = self._augment(batch, draw(seeds[-1], step, batch.shape[0]))
            loss, logits, gradients = self._network.gradients(batch, labels_of, self._loss_scale.read_value())
            apply = self._apply_scaled if self._network.scaled else self._apply
            apply(gradients, learning_rates[number], tf.cast(step + 1, tf.float32))
            correct = _num_correct(logits, labels_of)
            return number + 1, loss_sum + tf.cast(loss, tf.float64), num_correct + correct, tf.math.is_finite(loss)

        start = (tf.constant(0), loss_sum, num_correct, tf.constant(True))
        steps, loss_sum, num_correct, _ = tf.while_loop(
            lambda number, _, __, finite: (number < tf.shape(rows)[0]) & finite, body, start, parallel_iterations=1
        )
        return loss_sum, num_correct, steps

    def _apply(self, gradients: Any, learning_rate: Any, step: Any) -> None:
        values = {name: variable.read_value() for name, variable in self._numbers.items()}
        values["learning_rate"] = learning_rate
        for weight, slots, gradient in zip(self._network.weights, self._slots, gradients, strict=True):
            if gradient is not None:
                if self._weight_decay is not None:
                    gradient += self._weight_decay * weight
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


def _num_correct(logits: Any, labels: Any) -> Any:
    return tf.math.count_nonzero(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels)


def _dense(gradient: Any) -> Any:
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient
