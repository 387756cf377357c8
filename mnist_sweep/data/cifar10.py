"""CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels in colour, from the binary version.

A record is a label byte and three planes of 1,024 bytes, red, green and blue, row by row. Of the five training files,
only those that the splits need are read, so part of the data set is enough for smaller splits.
Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from mnist_sweep.data import data_folders, download
from mnist_sweep.data.builtin_files import VerifiedFiles
from mnist_sweep.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIRRORS = ("https://www.cs.toronto.edu/~kriz",)
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CIFAR10(VerifiedFiles):
    """CIFAR-10: 10 classes, image shape `(32, 32, 3)`, pixels from 0 to 255.

    Validation is the first of the 50,000 training images, train those after it, test the first of the 10,000 others.
    He et al. 2015 (arXiv 1512.03385, section 4.2) also split them into 45,000 and 5,000.

    Attributes:
        CLASSES: Names of the classes 0 to 9.
    """

    CLASSES: ClassVar[tuple[str, ...]] = (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    )
    image_shape: ClassVar[tuple[int, int, int]] = (SIDE, SIDE, 3)
    num_classes: ClassVar[int] = len(CLASSES)
    _available: ClassVar[tuple[int, int]] = (50_000, RECORDS_PER_FILE)
    _folder: ClassVar[str] = "cifar10"
    _checksums: ClassVar[dict[str, str]] = SHA256

    train_size: int = 45_000
    val_size: int = 5_000
    test_size: int = RECORDS_PER_FILE

    def _needed(self) -> dict[str, list[str]]:
        num_files = -(-(self.train_size + self.val_size) // RECORDS_PER_FILE)
        return {name: [name, f"{name}.gz"] for name in (*list(SHA256)[:num_files], TEST_FILE)}

    def _fetch(self, missing: Sequence[str]) -> dict[str, Path]:
        """Extract all files into the cache, from a local archive or else from a downloaded one."""
        folder = data_folders.cache_folder() / self._folder
        path = data_folders.find(self._folder, [ARCHIVE])
        if path is None:
            path = folder / ARCHIVE
            download.fetch(path, MIRRORS, sha256=ARCHIVE_SHA256)
        with self._way_out():
            _extract(path, folder)
        return {name: folder / name for name in missing}

    def _parse(self, name: str, content: bytes, path: Path) -> Any:
        return parse_records(content)

    def _join(self, parsed: Sequence[Any]) -> Sequence[Any]:
        import numpy as np

        *parts, test = parsed
        return *map(np.concatenate, zip(*parts, strict=True)), *test


def _extract(archive: Path, folder: Path) -> None:
    """Extract the files of the official archive into a folder; its SHA-256 vouches for all that it holds."""
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{archive} cannot be read ({error.strerror or error}).") from error
    if digest != ARCHIVE_SHA256:
        raise DataError(f"{archive} has SHA-256 {digest}, expected {ARCHIVE_SHA256}.")
    with tarfile.open(archive) as members:
        for member in members:
            name = PurePosixPath(member.name).name
            if name in SHA256 and (source := members.extractfile(member)):
                with download.replacing(folder / name) as copy:
                    shutil.copyfileobj(source, copy)


def parse_records(content: bytes) -> "tuple[NDArray[np.uint8], NDArray[np.uint8]]":
    """Return the images and labels of whole records: uint8 `[n, 32, 32, 3]` and uint8 `[n]`."""
    import numpy as np

    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    images = records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].copy()
