"""Objectives: what trials are judged by, one number for a whole split; own ones are functions, or frozen values.

They are computed with NumPy from the answers of a trained model, so that training does not depend on them.
"""

import abc
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from mnist_sweep.errors import ConfigError
from mnist_sweep.optim.regression import MAE, RMSE, check_labels, is_of_numbers
from mnist_sweep.text.names import RESERVED
from mnist_sweep.text.numbers import SHARE
from mnist_sweep.validation import require, shown_in_one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_VALUE = 1e100  # that trials are judged by: statistics square it


class Objective(Protocol):
    """What trials are judged by: any frozen dataclass with this method.

    Its class may have `name` (by default its own, as `mean_rank` of MeanRank), `direction` (`maximize`, or `minimize`)
    and `unit` (`share` for values in [0, 1], by default none).
    """

    def compute(self, labels: Any, outputs: Any) -> float:
        """Return the value of a split, a finite number.

        Args:
            labels: int32 `[n]`, the class of each image; or float32 `[n]`, its number, or `[n, k]`, its k numbers.
            outputs: float32 `[n, num_classes]`, the logits; or float32, shaped as the labels.
        """


class ImageObjective(Protocol):
    """An objective of which each image has a value of its own; that of a split is their mean.

    Its class may have `of_mean`, a function of that mean which is the value in its place, such as a square root.
    """

    def per_example(self, labels: Any, outputs: Any) -> Any:
        """Return the values of images, numbers `[n]`, from the arguments of `Objective.compute`."""


ERRORS = {"cost", "distance", "error", "errors", "loss", "losses", "mae", "mse", "nll", "perplexity", "rmse"}
"""Words in names of what is better if it is less."""

AnyObjective = Objective | ImageObjective | Callable[[Any, Any], float]


@dataclass(frozen=True, slots=True)
class _OfClasses(abc.ABC):
    """An objective in [0, 1] that depends on the predicted classes alone."""

    unit: ClassVar[str] = SHARE

    def compute(self, labels: Any, outputs: Any) -> float:
        """Return the value of a split, given its labels, int32 `[n]`, and the logits, float32 `[n, num_classes]`."""
        return self.of_classes(labels, outputs.argmax(axis=1))

    @abc.abstractmethod
    def of_classes(self, labels: Any, classes: Any) -> float:
        """Return the value of a split, given the true and the predicted class of each image: integers `[n]`."""


@dataclass(frozen=True, slots=True)
class Accuracy(_OfClasses):
    """The share of images that are classified correctly."""

    def of_classes(self, labels: Any, classes: Any) -> float:
        """Return the share of equal classes."""
        return float((labels == classes).mean())


@dataclass(frozen=True, slots=True)
class BalancedAccuracy(_OfClasses):
    """The mean over classes of the share of their images that are classified correctly (recall)."""

    def of_classes(self, labels: Any, classes: Any) -> float:
        """Return the mean recall of the classes that occur among the labels."""
        correct, of_class, _ = _counts(labels, classes)
        return float((correct[of_class > 0] / of_class[of_class > 0]).mean())


@dataclass(frozen=True, slots=True)
class MacroF1(_OfClasses):
    """The mean over classes of F1, the harmonic mean of precision and recall."""

    def of_classes(self, labels: Any, classes: Any) -> float:
        """Return the mean F1 of the classes that occur among the labels or the predicted classes."""
        correct, of_class, predicted = _counts(labels, classes)
        both = of_class + predicted
        return float((2 * correct[both > 0] / both[both > 0]).mean())


@dataclass(frozen=True, slots=True)
class LogLoss:
    """The mean of minus the log of the probability that a model gives the true class, in nats."""

    direction: ClassVar[str] = "minimize"
    unit: ClassVar[str] = "nats"

    def per_example(self, labels: Any, outputs: Any) -> Any:
        """Return the value of each image, given labels, int32 `[n]`, and logits, float32 `[n, num_classes]`."""
        import numpy as np

        shifted = outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True)
        of_true = shifted[np.arange(len(labels)), labels]
        return np.log(np.exp(shifted).sum(axis=1)) - of_true


OBJECTIVES: dict[str, type[Any]] = {
    "accuracy": Accuracy,
    "balanced_accuracy": BalancedAccuracy,
    "macro_f1": MacroF1,
    "log_loss": LogLoss,
    "mae": MAE,
    "rmse": RMSE,
}


def is_builtin(objective: object) -> bool:
    """Return whether an objective is built in."""
    return type(objective) in OBJECTIVES.values()


def description(objective: Any) -> tuple[str, str, str]:
    """Return the name, the direction and the unit of an objective.

    Raises:
        ConfigError: One breaks a rule.
    """
    known = {kind: name for name, kind in OBJECTIVES.items()}
    if isinstance(objective, FunctionType):
        name = objective.__name__
    else:
        kind = type(objective)
        name = known.get(kind) or getattr(objective, "name", None) or _snake_case(kind.__name__)
    is_taken = isinstance(name, str) and name in RESERVED
    require(is_builtin(objective) or not is_taken, "an objective of your own has a name of its own", name=name)
    if not hasattr(objective, "direction") and isinstance(name, str) and ERRORS & {*name.lower().split("_")}:
        way_out = "state its direction, 'minimize' or 'maximize', as an attribute"
        raise ConfigError(f"the objective {name} is named after an error, of which less is better: {way_out}.")
    return name, getattr(objective, "direction", "maximize"), getattr(objective, "unit", "")


def check_fits(objective: Any, labels: Any) -> None:
    """Validate that a built-in objective is one of the labels, which are classes or numbers.

    Raises:
        ConfigError: It is not.
    """
    if is_builtin(objective):
        check_labels("objective", type(objective).__name__, labels, of_numbers=isinstance(objective, MAE | RMSE))


def needs_outputs(objective: Any) -> bool:
    """Return whether an objective depends on more than the predicted classes."""
    return not hasattr(objective, "of_classes")


def value(objective: Any, labels: Any, *, classes: Any = None, outputs: Any = None, examples: Any = None) -> float:
    """Return the value of a split, given its labels, `[n]`, and what the objective needs.

    Raises:
        ConfigError: It is no number from -1e100 to 1e100, or a share beyond [0, 1].
    """
    labels = _signed(labels)
    if classes is not None and not needs_outputs(objective):
        found = objective.of_classes(labels, classes)
    elif has_examples(objective):
        examples = per_example(objective, labels, outputs) if examples is None else examples
        found = getattr(objective, "of_mean", float)(examples.mean())
    else:
        found = (objective if isinstance(objective, FunctionType) else objective.compute)(labels, outputs)
    name, _, unit = description(objective)
    if not is_number(found):
        raise ConfigError(f"the objective {name} must return a number, but it returns {shown_in_one_line(found)}.")
    number = float(found)
    if not abs(number) <= MAX_VALUE or (unit == SHARE and not 0 <= number <= 1):
        of_numbers = f"a number of at most {MAX_VALUE:g}" if math.isfinite(number) else "a finite number"
        rule = of_numbers if unit != SHARE else "a share in [0, 1]"
        raise ConfigError(f"the objective {name} must return {rule}, but it returns {number:g}.")
    return number


def is_number(value: Any) -> bool:
    """Return whether a value is one real number, also as an array or tensor without axes."""
    is_real = getattr(getattr(value, "dtype", None), "kind", "f") in "fiuO"  # as NumPy's bool, str and complex are not
    is_scalar = hasattr(value, "__float__") and not getattr(value, "ndim", 0)
    return is_scalar and is_real and not isinstance(value, bool)


def has_examples(objective: Any) -> bool:
    """Return whether each image has a value of its own."""
    return hasattr(objective, "per_example")


def per_example(objective: Any, labels: Any, outputs: Any) -> "NDArray[np.float64]":
    """Return the value of each image: float64 `[n]`.

    Raises:
        ConfigError: They are other than that.
    """
    import numpy as np

    found = np.asarray(objective.per_example(_signed(labels), outputs))
    if found.shape != labels.shape[:1] or found.dtype.kind not in "biuf":
        rule = f"the objective {description(objective)[0]} must return a number for each of {len(labels)} images"
        raise ConfigError(f"{rule}, but it returns {found.dtype} of the shape {found.shape}.")
    return found.astype(np.float64)


def _counts(labels: Any, classes: Any) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]":
    """Return of each class the images that are classified correctly, those of the class, and those predicted as it."""
    import numpy as np

    num = int(max(labels.max(), classes.max())) + 1
    of_class, predicted = (np.bincount(given, minlength=num) for given in (labels, classes))
    return np.bincount(labels[labels == classes], minlength=num), of_class, predicted


def _signed(labels: Any) -> Any:
    """Return a copy of labels whose differences do not wrap around, as those of uint8 do."""
    return labels.astype("float32" if is_of_numbers(labels) else "int32")


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
