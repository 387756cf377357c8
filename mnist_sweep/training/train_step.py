"""The traced training loop of one network under one kind of optimizer.

It is kept between trials of the same structure, as the network's graphs are: slots, optimizer numbers and loss scale
are variables that `start` sets anew, the rest comes in as arguments.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from mnist_sweep.data.augmentation import AUGMENTATIONS, draw
from mnist_sweep.data.batches import subseed
from mnist_sweep.errors import CheckpointError
from mnist_sweep.models import inference
from mnist_sweep.models.catalog import is_own
from mnist_sweep.optim.optimizers import numbers
from mnist_sweep.training.network import Network
from mnist_sweep.trials.config import TrialConfig

FIRST_LOSS_SCALE = 2.0**15
STEPS_TO_DOUBLE = 2000


class TrainStep:
    """The training loop of a network under one kind of optimizer.

    Attributes:
        train: Graph that takes one step for each row of example numbers, until a loss is not finite; adds to the sum
            of the batches' mean losses (float64) and the number of correct classifications (int64) that it is given,
            in the same order however steps are cut into calls, and returns both and the steps taken.
        step: Graph of one such step with nothing around it, for `rehearsal`: from images, labels, the row of example
            numbers, learning rate, step and sub-seeds to the batch's mean loss and the number of correct
            classifications. Traced when it is first used; never compiled with XLA.
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
        self.step = tf.function(
            self._step,
            autograph=not is_own(config.model),
            input_signature=[
                network.images,
                network.labels,
                tf.TensorSpec((config.batch_size,), tf.int32, "rows"),
                tf.TensorSpec((), tf.float32, "learning_rate"),
                tf.TensorSpec((), tf.int64, "step"),
                tf.TensorSpec((len(network.draws) + 1,), tf.int64, "seeds"),
            ],
        )
        self.seconds_per_step = math.inf

    def start(self, config: TrialConfig) -> None:
        """Set slots, numbers and loss scale to where a trial starts."""
        for slots in self._slots:
            for name, slot in slots.items():
                slot.assign(tf.fill(slot.shape, config.optimizer.SLOTS[name]))
        self.hold(config)
        self._loss_scale.assign(FIRST_LOSS_SCALE)
        self._good_steps.assign(0)

    def hold(self, config: TrialConfig) -> None:
        """Set the numbers of the optimizer, and the weight decay, to those of a trial."""
        for name, value in numbers(config.optimizer).items():
            self._numbers[name].assign(value)
        if self._weight_decay is not None:
            self._weight_decay.assign(config.weight_decay)

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

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Put back all that steps in the body change."""
        arrays = self.arrays()
        try:
            yield
        finally:
            self.restore(arrays)

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
            gradients = self._network.gradients
            loss, correct = self._one(gradients, images, labels, rows[number], learning_rates[number], step, seeds)
            return number + 1, loss_sum + tf.cast(loss, tf.float64), num_correct + correct, tf.math.is_finite(loss)

        start = (tf.constant(0), loss_sum, num_correct, tf.constant(True))
        steps, loss_sum, num_correct, _ = tf.while_loop(
            lambda number, _, __, finite: (number < tf.shape(rows)[0]) & finite, body, start, parallel_iterations=1
        )
        return loss_sum, num_correct, steps

    def _step(self, *arguments: Any) -> Any:
        return self._one(self._network.gradients.python_function, *arguments)

    def _one(
        self, gradients_of: Any, images: Any, labels: Any, rows: Any, learning_rate: Any, step: Any, seeds: Any
    ) -> Any:
        """Add one step to the graph; return the batch's mean loss and the number of correct classifications."""
        with tf.name_scope("input/"):
            for layer, state in enumerate(self._network.draws):
                state.assign(tf.stack([seeds[layer], step]))
            batch, labels_of = tf.gather(images, rows), tf.gather(labels, rows)
            if self._augment:
                with tf.name_scope("augmentation"):
                    batch = self._augment(batch, draw(seeds[-1], step, batch.shape[0]))
        with tf.name_scope("train/"):
            loss_scale = self._loss_scale.read_value()
        loss, logits, gradients = gradients_of(batch, labels_of, loss_scale)
        with tf.name_scope("train/"):
            apply = self._apply_scaled if self._network.scaled else self._apply
            apply(gradients, learning_rate, tf.cast(step + 1, tf.float32))
        return loss, inference.num_correct(logits, labels_of)

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
