"""Data sets in files: found on this machine or else downloaded, verified on every load, and split by position.

Files are verified by the SHA-256 of their uncompressed content, so compressed or not makes no difference, and all
trials learn from the same bytes.
"""

import abc
import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mnist_sweep.data import data_folders, idx
from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.errors import DataError
from mnist_sweep.validation import coerce, require, require_at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFiles(abc.ABC):
    """A data set in files: training images, the first ones for validation, and test images.

    Attributes:
        image_shape: Height, width and channels of every image.
        num_classes: Number of classes.
        train_size: Images in train: those after validation.
        val_size: Images in validation: the first training images.
        test_size: Images in test: the first test images.
    """

    image_shape: ClassVar[tuple[int, int, int]]
    num_classes: ClassVar[int]
    _available: ClassVar[tuple[int, int]]  # training and test images
    _folder: ClassVar[str]  # of its files, in the data folders; also its name on the command line
    _checksums: ClassVar[Mapping[str, str]]  # SHA-256 of each file by name, of its uncompressed content
    _as_distributed: ClassVar[bool] = False  # or, if only that is known, of the compressed file

    train_size: int
    val_size: int
    test_size: int

    def __post_init__(self) -> None:
        coerce(self)
        train_size, val_size, (num_train, num_test) = self.train_size, self.val_size, self._available
        require_at_least(1, train_size=train_size, val_size=val_size)
        rule = f"train_size + val_size <= {num_train}"
        require(train_size + val_size <= num_train, rule, train_size=train_size, val_size=val_size)
        require(1 <= self.test_size <= num_test, f"1 <= test_size <= {num_test}", test_size=self.test_size)

    def load(self) -> Dataset:
        """Return the data set; missing files are downloaded first.

        Raises:
            DownloadError: A missing file could not be downloaded.
            DataError: A file is not the data set's.
        """
        parsed = [self._read(name, path) for name, path in self.files().items()]
        images, labels, test_images, test_labels = self._join(parsed)
        val, train = slice(self.val_size), slice(self.val_size, self.val_size + self.train_size)
        return Dataset(
            train=Split(images=images[train], labels=labels[train]),
            val=Split(images=images[val], labels=labels[val]),
            test=Split(images=test_images[: self.test_size], labels=test_labels[: self.test_size]),
            num_classes=self.num_classes,
        )

    def files(self) -> dict[str, Path]:
        """Return the paths of the files that the splits need; missing ones are downloaded, which `load` verifies.

        Raises:
            DownloadError: A missing file could not be downloaded.
            DataError: Others are missing, and a file that is there is not the data set's.
        """
        needed = self._needed()
        found = {name: path for name, names in needed.items() if (path := data_folders.find(self._folder, names))}
        if missing := [name for name in needed if name not in found]:
            for name, path in found.items():
                self._read(name, path)  # report a damaged file before a download, which would not replace it
            found |= self._fetch(missing)
        return {name: found[name] for name in needed}

    def _read(self, name: str, path: Path) -> Any:
        """Return what a file holds."""
        with self._way_out():
            content = idx.read_bytes(path)
            digest = hashlib.sha256(path.read_bytes() if self._as_distributed else content).hexdigest()
            if digest != self._checksums[name]:
                raise DataError(f"{path} has content of SHA-256 {digest}, expected {self._checksums[name]}.")
            return self._parse(name, content, path)

    @contextlib.contextmanager
    def _way_out(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            raise DataError(f"{error} Replace it, or delete it and run `mnist-sweep data {self._folder}`.") from error

    @abc.abstractmethod
    def _needed(self) -> dict[str, list[str]]:
        """Return the names that each file may have, by its name in `_checksums`, training files first."""

    @abc.abstractmethod
    def _fetch(self, missing: Sequence[str]) -> dict[str, Path]:
        """Download missing files into the cache, and return their paths by name."""

    @abc.abstractmethod
    def _parse(self, name: str, content: bytes, path: Path) -> Any:
        """Return what a file of the known content holds."""

    def _join(self, parsed: Sequence[Any]) -> Sequence[Any]:
        """Return the images and labels for training, then those for testing, from what the needed files hold."""
        return parsed
