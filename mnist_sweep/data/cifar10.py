"""CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels in colour, from the binary version.

A record is a label byte and three planes of 1,024 bytes, red, green and blue, row by row. Of the five training files,
only those that the splits need are read, so part of the data set is enough for smaller splits.
Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mnist_sweep.data import archive, download, idx
from mnist_sweep.data.dataset import Dataset, Split, check_sizes
from mnist_sweep.errors import DataError
from mnist_sweep.validation import coerce

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

MIRRORS = ("https://www.cs.toronto.edu/~kriz",)
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
NUM_CLASSES = 10
SIDE = 32
RECORD_BYTES = 1 + 3 * SIDE * SIDE
RECORDS_PER_FILE = 10_000
TEST_FILE = "test_batch.bin"
SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    TEST_FILE: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
NUM_TRAIN = 50_000
WAY_OUT = "Replace it, or delete it and run `mnist-sweep data cifar10`."

_SUBFOLDER = "cifar10"


@dataclass(frozen=True, slots=True, kw_only=True)
class CIFAR10:
    """CIFAR-10: 10 classes, image shape `(32, 32, 3)`, pixels from 0 to 255.

    Attributes:
        CLASSES: Names of the classes 0 to 9.
        image_shape: Height, width and channels of every image.
        num_classes: Number of classes.
        train_size: Images in train: those after validation.
        val_size: Images in validation: the first of the 50,000 training images. He et al. 2015 (arXiv 1512.03385,
            section 4.2) also split them into 45,000 and 5,000.
        test_size: Images in test: the first of the 10,000 test images.
    """

    CLASSES: ClassVar[tuple[str, ...]] = (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    )
    image_shape: ClassVar[tuple[int, int, int]] = (SIDE, SIDE, 3)
    num_classes: ClassVar[int] = len(CLASSES)

    train_size: int = 45_000
    val_size: int = 5_000
    test_size: int = RECORDS_PER_FILE

    def __post_init__(self) -> None:
        coerce(self)
        check_sizes(self.train_size, self.val_size, self.test_size, num_train=NUM_TRAIN, num_test=RECORDS_PER_FILE)

    def load(self) -> Dataset:
        """Return the data set; missing files are downloaded first.

        Raises:
            DownloadError: A missing file could not be downloaded.
            DataError: A file is not CIFAR-10's.
        """
        import numpy as np

        *parts, test = [_read(name, path) for name, path in self._paths(None).items()]
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        val, train = slice(self.val_size), slice(self.val_size, self.val_size + self.train_size)
        return Dataset(
            train=Split(images=images[train], labels=labels[train]),
            val=Split(images=images[val], labels=labels[val]),
            test=Split(images=test[0][: self.test_size], labels=test[1][: self.test_size]),
            num_classes=self.num_classes,
        )

    def files(self, *, console: "Console | None" = None) -> dict[str, Path]:
        """Return the paths of the files that the splits need, by name; missing ones are downloaded, all are verified.

        Args:
            console: Console for the progress of downloads; standard error if None.

        Raises:
            DownloadError: A missing file could not be downloaded.
            DataError: A file is not CIFAR-10's.
        """
        paths = self._paths(console)
        for name, path in paths.items():
            _read(name, path)
        return paths

    def _paths(self, console: "Console | None") -> dict[str, Path]:
        """Return the paths of the needed files, training files first, not yet verified."""
        num_files = -(-(self.train_size + self.val_size) // RECORDS_PER_FILE)
        names = [*list(SHA256)[:num_files], TEST_FILE]
        found = {name: path for name in names if (path := _found(name))}
        if len(found) < len(names):
            for name, path in found.items():
                _read(name, path)  # report a damaged file before a download, which would not replace it
            _unpack(console)
        return {name: _found(name) or download.cache_folder() / _SUBFOLDER / name for name in names}


def parse_records(content: bytes, path: Path) -> tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]:
    """Return the images and labels of records: uint8 `[n, 32, 32, 3]` and uint8 `[n]`.

    Raises:
        DataError: The content is not a whole number of records, or has a label above 9; the message names `path`.
    """
    import numpy as np

    if not content or len(content) % RECORD_BYTES:
        raise DataError(
            f"{path} is cut off: it holds {len(content):,} bytes, expected records of {RECORD_BYTES:,} bytes each."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    labels = records[:, 0]
    if (label := int(labels.max())) >= NUM_CLASSES:
        position = int(labels.argmax())
        raise DataError(f"{path} has label {label} in record {position}, expected 0 to {NUM_CLASSES - 1}.")
    images = records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.copy()


def _found(name: str) -> Path | None:
    return download.find(_SUBFOLDER, [f"{name}{suffix}" for suffix in ("", ".gz")])


def _unpack(console: "Console | None") -> None:
    """Extract all files into the cache, from a local archive or else from a downloaded one."""
    folder = download.cache_folder() / _SUBFOLDER
    path = download.find(_SUBFOLDER, [ARCHIVE])
    if path is None:
        path = folder / ARCHIVE
        urls = download.mirror_urls(_SUBFOLDER, ARCHIVE, MIRRORS)
        download.fetch(urls, path, sha256=ARCHIVE_SHA256, console=console)
    try:
        archive.extract(path, folder, SHA256)
    except DataError as error:
        raise DataError(f"{error} {WAY_OUT}") from error


def _read(name: str, path: Path) -> tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]:
    """Return the images and labels in a file; the structure is checked before the checksum, for a better message."""
    try:
        content = idx.read_bytes(path)
        arrays = parse_records(content, path)
        if (digest := hashlib.sha256(content).hexdigest()) != SHA256[name]:
            raise DataError(f"{path} unpacks to bytes of SHA-256 {digest}, expected {SHA256[name]}.")
    except DataError as error:
        raise DataError(f"{error} {WAY_OUT}") from error
    return arrays
