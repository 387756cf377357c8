"""The interface of a data set: three splits of labelled images, as arrays in memory or mapped into it.

Labels are classes, to be told apart, or numbers, to be predicted (regression); their dtype says which.

Images stay as they are, uint8 or float32, until they are in the graph, which scales them to [0, 1]. Arrays are never
copied here, so they may be read-only views of shared memory.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mnist_sweep.data import conversions
from mnist_sweep.data.conversions import MAX_CLASSES, MAX_SPAN
from mnist_sweep.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGEST_LENGTH = 16  # hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Labelled images for one purpose.

    Attributes:
        images: uint8 or float32 `[n, height, width, channels]`; n >= 1.
        labels: uint8 or uint16 `[n]`, classes, counted from 0; or float32 `[n]`, numbers, or `[n, k]`, k > 1 of each.
    """

    images: "NDArray[np.uint8 | np.float32]"
    labels: "NDArray[np.uint8 | np.uint16 | np.float32]"

    def __post_init__(self) -> None:
        several = getattr(self.labels, "dtype", None) == "float32" and self.labels.shape[1:2] > (1,)
        for name, rank in (("images", 4), ("labels", 1 + several)):
            if wrong := conversions.misfit(name, getattr(self, name), rank=rank):
                raise DataError(wrong)
        num_images, num_labels = len(self.images), len(self.labels)
        _require(num_images == num_labels, "num_images == num_labels", num_images=num_images, num_labels=num_labels)

    def __len__(self) -> int:
        return len(self.labels)

    def read_only(self) -> "Split":
        """Return this split with read-only views of its arrays."""
        images, labels = self.images.view(), self.labels.view()
        images.flags.writeable = labels.flags.writeable = False
        return Split(images=images, labels=labels)

    def sha256(self) -> str:
        """Return the SHA-256 of the bytes of the images and then of the labels, of a byte each if that is enough."""
        import numpy as np

        content = hashlib.sha256()
        is_small = self.labels.dtype.kind == "u" and self.labels.max() < 256
        labels = self.labels.astype(np.uint8, copy=False) if is_small else self.labels
        for array in (self.images, labels):
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Three splits of one data set; no image belongs to two of them.

    Attributes:
        train: Split that the weights are fitted to.
        val: Split by which hyperparameters are selected.
        test: Split that is evaluated once for each trial and never used for selection.
        num_classes: Number of classes, in [1, 65,536]; labels are smaller. Left out where labels are numbers, for
            which it becomes that of the numbers of an image: it is the number of a model's outputs.
        pixel_max: The uint8 value of a full pixel, in [1, 255]: 255 in MNIST, 16 in digits. The graph divides by it.
        value_range: Values of float32 images that become 0 and 1; all lie between. None if images are uint8.
        class_names: Names of the classes in the order of their labels; empty if they have none.
        notes: What the user should know of where the data come from, a line each; shown before the first trial.
    """

    train: Split
    val: Split
    test: Split
    num_classes: int = 0
    pixel_max: int = 255
    value_range: tuple[float, float] | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        import numpy as np

        for name in ("class_names", "notes"):
            given = getattr(self, name)
            _require(conversions.are_texts(given), f"Dataset.{name} is a list of strings", **{name: given})
            object.__setattr__(self, name, tuple(given))
        for name in ("num_classes", "pixel_max"):
            given = getattr(self, name)
            number = given.item() if getattr(given, "ndim", None) == 0 else given  # `labels.max() + 1` is of NumPy
            whole = type(number) in (int, float) and number % 1 == 0
            _require(whole, f"Dataset.{name} is a whole number", **{name: given})
            object.__setattr__(self, name, int(number))
        for name, split in self.splits.items():
            _require(isinstance(split, Split), f"{name} is a Split", type=type(split).__name__)
        self._check_labels()
        _require(1 <= self.pixel_max <= 255, "1 <= pixel_max <= 255", pixel_max=self.pixel_max)
        self._check_dtype()
        for name, split in self.splits.items():
            shape = split.images.shape[1:]
            same = shape == self.image_shape
            _require(same, f"{name} image_shape == train image_shape", **{name: shape, "train": self.image_shape})
            if self.value_range:
                low, high = split.images.min().item(), split.images.max().item()  # NaN if one pixel is
                inside = np.float32(self.value_range[0]) <= low <= high <= np.float32(self.value_range[1])
                _require(inside, f"{name} pixels are in value_range", low=low, high=high, value_range=self.value_range)
            full = int(split.images.max()) if self.pixel_max < 255 else 0
            _require(full <= self.pixel_max, f"{name} pixels <= pixel_max", pixel=full, pixel_max=self.pixel_max)

    def _check_labels(self) -> None:
        """Validate that labels are classes with their number, or finite numbers without."""
        import numpy as np

        number, num_names, targets = self.num_classes, len(self.class_names), (*self.train.labels.shape[1:], 1)[0]
        counts = {"num_classes": number, "num_class_names": num_names}
        kinds = {name: str(split.labels.dtype) for name, split in self.splits.items()}
        if "float32" not in kinds.values():
            _require(1 <= number <= MAX_CLASSES, f"1 <= num_classes <= {MAX_CLASSES}", num_classes=number)
            _require(num_names in (0, number), "num_class_names in (0, num_classes)", **counts)
            for name, split in self.splits.items():
                label = int(split.labels.max())
                _require(label < number, f"{name} labels < num_classes", label=label, num_classes=number)
            return
        _require({*kinds.values()} == {"float32"}, "labels of all splits are classes, or all are float32", **kinds)
        for name, split in self.splits.items():
            same = split.labels.shape[1:] == self.label_shape
            _require(same, f"{name} has as many numbers as train", shape=split.labels.shape, train=self.label_shape)
            hint, is_plain = conversions.hint("labels", split.labels), not conversions.is_one_hot(split.labels)
            _require(is_plain, f"{name} labels are classes or numbers", hint, shape=split.labels.shape)
            missing = int(np.count_nonzero(~np.isfinite(split.labels)))
            _require(not missing, f"{name} labels are finite", num_not_finite=missing, num_labels=len(split))
        hint = ": leave that out, or make the labels classes with `labels.astype('uint8')`"
        _require(number in (0, targets) and not num_names, "float32 labels are numbers, of no classes", hint, **counts)
        _require(targets <= MAX_CLASSES, f"numbers of an image <= {MAX_CLASSES}", num=targets)
        object.__setattr__(self, "num_classes", targets)

    def _check_dtype(self) -> None:
        kinds = {name: str(split.images.dtype) for name, split in self.splits.items()}
        _require(len({*kinds.values()}) == 1, "images of all splits have one dtype", **kinds)
        given, is_float = self.value_range, kinds["train"] == "float32"
        if given is None:
            if is_float:
                found = f" for values from {self.train.images.min():g} to {self.train.images.max():g}"
                _require(False, "float32 images have a value_range, such as (0, 1)", found, value_range=given)
            return
        pair = isinstance(given, tuple | list) and len(given) == 2 and {*map(type, given)} <= {int, float}
        is_range = pair and 0 < given[1] - given[0] < MAX_SPAN
        _require(is_range, "value_range is (low, high), finite, low < high", value_range=given)
        _require(is_float, "value_range goes with float32 images", ": uint8 have a pixel_max", dtype=kinds["train"])
        _require(self.pixel_max == 255, "pixel_max goes with uint8 images", pixel_max=self.pixel_max)
        object.__setattr__(self, "value_range", (float(given[0]), float(given[1])))

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by name: `train`, `val` and `test`."""
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def is_regression(self) -> bool:
        """Whether labels are numbers to predict, and no classes."""
        return self.train.labels.dtype.kind == "f"

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Shape of the label of an image: empty, or the number of its numbers if these are several."""
        return self.train.labels.shape[1:]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    @property
    def pixel_range(self) -> tuple[float, float]:
        """Values of pixels that become 0 and 1."""
        return self.value_range or (0.0, float(self.pixel_max))

    def scaled(self, images: "NDArray[Any]") -> "NDArray[np.float32]":
        """Return images of this data set as float32 in [0, 1], as graphs scale them."""
        import numpy as np

        low, high = self.pixel_range
        pixels = np.array(images, np.float32)
        pixels -= np.float32(low)
        pixels /= np.float32(high - low)
        return pixels

    def as_picture(self, images: "NDArray[Any]") -> "NDArray[np.uint8]":
        """Return images of this data set with pixels from 0 to 255."""
        import numpy as np

        if self.value_range:
            return np.rint(self.scaled(images) * 255).astype(np.uint8)
        levels: Any = images.astype(np.uint32) * 255 // self.pixel_max
        return np.asarray(levels, np.uint8)

    def read_only(self) -> "Dataset":
        """Return this data set with read-only views of its arrays, for code that might write into them."""
        return replace(self, train=self.train.read_only(), val=self.val.read_only(), test=self.test.read_only())

    def digest(self) -> str:
        """Return the first 16 hexadecimal digits of a SHA-256 of everything that training and evaluation see.

        If all float32 images are whole levels, such as n / 255, it is that of the same images as uint8.
        """
        splits, scale, (low, high) = self.splits, self.value_range or self.pixel_max, self.pixel_range
        if self.value_range and low == 0 and (top := conversions.full_level(high)):
            found = {name: conversions.as_levels(split.images, high) for name, split in splits.items()}
            levels = {name: images for name, images in found.items() if images is not None}
            if len(levels) == len(splits):
                splits, scale = {name: replace(split, images=levels[name]) for name, split in splits.items()}, top
        content = {name: [split.images.shape, split.sha256()] for name, split in splits.items()}
        return hashlib.sha256(json.dumps([content, self.num_classes, scale]).encode()).hexdigest()[:DIGEST_LENGTH]


@runtime_checkable
class DataSource(Protocol):
    """Anything that can load a data set: a frozen value, so that a trial can name it."""

    def load(self) -> Dataset:
        """Return the data set, the same on every call and every machine."""


@runtime_checkable
class Shaped(Protocol):
    """What a network is built for: a data set, or a data source that declares its shape before it loads anything."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""

    @property
    def num_classes(self) -> int:
        """Number of classes, or of the numbers of an image."""


def _require(holds: bool, rule: str, hint: str = "", /, **values: object) -> None:
    if not holds:
        raise DataError(conversions.broken(rule, hint, **values))
