"""The traced training steps of one network under one kind of optimizer.

The graphs are kept for later trials with the same signature, as the network's are: slots, hyperparameters and loss
scale are variables that `reset` initialises, everything else comes in as arguments.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from mnist_sweep.data.augmentation import AUGMENTATIONS, draw
from mnist_sweep.data.batches import subseed
from mnist_sweep.errors import CheckpointError
from mnist_sweep.models import inference
from mnist_sweep.optim.optimizers import numbers
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.trial_progress import Sums

if TYPE_CHECKING:
    from mnist_sweep.training.network import Network
    from mnist_sweep.trials.config import TrialConfig

INITIAL_LOSS_SCALE = 2.0**15
STEPS_TO_DOUBLE = 2000


class TrainStep:
    """The training steps of a network under one kind of optimizer.

    Attributes:
        run_steps: Graph that takes one step for each row of example numbers, until a loss is not finite: from images,
            labels, rows, learning rates, first step, sub-seeds and `Sums` to the new `Sums` and the steps taken.
        run_step: Graph of one such step with nothing around it, to be traced: from images, labels, the row of example
            numbers, learning rate, step and sub-seeds to the batch's mean loss and the number of correct
            classifications. Built when it is first used; never compiled with XLA.
        seconds_per_step: Shortest wall time of a step so far, in seconds.
    """

    def __init__(self, network: "Network", config: "TrialConfig") -> None:
        self._network, self._optimizer = network, config.optimizer
        self._augment = AUGMENTATIONS.get(config.augmentation)
        self._weight_decay = tf.Variable(0.0, trainable=False) if config.weight_decay else None
        starts, shapes = config.optimizer.SLOTS.items(), [weight.shape for weight in network.weights]
        self._slots = [{name: tf.Variable(tf.fill(shape, start)) for name, start in starts} for shape in shapes]
        self._hyperparameters = {name: tf.Variable(0.0, trainable=False) for name in numbers(config.optimizer)}
        self._loss_scale = tf.Variable(INITIAL_LOSS_SCALE, trainable=False)
        self._good_steps = tf.Variable(0, trainable=False)
        self.seconds_per_step = math.inf
        spec, split = tf.TensorSpec, (network.images, network.labels)
        rows, rates = spec((None, config.batch_size), tf.int32), spec((None,), tf.float32)
        row, rate = spec((config.batch_size,), tf.int32, "rows"), spec((), tf.float32, "learning_rate")
        step, seeds = spec((), tf.int64, "step"), spec((len(network.draws) + 1,), tf.int64, "seeds")
        sums = Sums(spec((), tf.float64), spec((), tf.int64))
        many, one = [*split, rows, rates, step, seeds, sums], [*split, row, rate, step, seeds]
        self.run_steps = tensorflow_runtime.traced(self._run_steps, autograph=False, input_signature=many)
        self.run_step = tensorflow_runtime.traced(self._run_step, autograph=network.autograph, input_signature=one)

    def reset(self, config: "TrialConfig") -> None:
        """Set slots, hyperparameters and loss scale to the initial state of a trial."""
        for slots in self._slots:
            for name, slot in slots.items():
                slot.assign(tf.fill(slot.shape, config.optimizer.SLOTS[name]))
        self.set_hyperparameters(config)
        self._loss_scale.assign(INITIAL_LOSS_SCALE)
        self._good_steps.assign(0)

    def set_hyperparameters(self, config: "TrialConfig") -> None:
        """Set the numbers of the optimizer, and the weight decay, to those of a trial."""
        for name, value in numbers(config.optimizer).items():
            self._hyperparameters[name].assign(value)
        if self._weight_decay is not None:
            self._weight_decay.assign(config.weight_decay)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything that a trial's steps change, weights and slots, by name."""
        return {name: variable.numpy() for name, variable in self._state().items()}

    def restore(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """Set what `snapshot` returned, or raise CheckpointError if that was of another network or optimizer."""
        state = self._state()
        expected = {name: tuple(variable.shape) for name, variable in state.items()}
        if expected != {name: array.shape for name, array in snapshot.items()}:
            raise CheckpointError("its checkpoint belongs to another network: the model's code has changed")
        for name, variable in state.items():
            variable.assign(snapshot[name].view(variable.dtype.as_numpy_dtype))

    @contextlib.contextmanager
    def state_preserved(self) -> Iterator[None]:
        """Undo, after the body, everything that its steps changed."""
        snapshot = self.snapshot()
        try:
            yield
        finally:
            self.restore(snapshot)

    def subseeds(self, seed: int) -> np.ndarray:
        """Return a sub-seed for each layer that draws random numbers in training, and the augmentation's: int64."""
        names = [*(f"draws-{number}" for number in range(len(self._network.draws))), "augmentation"]
        return np.array([subseed(seed, name) for name in names], np.int64)

    def _state(self) -> dict[str, tf.Variable]:
        slots = {f"slots/{number}/{name}": slot for number, of in enumerate(self._slots) for name, slot in of.items()}
        scale = {"loss_scale": self._loss_scale, "good_steps": self._good_steps}
        return self._network.state() | slots | scale

    def _run_steps(
        self, images: Any, labels: Any, rows: Any, learning_rates: Any, first: Any, seeds: Any, sums: Sums
    ) -> tuple[Sums, Any]:
        def body(number: Any, sums: Sums, _: Any) -> Any:
            step = first + tf.cast(number, tf.int64)
            gradients = self._network.gradients
            loss, correct = self._take(gradients, images, labels, rows[number], learning_rates[number], step, seeds)
            sums = Sums(sums.loss + tf.cast(loss, tf.float64), sums.num_correct + correct)
            return number + 1, sums, tf.math.is_finite(loss)

        start = (tf.constant(0), sums, tf.constant(True))
        steps, sums, _ = tf.while_loop(
            lambda number, _, finite: (number < tf.shape(rows)[0]) & finite, body, start, parallel_iterations=1
        )
        return sums, steps

    def _run_step(self, *arguments: Any) -> Any:
        return self._take(self._network.gradients.python_function, *arguments)

    def _take(
        self, gradients_of: Any, images: Any, labels: Any, rows: Any, learning_rate: Any, step: Any, seeds: Any
    ) -> Any:
        """Add one step to the graph; return the batch's mean loss and the number of correct classifications."""
        with tf.name_scope("input/"):
            for layer, state in enumerate(self._network.draws):
                state.assign(tf.stack([seeds[layer], step]))
            batch, labels_of = tf.gather(images, rows), tf.gather(labels, rows)
            if self._augment:
                with tf.name_scope("augmentation"):
                    draws = draw(seeds[-1], step, batch.shape[0])
                    batch = self._augment(batch, draws, self._network.pixel_range[0])
        with tf.name_scope("train/"):
            loss_scale = self._loss_scale.read_value()
        loss, logits, gradients = gradients_of(batch, labels_of, loss_scale)
        with tf.name_scope("train/"):
            apply = self._apply_scaled if self._network.scales_loss else self._apply
            apply(gradients, learning_rate, tf.cast(step + 1, tf.float32))
        return loss, inference.num_correct(logits, labels_of)

    def _apply(self, gradients: Any, learning_rate: Any, step: Any) -> None:
        values = {name: variable.read_value() for name, variable in self._hyperparameters.items()}
        values["learning_rate"] = learning_rate
        weights = zip(self._network.weights, self._network.constraints, strict=True)
        for (weight, constraint), slots, gradient in zip(weights, self._slots, gradients, strict=True):
            if gradient is not None:
                if self._weight_decay is not None:
                    gradient += self._weight_decay * weight
                handles = {name: slot.handle for name, slot in slots.items()}
                self._optimizer.apply(weight.handle, gradient, handles, values, step)
                if constraint is not None:
                    weight.assign(constraint(weight))

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
