"""What data sources in the user's own files have in common: where files are found, and how they become splits.

Their content is not verified, as that of MNIST is, but its digest is in every row. The path is part of a trial's
config as it is written, so a relative one is the same trial on every machine, wherever the files are found there.
"""

import abc
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mnist_sweep.data import data_folders
from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.files import splits
from mnist_sweep.data.files.content import Content, numbered, with_channels
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import listed, one_line
from mnist_sweep.text.numbers import counted
from mnist_sweep.validation import coerce, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnist_sweep.data.files.image_decoding import Rules

    Images = Mapping[str, NDArray[Any]]
    Prepare = Callable[[Sequence[str | bytes], Rules], NDArray[np.uint8]]

MAX_SIDE = 4096


@dataclass(frozen=True, slots=True)
class OwnFiles(abc.ABC):
    """A data set in files at a path.

    A split that the files lack is held out of train: a fraction of each class, drawn with the seed. Labels that are
    floats are numbers to predict, and no classes.

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
        return self._load(self._decoded)

    def _load(self, decode: "Callable[[Images], Images]") -> Dataset:
        with self._found() as found:
            images = decode(found.images)
            parts: Any = {name: Split(images=images[name], labels=found.labels[name]) for name in splits.SPLITS}
            is_regression = found.labels["train"].dtype.kind == "f"
            num_labels = 0 if is_regression else 1 + max(int(labels.max()) for labels in found.labels.values())
            return Dataset(
                **parts,
                value_range=found.value_range,
                num_classes=len(found.class_names) or num_labels,
                class_names=found.class_names,
                notes=found.notes,
            )

    @contextlib.contextmanager
    def _found(self) -> Iterator[Content]:
        """Give what the files hold, all splits with labels as data sets have them; errors of the body name the path."""
        path = find(self.path)
        try:
            found = numbered(self._content(path))
            for name, labels in found.labels.items():
                num_images, *_ = *found.images[name].shape, 0
                if len(labels) != num_images:
                    raise DataError(f"{name} has {num_images} images and {len(labels)} labels.")
            yield self._completed(found)
        except OSError as error:
            cause = error.strerror or one_line(error)
            raise DataError(f"{error.filename or path} cannot be read ({cause}).") from error
        except DataError as error:
            message = str(error)
            raise DataError(message if message.startswith(str(path)) else f"{path}: {message}") from error

    @abc.abstractmethod
    def _content(self, path: Path) -> Content:
        """Return what the files hold; `train` is there, the other splits may be."""

    def _decoded(self, images: "Images") -> "Images":
        """Return the images of each split: `[n, height, width, channels]`."""
        return {name: with_channels(array) for name, array in images.items()}

    def _completed(self, found: Content) -> Content:
        """Return content with all three splits, and a note on those that were held out of train."""
        fractions = {"val": self.val_fraction, "test": self.test_fraction}
        lacking = {name: fraction for name, fraction in fractions.items() if name not in found.labels}
        if not lacking:
            return found
        images, labels = found.images["train"], found.labels["train"]
        places = splits.hold_out(labels, lacking, self.seed)
        if empty := [name for name, part in places.items() if not len(part)]:
            raise DataError(f"holds {counted(len(labels), 'image')}, too few to hold out {listed(empty)}.")
        note = f"{listed([*lacking])} held out of train: {listed([f'{share:g}' for share in lacking.values()])}"
        note += " of each class" * (labels.dtype.kind != "f")
        return found._replace(
            images={**found.images, **{name: images[part] for name, part in places.items()}},
            labels={**found.labels, **{name: labels[part] for name, part in places.items()}},
            notes=(f"{note}, drawn with seed {self.seed}", *found.notes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImages(OwnFiles):
    """Images in PNG, JPEG, BMP, GIF, TIFF or WebP format.

    Attributes:
        image_size: Height and width to which images are scaled, or one number for both; None if all have one size.
        color: Channels of the images: 3 (`rgb`), 1 (`grayscale`), or 3 if at least one file is coloured (`auto`).
        resize: How images of other proportions are scaled: between black bars, cut, or stretched.
    """

    image_size: int | tuple[int, int] | None = None
    color: Literal["auto", "rgb", "grayscale"] = "auto"
    resize: Literal["pad", "crop", "stretch"] = "pad"

    def __post_init__(self) -> None:
        if isinstance(self.image_size, int):
            object.__setattr__(self, "image_size", (self.image_size, self.image_size))
        OwnFiles.__post_init__(self)
        given = self.image_size
        sides = given if isinstance(given, tuple) and len(given) == 2 else (0,)
        fits = all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides)
        rule = f"image_size is (height, width), each from 1 to {MAX_SIDE}, or None"
        require(given is None or fits, rule, image_size=given)

    def load(self, prepare: "Prepare | None" = None) -> Dataset:
        """Return the data set; `prepare` decodes its images elsewhere than in the memory of this process.

        Raises:
            DataError: As raised by `OwnFiles.load`, or by `prepare`.
        """
        return self._load(partial(self._prepared, prepare))

    def names(self) -> dict[str, list[str]] | None:
        """Return the file of each image of each split, from the path on; None if it holds many.

        Raises:
            DataError: As raised by `load`.
        """
        with self._found() as found:
            root = f"{find(self.path).resolve()}/"
            if not all(isinstance(files[0], str) for files in found.images.values()):
                return None
            return {split: [file.removeprefix(root) for file in files] for split, files in found.images.items()}

    def _prepared(self, prepare: "Prepare | None", images: "Images") -> "Images":
        import numpy as np

        from mnist_sweep.data.files.image_decoding import Rules, in_memory
        from mnist_sweep.data.mapped_images import part

        size = self.image_size if isinstance(self.image_size, tuple) else None
        sources = [source for split in splits.SPLITS for source in images[split]]
        rules = Rules(size, self.color, self.resize)
        found = prepare(sources, rules) if prepare else in_memory(sources, rules)
        ends = np.cumsum([0, *(len(images[split]) for split in splits.SPLITS)]).tolist()
        return {split: part(found, *ends) for split, ends in zip(splits.SPLITS, pairwise(ends), strict=True)}


def find(path: str | os.PathLike[str]) -> Path:
    """Return where a path leads: from the working folder, or else from a folder of data on this machine.

    Raises:
        DataError: Nowhere.
    """
    given = data_folders.expanded(Path(path))
    there = given.name if given.is_absolute() else given
    folders = data_folders.search_folders()
    for candidate in (given, *(folder / there for folder in folders)):
        if "\0" not in str(given) and os.access(candidate, os.F_OK):
            return candidate
    where = "" if given.is_absolute() else f" in {Path.cwd()}"
    raise DataError(f"there is no {given}{where}, nor {there} in a folder of {data_folders.FOLDERS_VARIABLE}.")
