"""The cache of decoded images on this machine, of a limited size: what was used longest ago makes room.

    images/<digest>-<n>x<height>x<width>x<channels>   uint8, named by its content, which is verified at each use
    keys/<key>                                        name of such a file, by the state of the files that it is made of
    unfinished/<key>                                  a file that is being written, or was when its process ended

A process that reads or writes a file holds a lock on it, which ends with the process, and no other removes the file.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from mnist_sweep.data.data_folders import cache_folder, expanded
from mnist_sweep.data.mapped_images import MappedImages, map_images
from mnist_sweep.errors import DataError
from mnist_sweep.system import atomic_files
from mnist_sweep.text.numbers import size

FOLDER_VARIABLE, SIZE_VARIABLE = "MNIST_SWEEP_CACHE", "MNIST_SWEEP_CACHE_GB"
DEFAULT_GB = "50"
JOURNAL = ".done"  # ending of the file that lists what an unfinished one holds
NAME = re.compile(r"([0-9a-f]{32})-(\d+)x(\d+)x(\d+)x(\d+)")
MAX_KEY_BYTES = 1 << 10


@dataclass(frozen=True, slots=True)
class ImageCache:
    """A folder of decoded images.

    Attributes:
        folder: The folder.
        max_bytes: What its files may have together, in bytes.
    """

    folder: Path
    max_bytes: int

    def find(self, key: str) -> MappedImages | None:
        """Return the images of a key; None if they are not there, or are damaged and have been removed."""
        with self.errors("read"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            name = atomic_files.read_regular(self.folder / "keys" / key, MAX_KEY_BYTES).decode(errors="replace")
            if found := NAME.fullmatch(name):
                path, shape = self.folder / "images" / name, [int(number) for number in found.groups()[1:]]
                with contextlib.suppress(DataError):  # it is gone, or cut off
                    images = map_images(str(path), shape)
                    if _digest(path) == found[1]:
                        with contextlib.suppress(OSError):  # it is another user's
                            os.utime(path)
                        return images
                path.unlink()
        return None

    @contextlib.contextmanager
    def unfinished(self, key: str) -> Iterator[FileIO]:
        """Give the file that the images of a key are written into, to one process at a time.

        If the process ends, the next one finds what it has written; after an error, it is removed.
        """
        path = self.folder / "unfinished" / key
        with self.errors("written"):
            for name in ("images", "keys", "unfinished"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            file = _locked(path)
        with file:
            try:
                yield file
            except Exception:
                _remove(path)
                raise
            _remove(path)

    def reserve(self, file: FileIO, num_bytes: int) -> None:
        """Make an unfinished file as long as that, after others have made room for it."""
        with self.errors("written"):
            self._make_room(num_bytes, but=Path(str(file.name)))
            file.truncate(num_bytes)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, num_bytes)  # a full disk is noticed now

    def add(self, key: str, file: FileIO, shape: Sequence[int]) -> MappedImages:
        """Make an unfinished file that of its key, durably, and return its images."""
        path = Path(str(file.name))
        with self.errors("written"):
            os.fsync(file.fileno())
            name = f"{_digest(path)}-{'x'.join(map(str, shape))}"
            images = path.replace(self.folder / "images" / name)
            with atomic_files.replacing(self.folder / "keys" / key) as opened:
                opened.write(name.encode())
            fcntl.flock(file, fcntl.LOCK_SH)
        return map_images(str(images), shape)

    @contextlib.contextmanager
    def errors(self, verb: str) -> Iterator[None]:
        """Raise a DataError for an OSError of the body."""
        try:
            yield
        except OSError as error:
            way_out = f"{atomic_files.remedy(error)}, or name another folder with {FOLDER_VARIABLE}"
            cause = atomic_files.cause(error)
            raise DataError(f"the cache {self.folder} cannot be {verb} ({cause}): {way_out}.") from error

    def _make_room(self, num_bytes: int, *, but: Path) -> None:
        """Remove what was used longest ago and is not in use, until there is room for another file besides `but`."""
        held = [path for name in ("images", "unfinished") for path in (self.folder / name).iterdir()]
        sizes = {}
        for path in held:
            with contextlib.suppress(FileNotFoundError):  # another process has removed it
                if path != but and path.suffix != JOURNAL:
                    sizes[path] = path.stat()
        total = sum(status.st_size for status in sizes.values())
        for path in sorted(sizes, key=lambda path: sizes[path].st_mtime_ns):
            if total + num_bytes > self.max_bytes and _remove_unused(path):
                total -= sizes[path].st_size
        if total + num_bytes > self.max_bytes:
            used = f", of which {size(total)} are in use" if total else ""
            raise DataError(
                f"the images take {size(num_bytes)}, which do not fit into the cache {self.folder} of "
                f"{size(self.max_bytes)}{used}: raise {SIZE_VARIABLE} (gigabytes), or scale the images down."
            )
        for path in (self.folder / "keys").iterdir():  # of which some may name a file that was removed
            with contextlib.suppress(FileNotFoundError):
                if not (self.folder / "images" / path.read_text(errors="replace")[:100]).exists():
                    path.unlink()


def image_cache() -> ImageCache:
    """Return the cache that the environment names: its folder, and its limit in gigabytes.

    Raises:
        DataError: The limit is not a number above 0.
    """
    folder, limit = os.environ.get(FOLDER_VARIABLE), os.environ.get(SIZE_VARIABLE) or DEFAULT_GB
    if not (re.fullmatch(r"\d+(\.\d*)?|\.\d+", limit) and float(limit)):
        raise DataError(f"{SIZE_VARIABLE} must be a number of gigabytes above 0, but is {limit!r}.")
    return ImageCache(expanded(Path(folder)) if folder else cache_folder() / "decoded", int(float(limit) * 1e9))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _locked(path: Path) -> FileIO:
    """Return a file that this process alone may write, made if missing; wait for another process that does."""
    while True:
        file = FileIO(path, "r+", opener=lambda name, flags: os.open(name, flags | os.O_CREAT | os.O_CLOEXEC, 0o644))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("waiting for another run, which prepares the same images\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return file
        file.close()


def _remove_unused(path: Path) -> bool:
    """Remove a file unless a process reads or writes it; return whether it is gone."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(path)
    return not path.exists()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    Path(f"{path}{JOURNAL}").unlink(missing_ok=True)
