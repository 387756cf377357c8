"""MNIST: 60,000 training and 10,000 test images of 28x28 grey pixels, split as in the classic TensorFlow tutorials.

Files are verified by the SHA-256 of their uncompressed content on every load, so compressed or not makes no difference,
and all trials learn from the same bytes.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mnist_sweep.data import download, idx
from mnist_sweep.data.dataset import Dataset, Split, check_sizes
from mnist_sweep.errors import DataError
from mnist_sweep.validation import coerce

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist", "https://ossci-datasets.s3.amazonaws.com/mnist")
NUM_TRAIN = 60_000
NUM_TEST = 10_000

_SUBFOLDER = "mnist"


@dataclass(frozen=True, slots=True, kw_only=True)
class MNIST:
    """MNIST: 10 classes, image shape `(28, 28, 1)`, pixels from 0 to 255.

    Attributes:
        image_shape: Height, width and channels of every image.
        num_classes: Number of classes.
        train_size: Images in train: those after validation.
        val_size: Images in validation: the first of the 60,000 training images.
        test_size: Images in test: the first of the 10,000 test images.
    """

    image_shape: ClassVar[tuple[int, int, int]] = (28, 28, 1)
    num_classes: ClassVar[int] = 10

    train_size: int = 55_000
    val_size: int = 5_000
    test_size: int = NUM_TEST

    def __post_init__(self) -> None:
        coerce(self)
        check_sizes(self.train_size, self.val_size, self.test_size, num_train=NUM_TRAIN, num_test=NUM_TEST)

    def load(self) -> Dataset:
        """Return the data set; missing files are downloaded first.

        Raises:
            DownloadError: A missing file could not be downloaded.
            DataError: A file is not MNIST's.
        """
        arrays = {part: _read(FILES[part], path) for part, path in _paths(None).items()}
        images, labels = arrays["train images"][..., None], arrays["train labels"]
        val, train = slice(self.val_size), slice(self.val_size, self.val_size + self.train_size)
        test = slice(self.test_size)
        return Dataset(
            train=Split(images=images[train], labels=labels[train]),
            val=Split(images=images[val], labels=labels[val]),
            test=Split(images=arrays["test images"][test, ..., None], labels=arrays["test labels"][test]),
            num_classes=self.num_classes,
        )

    def files(self, *, console: "Console | None" = None) -> dict[str, Path]:
        """Return the paths of the four files, by content; missing ones are downloaded, and all are verified.

        Args:
            console: Console for the progress of downloads; standard error if None.

        Raises:
            DownloadError: A missing file could not be downloaded.
            DataError: A file is not MNIST's.
        """
        paths = _paths(console)
        for part, path in paths.items():
            _read(FILES[part], path)
        return paths


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One of the four files.

    Attributes:
        name: Its name as distributed, without `.gz`.
        shape: Shape of the array in it.
        compressed: SHA-256 of the `.gz` file as distributed.
        content: SHA-256 of the uncompressed content.
    """

    name: str
    shape: tuple[int, ...]
    compressed: str
    content: str


FILES = {
    "train images": _File(
        name="train-images-idx3-ubyte",
        shape=(NUM_TRAIN, 28, 28),
        compressed="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        content="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train labels": _File(
        name="train-labels-idx1-ubyte",
        shape=(NUM_TRAIN,),
        compressed="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        content="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test images": _File(
        name="t10k-images-idx3-ubyte",
        shape=(NUM_TEST, 28, 28),
        compressed="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        content="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "test labels": _File(
        name="t10k-labels-idx1-ubyte",
        shape=(NUM_TEST,),
        compressed="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        content="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


def _paths(console: "Console | None") -> dict[str, Path]:
    """Return the paths of the files, local or else downloaded, not yet verified."""
    found = {part: path for part, file in FILES.items() if (path := _found(file))}
    if len(found) < len(FILES):
        for part, path in found.items():
            _read(FILES[part], path)  # report a damaged file before downloading others
    return {part: found.get(part) or _downloaded(file, console) for part, file in FILES.items()}


def _found(file: _File) -> Path | None:
    dotted = file.name.replace("-idx", ".idx")
    return download.find(_SUBFOLDER, [f"{name}{suffix}" for name in (file.name, dotted) for suffix in (".gz", "")])


def _downloaded(file: _File, console: "Console | None") -> Path:
    name = f"{file.name}.gz"
    path = download.cache_folder() / _SUBFOLDER / name
    download.fetch(download.mirror_urls(_SUBFOLDER, name, MIRRORS), path, sha256=file.compressed, console=console)
    return path


def _read(file: _File, path: Path) -> "NDArray[np.uint8]":
    """Return the array in a file, read-only; the structure is checked before the checksum, for a better message."""
    try:
        content = idx.read_bytes(path)
        parse = idx.parse_images if len(file.shape) == 3 else idx.parse_labels
        array = parse(content, path)
        if array.shape != file.shape:
            raise DataError(f"{path} holds an array of shape {array.shape}, expected {file.shape}.")
        if (digest := hashlib.sha256(content).hexdigest()) != file.content:
            raise DataError(f"{path} unpacks to bytes of SHA-256 {digest}, expected {file.content}.")
    except DataError as error:
        raise DataError(f"{error} Replace it, or delete it and run `mnist-sweep data mnist`.") from error
    return array
