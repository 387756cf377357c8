"""What data sources in the user's own files have in common: where files are found, and how they become splits.

Their content is not verified, as that of MNIST is, but its digest is in every row. The path is part of a trial's
config as it is written, so a relative one is the same trial on every machine, wherever the files are found there.
"""

import abc
import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_sweep.data import data_folders
from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.files import splits
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import listed
from mnist_sweep.text.numbers import size
from mnist_sweep.validation import coerce, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CLASSES = 256
MAX_BYTES = 8 << 30  # of the arrays in files, which all are in memory


class Content(NamedTuple):
    """What files hold.

    Attributes:
        images: Of each split, an array `[n, …]` of whatever `_decoded` takes.
        labels: Of each split, `[n]`: whole numbers from 0, or names.
        class_names: Names of all classes; None if they are those in the labels.
        notes: What the user should know of the files, a line each.
    """

    images: "Mapping[str, NDArray[Any]]"
    labels: "Mapping[str, NDArray[Any]]"
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnFiles(abc.ABC):
    """A data set in files at a path.

    A split that the files lack is held out of train: a fraction of each class, drawn with the seed.

    Attributes:
        path: A file or folder, from the working folder or from a folder that `MNIST_SWEEP_DATA` names.
        val_fraction: Share of each class that becomes validation if the files have none, in (0, 1).
        test_fraction: Likewise for test.
        seed: Seed of the draw, in [0, 2**31).
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    val_fraction: float = 0.1
    test_fraction: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        is_path = isinstance(self.path, str | os.PathLike) and os.fspath(self.path) and "\0" not in os.fspath(self.path)
        require(bool(is_path), "path names a file or folder", path=self.path)
        object.__setattr__(self, "path", Path(self.path).as_posix())  # a text in a row, and one for each path
        coerce(self)
        val, test = self.val_fraction, self.test_fraction
        holds = min(val, test) > 0 and val + test < 1
        rule = "0 < val_fraction, 0 < test_fraction, val_fraction + test_fraction < 1"
        require(holds, rule, val_fraction=val, test_fraction=test)
        require(0 <= self.seed < 2**31, "0 <= seed < 2**31", seed=self.seed)

    def load(self) -> Dataset:
        """Return the data set.

        Raises:
            DataError: The files are missing, damaged, too large, or not of this format.
        """
        path = find(self.path)
        try:
            found = self._content(path)
            labels, class_names = numbered(found)
            undecoded, labels, held_out = self._completed(found.images, labels)
            images = self._decoded(undecoded)
            train, val, test = (Split(images=images[name], labels=labels[name]) for name in splits.SPLITS)
            return Dataset(
                train=train,
                val=val,
                test=test,
                num_classes=len(class_names) or 1 + max(int(part.max()) for part in labels.values()),
                class_names=class_names,
                notes=(*held_out, *found.notes),
            )
        except OSError as error:
            raise DataError(f"{error.filename or path} cannot be read ({error.strerror or error}).") from error
        except DataError as error:
            message = str(error)
            raise DataError(message if message.startswith(str(path)) else f"{path}: {message}") from error

    @abc.abstractmethod
    def _content(self, path: Path) -> Content:
        """Return what the files hold; `train` is there, the other splits may be."""

    def _decoded(self, images: "Mapping[str, NDArray[Any]]") -> "Mapping[str, NDArray[np.uint8]]":
        """Return the images of each split: uint8 `[n, height, width, channels]`."""
        return {name: pixels(array) for name, array in images.items()}

    def _completed(
        self, images: "Mapping[str, NDArray[Any]]", labels: "dict[str, NDArray[np.uint8]]"
    ) -> "tuple[Mapping[str, NDArray[Any]], dict[str, NDArray[np.uint8]], list[str]]":
        """Return images and labels with all three splits, and a note on those that were held out of train."""
        fractions = {"val": self.val_fraction, "test": self.test_fraction}
        lacking = {name: fraction for name, fraction in fractions.items() if name not in labels}
        if not lacking:
            return images, labels, []
        places = splits.hold_out(labels["train"], lacking, self.seed)
        if empty := [name for name, found in places.items() if not len(found)]:
            raise DataError(f"holds {len(labels['train'])} images, too few to hold out {listed(empty)}.")
        note = f"{listed([*lacking])} held out of train: {', '.join(f'{share:g}' for share in lacking.values())}"
        return (
            {**images, **{name: images["train"][found] for name, found in places.items()}},
            {**labels, **{name: labels["train"][found] for name, found in places.items()}},
            [f"{note} of each class, drawn with seed {self.seed}"],
        )


def find(path: str | os.PathLike[str]) -> Path:
    """Return where a path leads: from the working folder, or else from a folder of data on this machine.

    Raises:
        DataError: Nowhere.
    """
    given = data_folders.expanded(Path(path))
    there = given.name if given.is_absolute() else given
    folders = data_folders.search_folders()
    for candidate in (given, *(folder / there for folder in folders)):
        if os.access(candidate, os.F_OK):
            return candidate
    where = f"{given}, nor {there} in a folder named by {data_folders.FOLDERS_VARIABLE}"
    raise DataError(f"there is no {where}: give the path of a file or folder, from {Path.cwd()}.")


def numbered(content: Content) -> "tuple[dict[str, NDArray[np.uint8]], tuple[str, ...]]":
    """Return the labels of each split as uint8, and the names of the classes, if they have any, in natural order.

    Raises:
        DataError: Labels are neither whole numbers from 0 to 255 nor names, or there are more than 256 classes.
    """
    import numpy as np

    if "train" not in content.labels:
        raise DataError(f"has no train split, but only {listed([*content.labels])}.")
    labels = {name: _flat(name, array) for name, array in content.labels.items()}
    if all(array.dtype.kind in "iu" for array in labels.values()):
        low, high = min(array.min() for array in labels.values()), max(array.max() for array in labels.values())
        if low < 0 or high >= MAX_CLASSES:
            raise DataError(f"labels must lie between 0 and {MAX_CLASSES - 1}, but got labels from {low} to {high}.")
        return {name: array.astype(np.uint8) for name, array in labels.items()}, content.class_names or ()
    if any(array.dtype.kind not in "UT" for array in labels.values()):
        kinds = listed(sorted({str(array.dtype) for array in labels.values()}))
        raise DataError(f"labels must be whole numbers or names, but got {kinds}.")
    unique = {str(label) for array in labels.values() for label in np.unique(array)}
    names = content.class_names or tuple(sorted(unique, key=splits.natural))
    if len(names) > MAX_CLASSES:
        raise DataError(f"has {len(names):,} classes, such as {names[0]!r}, expected at most {MAX_CLASSES}.")
    numbers = {name: number for number, name in enumerate(names)}
    return {
        split: np.array([numbers[str(label)] for label in array], np.uint8) for split, array in labels.items()
    }, names


def _flat(name: str, labels: "NDArray[Any]") -> "NDArray[Any]":
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # as MedMNIST and CIFAR-10 of Keras
    if flat.ndim != 1 or not len(flat):
        raise DataError(f"{name} must have one label for each image, but got labels of shape {labels.shape}.")
    return flat


def pixels(images: "NDArray[Any]") -> "NDArray[np.uint8]":
    """Return images `[n, height, width]` or with channels as uint8 with channels, if no value changes by that."""
    import numpy as np

    images = images[..., None] if images.ndim == 3 else images
    if (
        images.dtype.kind in "iu"
        and images.dtype != np.uint8
        and images.size
        and 0 <= images.min() <= images.max() < 256
    ):
        return images.astype(np.uint8)
    return images


def require_memory(num_bytes: int) -> None:
    """Validate that arrays of this size are not too large to be held in memory.

    Raises:
        DataError: They are.
    """
    if num_bytes > MAX_BYTES:
        raise DataError(f"unpacks to {size(num_bytes)}, expected at most {size(MAX_BYTES)}.")
