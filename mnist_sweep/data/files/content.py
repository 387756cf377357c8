"""What files hold: images and labels of splits, and how both become arrays as a data set has them."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import listed, shortened
from mnist_sweep.text.names import natural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CLASSES = 1 << 16
NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?(\d+|\d*([.,]\d{3})*[.,]\d+)(e[-+]?\d+)?", re.IGNORECASE)
MAX_BYTES = 8 << 30  # of the arrays in files, which are all in memory


class Content(NamedTuple):
    """What files hold.

    Attributes:
        images: Of each split, an array `[n, …]` of whatever `_decoded` takes.
        labels: Of each split, `[n]`: whole numbers from 0, or names; or floats `[n]` or `[n, k]`, numbers to predict.
        class_names: Names of all classes; if there are none, they are those in the labels.
        notes: What the user should know of the files, a line each.
        value_range: As in `Dataset`.
    """

    images: "Mapping[str, NDArray[Any]]"
    labels: "Mapping[str, NDArray[Any]]"
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None


def numbered(content: Content) -> Content:
    """Return content with labels as a data set has them, and the names of the classes, if they have any.

    Names are in natural order; those of booleans are False and True. Labels are numbers to predict, and no classes, if
    those of a split are floats.

    Raises:
        DataError: Labels are neither floats, whole numbers from 0 to 65,535 nor names, names look like numbers to
            predict, some are blank or none of the classes, or there are more than 65,536 classes.
    """
    import numpy as np

    if "train" not in content.labels:
        raise DataError(f"has no train split, but only {listed([*content.labels])}.")
    labels = {name: _flat(name, array) for name, array in content.labels.items()}
    kinds = {array.dtype.kind for array in labels.values()}
    if kinds <= {*"iu"}:
        low, high = min(array.min() for array in labels.values()), max(array.max() for array in labels.values())
        if low < 0 or high >= MAX_CLASSES:
            found = f"labels from {low} to {high}" + ": leave images without a label out" * bool(low == -1)
            raise DataError(f"labels must lie between 0 and {MAX_CLASSES - 1}, but got {found}.")
        return content._replace(labels=_typed(labels, high))
    if kinds <= {*"iuf"}:
        with np.errstate(over="ignore"):  # to infinity, which a data set refuses
            floats = {name: array.astype(np.float32) for name, array in labels.items()}
        return content._replace(labels=floats, class_names=())
    if not kinds <= {*"UT"}:
        types = listed(sorted({str(array.dtype) for array in labels.values()}))
        raise DataError(f"labels must be numbers or names, but got {types}: make all numbers, or all text.")
    unique = {str(label) for array in labels.values() for label in np.unique(array)}
    if blank := [label for label in unique if not label.strip()]:
        number = sum(int(np.isin(array, blank).sum()) for array in labels.values())
        raise DataError(f"lacks labels: {number:,} of {sum(map(len, labels.values())):,} are blank.")
    if not content.class_names:
        _require_no_numbers(unique)
    names = content.class_names or tuple(sorted(unique, key=natural))
    if unknown := unique - {*names}:
        classes = shortened(", ".join(names))
        raise DataError(f"has the label {shortened(min(unknown))!r}, but names the classes {classes}.")
    if len(names) > MAX_CLASSES:
        raise DataError(f"has {len(names):,} classes, such as {names[0]!r}, expected at most {MAX_CLASSES:,}.")
    numbers = {name: number for number, name in enumerate(names)}
    places = {split: np.array([numbers[str(label)] for label in array]) for split, array in labels.items()}
    return content._replace(labels=_typed(places, len(names) - 1), class_names=names)


def _typed(labels: "Mapping[str, NDArray[Any]]", high: int) -> "Mapping[str, NDArray[np.uint8 | np.uint16]]":
    import numpy as np

    return {name: array.astype(np.uint8 if high < 256 else np.uint16) for name, array in labels.items()}


def _require_no_numbers(names: set[str]) -> None:
    """Validate that names of classes are no numbers to predict, as with a decimal comma or a mark for missing ones."""
    numbers = {name for name in names if NUMBER.fullmatch(name.strip())}
    if 2 * len(numbers) > len(names) and (decimal := [name for name in numbers if {*name} & {".", ","}]):
        beside = "".join(f", beside {shortened(name)!r}" for name in sorted(names - numbers)[:1])
        raise DataError(
            f"labels are text that looks like numbers to predict, such as {shortened(min(decimal))!r}{beside}: write "
            "all as numbers with a decimal point, without quotation marks; or classes as names with a letter."
        )


def _flat(name: str, labels: "NDArray[Any]") -> "NDArray[Any]":
    import numpy as np

    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # as MedMNIST and CIFAR-10 of Keras
    flat = flat.astype(np.str_) if flat.dtype.kind == "b" else flat
    if not (flat.ndim == 1 or (flat.ndim == 2 and flat.dtype.kind == "f")) or not flat.size:
        several = ": several numbers to predict are floats" * (flat.ndim == 2 and flat.dtype.kind in "iu")
        raise DataError(f"{name} must have one label for each image, but got labels of shape {labels.shape}{several}.")
    return flat


def with_channels(images: "NDArray[Any]") -> "NDArray[np.uint8]":
    """Return images `[n, height, width]` or with channels as uint8 with channels, if no value changes by that."""
    import numpy as np

    images = images[..., None] if images.ndim == 3 else images
    fits = images.dtype.kind in "iu" and images.size and 0 <= images.min() <= images.max() < 256
    return images.astype(np.uint8, copy=False) if fits else images
