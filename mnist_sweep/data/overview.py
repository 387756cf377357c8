"""What a data set holds, before anything trains: splits, classes, pixels, what looks wrong, and a sheet of examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnist_sweep.data import dataset_checks
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.duplicates import Duplicate, across_splits
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import printable

MAX_CLASSES = 50  # on a sheet
NUM_EXAMPLES = 12  # of a class
SIDE = 64  # of an example, at least
QUANTILES, NUM_PARTS = (0.0, 0.25, 0.5, 0.75, 1.0), 10  # of numbers; parts of equal size, on a sheet
TEXT_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a data set holds.

    Attributes:
        sizes: Number of images of each split.
        image_shape: Height, width and channels.
        num_classes: Number of classes; 0 if labels are numbers.
        class_names: Names of the classes, or their labels; of none likewise.
        counts: Number of images of each class, by split; of none if labels are numbers.
        numbers: Smallest, 25%, 50%, 75% and largest label, and the mean, by split, if labels are numbers; of
            several, a tuple of these for each.
        pixels: Smallest, largest and mean pixel of each split.
        pixel_max: The value of a full pixel of uint8 images.
        value_range: Values of float32 images that become 0 and 1; None if images are uint8.
        digest: The digest that rows record.
        duplicates: Images that are in two splits; unknown, and empty, if the data are verified.
        notes: What looks wrong or should be known, a line each.
    """

    sizes: Mapping[str, int]
    image_shape: tuple[int, int, int]
    num_classes: int
    class_names: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    numbers: Mapping[str, tuple[float, ...]]
    pixels: Mapping[str, tuple[float, float, float]]
    pixel_max: int
    value_range: tuple[float, float] | None
    digest: str
    duplicates: tuple[Duplicate, ...]
    notes: tuple[str, ...]


def overview(
    name: str, data: Dataset, *, is_verified: bool = False, names: Mapping[str, Sequence[str]] | None = None
) -> Overview:
    """Return what a data set holds; messages call it by this name, and its images by `names`, or by their numbers.

    Raises:
        DataError: There is only one class to learn.
    """
    dataset_checks.validate(name, data)
    found, num_classes = data.splits, 0 if data.is_regression else data.num_classes

    def named(split: str, number: int) -> str:
        return printable(names[split][number]) if names else f"{split}[{number}]"

    return Overview(
        sizes={split: len(part) for split, part in found.items()},
        image_shape=data.image_shape,
        num_classes=num_classes,
        class_names=tuple(map(printable, data.class_names)) or tuple(map(str, range(num_classes))),
        counts={
            split: tuple(np.bincount(part.labels, minlength=num_classes).tolist()) if num_classes else ()
            for split, part in found.items()
        },
        numbers={split: _numbers(part.labels) for split, part in found.items()} if data.is_regression else {},
        pixels={
            split: (part.images.min().item(), part.images.max().item(), round(float(part.images.mean()), 3))
            for split, part in found.items()
        },
        pixel_max=data.pixel_max,
        value_range=data.value_range,
        digest=data.digest(),
        duplicates=() if is_verified else tuple(across_splits(data, named)),
        notes=tuple(dataset_checks.notes(name, data, is_verified=is_verified, named=named)),
    )


def _numbers(labels: NDArray[Any]) -> tuple[Any, ...]:
    if labels.ndim == 2:
        return tuple(map(_numbers, labels.T))
    found = [*np.quantile(labels.astype(np.float64), QUANTILES), labels.mean(dtype=np.float64)]
    return tuple(float(f"{one:.6g}") for one in found)


def write_sheet(file: Path, data: Dataset, class_names: tuple[str, ...]) -> None:
    """Write a PNG file with examples of each class, as `example_sheet` draws them.

    Raises:
        DataError: It cannot be written.
    """
    try:
        with file.open("wb") as opened:
            example_sheet(data, class_names).save(opened, "PNG")
    except OSError as error:
        raise DataError(f"{file} cannot be written ({error.strerror}): name another file.") from error


def example_sheet(data: Dataset, class_names: tuple[str, ...]) -> Image.Image:
    """Return a picture with a line for each class, or part of the numbers: its name, and its first training images."""
    height, width, channels = data.image_shape
    factor = max(1, -(-SIDE // max(height, width)))
    step = np.array([height, width]) * factor + 2
    groups = _groups(data.train.labels, class_names)
    sheet = Image.new("RGB", (TEXT_WIDTH + NUM_EXAMPLES * int(step[1]), len(groups) * int(step[0])), "white")
    draw = ImageDraw.Draw(sheet)
    for line, (name, places) in enumerate(groups):
        text = name.encode("latin-1", "replace").decode("latin-1")[:18]  # all that Pillow's font has
        draw.text((4, line * int(step[0]) + int(step[0]) // 2 - 6), text, fill="black")
        for column, place in enumerate(places[:NUM_EXAMPLES]):
            levels = data.as_picture(data.train.images[place])
            pixels = levels if channels == 3 else np.repeat(levels[..., :1], 3, axis=2)
            large = np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)
            sheet.paste(Image.fromarray(large), (TEXT_WIDTH + column * int(step[1]), line * int(step[0])))
    return sheet


def _groups(labels: NDArray[Any], class_names: tuple[str, ...]) -> list[tuple[str, NDArray[np.intp]]]:
    """Return the name of each class, or part of the numbers from low to high, and the places of its images."""
    if labels.dtype.kind != "f":
        return [(class_names[label], np.flatnonzero(labels == label)) for label in np.unique(labels)[:MAX_CLASSES]]
    labels = labels.reshape(len(labels), -1)[:, 0]
    parts = np.array_split(np.argsort(labels, kind="stable"), min(NUM_PARTS, len(labels)))
    return [(f"{labels[part[0]]:.4g} to {labels[part[-1]]:.4g}", np.sort(part)) for part in parts]
