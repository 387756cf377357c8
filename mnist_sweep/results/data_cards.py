"""What a results folder records of its data sets, so that it can be read without their code.

A card is `data/<data id>.json`. A folder of version 0.4 has none: there, the built-in data sets speak for themselves.
One that is damaged, or cannot be read or written, raises LedgerError.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mnist_sweep.data.dataset import Dataset, Shaped
from mnist_sweep.data.files.own_files import EncodedImages
from mnist_sweep.data.loading import DATASETS
from mnist_sweep.errors import ConfigError, DataError
from mnist_sweep.results.predictions import data_id
from mnist_sweep.system.atomic_files import read_json, write_json
from mnist_sweep.text.lines import printable
from mnist_sweep.validation import coerce, require

FOLDER = "data"
MAX_BYTES = 16 << 20  # of 65,536 names
MNIST_SHARE = 20 / 28  # MNIST scaled its digits to 20 pixels, in images of 28


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCard:
    """What readers of results need to know of a data set.

    Attributes:
        class_names: Names of the classes in the order of their labels; empty if they have none.
        handwriting: Whether the images are light handwriting on dark, centred as MNIST's.
        writing_share: Share of an image's shorter side that the longer side of such writing fills, in (0, 1].
        splits_differ: Why the splits are not alike, in a sentence; empty if no reason is known.
        resize: How images of another size were scaled, as in `ImageFolder`.
        is_regression: Whether labels are numbers, and no classes.
        pixel_range: Values of pixels that become 0 and 1.
    """

    class_names: tuple[str, ...] = ()
    handwriting: bool = False
    writing_share: float = MNIST_SHARE
    splits_differ: str = ""
    resize: Literal["pad", "crop", "stretch"] = "stretch"
    is_regression: bool = False
    pixel_range: tuple[float, float] = (0.0, 255.0)

    def __post_init__(self) -> None:
        coerce(self)
        require(0 < self.writing_share <= 1, "writing_share lies in (0, 1]", writing_share=self.writing_share)
        low, high = self.pixel_range
        require(low < high, "pixel_range is (low, high), low < high", pixel_range=self.pixel_range)

    def names(self, num_classes: int) -> list[str]:
        """Return a name for each class: its own, or its label."""
        labels = [str(label) for label in range(num_classes)]
        return [*map(printable, self.class_names), *labels[len(self.class_names) :]][:num_classes]


def describe(source: Any, dataset: Shaped | None = None) -> DataCard:
    """Return the card of a data source, from what it declares in capitals: the fields of the card, and `CLASSES`.

    Without `CLASSES`, the classes have the names that the data set gives them.

    Raises:
        DataError: A declaration is of another type, or there is not one name for each class of the data set.
    """
    name = getattr(source, "__qualname__", type(source).__name__)
    names = getattr(source, "CLASSES", dataset.class_names if isinstance(dataset, Dataset) else ())
    try:
        given = [names] if isinstance(names, str) else names
        card = DataCard(
            class_names=tuple(given),
            handwriting=getattr(source, "HANDWRITING", False),
            writing_share=getattr(source, "WRITING_SHARE", MNIST_SHARE),
            splits_differ=getattr(source, "SPLITS_DIFFER", ""),
            resize=source.resize if isinstance(source, EncodedImages) else "stretch",
            is_regression=isinstance(dataset, Dataset) and dataset.is_regression,
            pixel_range=dataset.pixel_range if isinstance(dataset, Dataset) else (0.0, 255.0),
        )
    except (ConfigError, TypeError) as error:
        raise DataError(f"what the data source {name} declares cannot be used: {error}") from error
    number = len(card.class_names)
    if dataset is not None and number not in (0, dataset.num_classes):
        raise DataError(f"the data source {name} has {number} CLASSES, but its data has {dataset.num_classes} classes.")
    return card


def write(folder: Path, name: str, card: DataCard) -> None:
    """Write the card of the data set with this id into a results folder durably."""
    write_json(folder / FOLDER / f"{name}.json", dataclasses.asdict(card), "data card")


def read(folder: Path, config: Mapping[str, Any]) -> DataCard:
    """Return the card of a flat config's data set; without a file, that of a built-in one or an empty one."""
    path, way_out = folder / FOLDER / f"{data_id(config)}.json", "delete it, and classes are shown by their labels"
    found = read_json(path, DataCard, max_bytes=MAX_BYTES, way_out=way_out)
    return found or describe(DATASETS.get(str(config.get("data"))))
