"""Objectives of numbers, by which models are judged where labels are float32, and which losses and objectives are so.

Labels and outputs are float32 `[n]`: what a model returns for a batch, `(batch, 1)`, comes without its last axis; or
`[n, k]` where k numbers are predicted for each image.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mnist_sweep.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSE:
    """The root of the mean squared error.

    Attributes:
        unit: Unit of the labels, at most 12 characters.
    """

    direction: ClassVar[str] = "minimize"

    unit: str = ""

    def per_example(self, labels: Any, outputs: Any) -> Any:
        """Return the squared error of each image, its mean over several numbers: float64 `[n]`."""
        return _by_image((outputs.astype("float64") - labels) ** 2)

    @staticmethod
    def of_mean(mean: float) -> float:
        """Return the value of a split, given the mean of squared errors."""
        return math.sqrt(max(mean, 0.0))  # less by rounding, of a mean without one image


@dataclass(frozen=True, slots=True, kw_only=True)
class MAE:
    """The mean absolute error.

    Attributes:
        unit: Unit of the labels, at most 12 characters.
    """

    direction: ClassVar[str] = "minimize"

    unit: str = ""

    def per_example(self, labels: Any, outputs: Any) -> Any:
        """Return the absolute error of each image, its mean over several numbers: float64 `[n]`."""
        return _by_image(abs(outputs.astype("float64") - labels))


def _by_image(errors: "NDArray[Any]") -> "NDArray[Any]":
    return errors if errors.ndim == 1 else errors.mean(axis=1)


def is_of_numbers(labels: "NDArray[Any]") -> bool:
    """Return whether labels are numbers, and no classes."""
    return labels.dtype.kind == "f"


def check_labels(part: str, name: str, labels: "NDArray[Any]", *, of_numbers: bool) -> None:
    """Validate that a built-in loss or objective is one of numbers where the labels are, and of classes elsewhere.

    Raises:
        ConfigError: It is not; the message is the way out.
    """
    if of_numbers == is_of_numbers(labels):
        return
    kinds = ("classes", "numbers") if of_numbers else ("numbers", "classes")
    found, meant = f"the labels are {kinds[0]} ({labels.dtype})", f"the {part} {name} is for {kinds[1]}"
    if of_numbers:
        way_out = "make them numbers with `labels.astype('float32')`, in a CSV file as 3.0, and leave out num_classes"
    else:
        way_out = "use loss=MeanSquaredError() and objective=RMSE(), or whole numbers for classes"
    raise ConfigError(f"{meant}, but {found}: {way_out}.")
