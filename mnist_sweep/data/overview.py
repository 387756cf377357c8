"""What a data set holds, before anything trains: splits, classes, pixels, what looks wrong, and a sheet of examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from mnist_sweep.data import dataset_checks, duplicates
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import printable

MAX_CLASSES = 50  # on a sheet
NUM_EXAMPLES = 12  # of a class
SIDE = 64  # of an example, at least
TEXT_WIDTH = 120


class NamedDuplicate(NamedTuple):
    """The names of an image and of the same one in an earlier split, and whether all their pixels are alike."""

    image: str
    original: str
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a data set holds.

    Attributes:
        sizes: Number of images of each split.
        image_shape: Height, width and channels.
        num_classes: Number of classes.
        class_names: Names of the classes, or their labels.
        counts: Number of images of each class, by split.
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
    pixels: Mapping[str, tuple[float, float, float]]
    pixel_max: int
    value_range: tuple[float, float] | None
    digest: str
    duplicates: tuple[NamedDuplicate, ...]
    notes: tuple[str, ...]


def overview(
    name: str, data: Dataset, *, is_verified: bool = False, names: Mapping[str, Sequence[str]] | None = None
) -> Overview:
    """Return what a data set holds; messages call it by this name, and its images by `names`, or by their numbers.

    Raises:
        DataError: There is only one class to learn.
    """
    dataset_checks.validate(name, data)
    found = data.splits

    def named(split: str, number: int) -> str:
        return printable(names[split][number]) if names else f"{split}[{number}]"

    return Overview(
        sizes={split: len(part) for split, part in found.items()},
        image_shape=data.image_shape,
        num_classes=data.num_classes,
        class_names=tuple(map(printable, data.class_names)) or tuple(map(str, range(data.num_classes))),
        counts={
            split: tuple(np.bincount(part.labels, minlength=data.num_classes).tolist()) for split, part in found.items()
        },
        pixels={
            split: (part.images.min().item(), part.images.max().item(), round(float(part.images.mean()), 3))
            for split, part in found.items()
        },
        pixel_max=data.pixel_max,
        value_range=data.value_range,
        digest=data.digest(),
        duplicates=tuple(
            NamedDuplicate(named(*one.image), named(*one.original), one.is_exact)
            for one in ([] if is_verified else duplicates.across_splits(data))
        ),
        notes=tuple(dataset_checks.notes(name, data, is_verified=is_verified, named=named)),
    )


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
    """Return a picture with a line for each class: its name, and its first training images."""
    height, width, channels = data.image_shape
    factor = max(1, -(-SIDE // max(height, width)))
    step = np.array([height, width]) * factor + 2
    labels = np.flatnonzero(np.bincount(data.train.labels, minlength=data.num_classes))[:MAX_CLASSES]
    sheet = Image.new("RGB", (TEXT_WIDTH + NUM_EXAMPLES * int(step[1]), len(labels) * int(step[0])), "white")
    draw = ImageDraw.Draw(sheet)
    for line, label in enumerate(labels):
        text = class_names[label].encode("latin-1", "replace").decode("latin-1")[:18]  # all that Pillow's font has
        draw.text((4, line * int(step[0]) + int(step[0]) // 2 - 6), text, fill="black")
        for column, place in enumerate(np.flatnonzero(data.train.labels == label)[:NUM_EXAMPLES]):
            levels = data.as_picture(data.train.images[place])
            pixels = levels if channels == 3 else np.repeat(levels[..., :1], 3, axis=2)
            large = np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)
            sheet.paste(Image.fromarray(large), (TEXT_WIDTH + column * int(step[1]), line * int(step[0])))
    return sheet
