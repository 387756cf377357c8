"""Losses: what training minimises, a number for each example; own ones are functions, or frozen values with fields.

A trial's `train_loss` and `val_loss` are means of its own loss, so they compare trials that have the same one.
"""

import abc
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from mnist_sweep.errors import ConfigError
from mnist_sweep.optim.regression import check_labels
from mnist_sweep.validation import INFINITY, coerce, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Loss(Protocol):
    """The loss of each example, in TensorFlow's operations: any frozen dataclass with this method."""

    def per_example(self, labels: Any, outputs: Any) -> Any:
        """Return the losses of a batch: float32 `[n]`.

        Args:
            labels: int32 `[n]`, the class of each image; or float32 `[n]`, its number, or `[n, k]`, its k numbers.
            outputs: float32 `[n, num_classes]`, the logits; or float32, shaped as the labels.
        """


OwnLoss = Callable[[Any, Any], Any]  # or a Loss whose class has `main`, as `main_output` says


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossEntropy:
    """Cross-entropy between the labels and the softmax of the logits, in nats.

    Attributes:
        label_smoothing: Share of each label that is spread evenly over all classes (Szegedy et al. 2016, arXiv
            1512.00567), in [0, 1).
        class_weights: Factor on the losses of each class, at least 0; None means 1. `balanced` gives all classes the
            same total weight in the training split: its size, over the number of classes times that of the class.
    """

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | Literal["balanced"] | None = None

    def __post_init__(self) -> None:
        coerce(self)
        require(0 <= self.label_smoothing < 1, "0 <= label_smoothing < 1", label_smoothing=self.label_smoothing)
        given = self.class_weights
        if isinstance(given, tuple):
            known = all(isinstance(one, numbers.Real) and not isinstance(one, bool) for one in given)
            holds = known and all(0 <= one < math.inf for one in given) and any(given)
            require(holds, "0 <= each of class_weights < infinity, and not all are 0", class_weights=given)
            object.__setattr__(self, "class_weights", tuple(float(one) + 0.0 for one in given))  # -0.0 becomes 0.0
        elif given is not None and not (isinstance(given, str) and given == "balanced"):
            rule = "class_weights is a tuple with a number for each class, 'balanced' or None"
            require(False, rule, class_weights=given)

    def per_example(self, labels: Any, outputs: Any, *, label_smoothing: Any = None) -> Any:
        """Return the losses of a batch, float32 `[n]`, with another label smoothing if given, above 0."""
        import tensorflow as tf

        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)
        if self.label_smoothing:
            share = self.label_smoothing if label_smoothing is None else label_smoothing
            losses = (1 - share) * losses - share * tf.reduce_mean(tf.nn.log_softmax(outputs), axis=-1)
        if self.class_weights is not None:
            losses *= tf.gather(tf.constant(self.class_weights, tf.float32), labels)
        return losses

    def fitted(self, labels: "NDArray[Any]", num_classes: int) -> "CrossEntropy":
        """Return this loss with a number for the weight of each class, given the training labels.

        Raises:
            ConfigError: The labels are numbers, there is not a weight for each class, or there is no image of a class
                that is to be balanced.
        """
        check_labels("loss", type(self).__name__, labels, of_numbers=False)
        if self.class_weights is None:
            return self
        if self.class_weights != "balanced":
            num = len(self.class_weights)
            require(num == num_classes, "len(class_weights) == num_classes", len=num, num_classes=num_classes)
            return self
        import numpy as np

        counts = np.bincount(labels, minlength=num_classes)
        if not counts.all():
            missing = int(np.argmin(counts))
            raise ConfigError(
                f"class_weights='balanced' needs images of every class in train, but class {missing} of "
                f"{num_classes} has none: give a tuple of weights."
            )
        return replace(self, class_weights=tuple((len(labels) / (num_classes * counts)).tolist()))


@dataclass(frozen=True, slots=True)
class _LossOfNumbers(abc.ABC):
    """A loss that depends on the error of each number alone."""

    def per_example(self, labels: Any, outputs: Any) -> Any:
        """Return the losses of a batch, float32 `[n]`: of float32 labels and outputs `[n]`, or means over `[n, k]`."""
        import tensorflow as tf

        found = self.of_errors(outputs - labels)
        return tf.reduce_mean(found, axis=-1) if len(found.shape) == 2 else found

    @abc.abstractmethod
    def of_errors(self, errors: Any) -> Any:
        """Return the losses of errors: float32, shaped as these."""

    def fitted(self, labels: "NDArray[Any]", num_classes: int) -> "_LossOfNumbers":
        """Return this loss.

        Raises:
            ConfigError: The labels are classes.
        """
        check_labels("loss", type(self).__name__, labels, of_numbers=True)
        return self


@dataclass(frozen=True, slots=True)
class MeanSquaredError(_LossOfNumbers):
    """The square of the error."""

    def of_errors(self, errors: Any) -> Any:
        """Return the losses of errors: float32 `[n]`."""
        return errors * errors


@dataclass(frozen=True, slots=True)
class MeanAbsoluteError(_LossOfNumbers):
    """The size of the error."""

    def of_errors(self, errors: Any) -> Any:
        """Return the losses of errors: float32 `[n]`."""
        import tensorflow as tf

        return tf.abs(errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Huber(_LossOfNumbers):
    """Half of the square of small errors; errors beyond `delta` count linearly (Huber 1964).

    Attributes:
        delta: Size of an error from which it counts linearly, above 0, in the labels' unit.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        coerce(self)
        require(0 < self.delta < INFINITY, "0 < delta < infinity", delta=self.delta)

    def of_errors(self, errors: Any) -> Any:
        """Return the losses of errors: float32 `[n]`."""
        import tensorflow as tf

        size = tf.abs(errors)
        near = tf.minimum(size, self.delta)
        return near * (size - 0.5 * near)


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "huber": Huber,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_squared_error": MeanSquaredError,
}


def is_builtin(loss: object) -> bool:
    """Return whether a loss is built in."""
    return type(loss) in LOSSES.values()


def signature(loss: Any) -> Any:
    """Return what a graph depends on: the loss without the size of its label smoothing, a number that is fed."""
    return replace(loss, label_smoothing=0.5) if label_smoothing(loss) else loss


def label_smoothing(loss: Any) -> float:
    """Return the label smoothing of a loss, 0 for another one than cross-entropy, also for a subclass of it."""
    return loss.label_smoothing if type(loss) is CrossEntropy else 0.0


def fitted(loss: Any, labels: "NDArray[Any]", num_classes: int) -> Any:
    """Return a loss as training uses it, given the training labels.

    Raises:
        ConfigError: It does not fit the labels.
    """
    return loss.fitted(labels, num_classes) if isinstance(loss, CrossEntropy | _LossOfNumbers) else loss


def main_output(loss: Any) -> Any:
    """Return the name or place of the output that is judged, if a loss of one's own takes all outputs of a model."""
    return getattr(loss, "main", None)


def per_example(loss: "Loss | OwnLoss", labels: Any, outputs: Any, *, label_smoothing: Any = None) -> Any:
    """Return the losses of a batch by a loss of any form, float32 `[n]`; cross-entropy takes a label smoothing."""
    if isinstance(loss, FunctionType):
        return loss(labels, outputs)
    options = {"label_smoothing": label_smoothing} if type(loss) is CrossEntropy else {}
    return cast(Loss, loss).per_example(labels, outputs, **options)
