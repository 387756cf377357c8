"""Storage for what is too large for a row: a folder, or a bucket on one of pyarrow's file systems.

Files have names, which are relative paths with `/`, and are written atomically: a crash leaves the old content or the
new. Each method raises a LedgerError, in one line that names the file, if the storage cannot be reached or written.
"""

import contextlib
import functools
import os
import re
import socket
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.atomic_files import ledger_errors, make_folder, read_regular, write_atomically

# In seconds. A server that does not answer counts as unreachable after a minute at most.
S3_TIMEOUTS = {"connect_timeout": 5.0, "request_timeout": 10.0}  # of each of four tries
REGIONS = ("s3.amazonaws.com", 443)  # asked for a bucket's region, without a network for five minutes
GS_TIMEOUTS = {"retry_time_limit": timedelta(seconds=30)}  # of all tries


def storage(where: str) -> "Storage":
    """Return the storage at a path, or at a URL such as `s3://bucket/folder`."""
    if where.startswith("file://"):  # pyarrow's own does not write atomically
        from urllib.request import url2pathname

        return Folder(Path(url2pathname(urlsplit(where).path)))
    return Bucket(where) if "://" in where else Folder(Path(where))


def absolute(where: str) -> str:
    """Return the path or URL of a storage in a form that does not depend on the working folder."""
    return where if "://" in where else str(Path(where).resolve())


def folder_in(where: str, name: str) -> str:
    """Return the path or URL of a folder in a storage; a URL keeps its query at the end."""
    path, mark, query = where.partition("?") if "://" in where else (where, "", "")
    return f"{path.rstrip('/')}/{name}{mark}{query}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on this machine, or one that all machines share; it is made when the first file is written."""

    path: Path
    SECONDS_BETWEEN_LOOKS: ClassVar[float] = 0.1  # between checks of whether a file still exists

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""
        with ledger_errors(f"{self.path / name} cannot be read"):
            try:
                return read_regular(self.path / name)
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes, what: str) -> None:
        """Write a file durably; errors call it `what`."""
        make_folder((self.path / name).parent)
        write_atomically(self.path / name, content, what)

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        with ledger_errors(f"{self.path / name} cannot be checked"):
            return (self.path / name).is_file()

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        with ledger_errors(f"{self.path / name} cannot be removed"):
            (self.path / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the files in a folder; none if there is no such folder."""
        return sorted(f"{folder}/{path.name}" for path in (self.path / folder).glob("[!.]*") if path.is_file())


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or a folder of one, on any of pyarrow's file systems (`s3://`, `gs://`, …), by its URL.

    A query such as `?endpoint_override=host:port&scheme=http` selects another server.
    """

    url: str
    SECONDS_BETWEEN_LOOKS: ClassVar[float] = 5.0

    def __post_init__(self) -> None:
        _file_system(self.url)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""
        with self._open(name, "read") as (files, path):
            try:
                with files.open_input_file(path) as file:
                    return bytes(file.read())
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes, what: str) -> None:
        """Write a file, which the bucket shows once it is complete; errors call it `what`."""
        with self._open(name, "written", f"{what} ") as (files, path):
            files.create_dir(str(PurePosixPath(path).parent), recursive=True)
            with files.open_output_stream(path) as file:
                file.write(content)

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        with self._open(name, "checked") as (files, path):
            return bool(files.get_file_info(path).is_file)

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        with self._open(name, "removed") as (files, path), contextlib.suppress(FileNotFoundError):
            files.delete_file(path)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the files in a folder; none if there is no such folder."""
        from pyarrow.fs import FileSelector

        with self._open(folder, "listed") as (files, path):
            found = files.get_file_info(FileSelector(path, allow_not_found=True))
        return sorted(f"{folder}/{info.base_name}" for info in found if info.is_file)

    def download(self, name: str, folder: Path) -> None:
        """Copy the files of a folder of the bucket into an existing folder on this machine."""
        from pyarrow.fs import FileSelector, copy_files

        with self._open(name, "read") as (files, path):
            if files.get_file_info(FileSelector(path, allow_not_found=True)):
                copy_files(path, str(folder), source_filesystem=files)

    def upload(self, folder: Path, name: str) -> None:
        """Replace the files of a folder of the bucket by those of a folder on this machine."""
        from pyarrow.fs import copy_files

        with self._open(name, "written") as (files, path):
            files.delete_dir_contents(path, missing_dir_ok=True)
            copy_files(str(folder), path, destination_filesystem=files)

    @contextlib.contextmanager
    def _open(self, name: str, done: str, what: str = "") -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path of a file on it; an OSError says that the file cannot be `done`."""
        files, path = _file_system(self.url)
        try:
            yield files, f"{path}/{name}".rstrip("/")
        except OSError as error:
            raise LedgerError(f"{what}{name} cannot be {done} on the storage {self.url} ({_line(error)}).") from error


Storage = Folder | Bucket


@functools.cache
def _file_system(url: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem

    timeouts: dict[str, dict[str, Any]] = {"s3": S3_TIMEOUTS, "gcs": GS_TIMEOUTS}
    try:
        if url.startswith("s3://") and not re.search(r"[?&](region|endpoint_override)=", url):
            _require_regions()
        files, path = FileSystem.from_uri(url)
        if not path.strip("/"):
            raise ValueError("it names no bucket or folder")
        if files.type_name in timeouts:  # the default is minutes
            remake, (options,) = files.__reduce__()
            files = remake(options | timeouts[files.type_name])
    except (OSError, ValueError) as error:
        rule = "a storage must be a folder or a URL such as s3://bucket/folder"
        raise LedgerError(f"{rule}, but got {url}: {_line(error)}.") from error
    return files, path


def _require_regions() -> None:
    try:
        if not os.environ.keys() & {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}:
            socket.create_connection(REGIONS, S3_TIMEOUTS["connect_timeout"]).close()
    except OSError as error:
        cause = f"{REGIONS[0]}, which knows the region, cannot be reached ({_line(error)})"
        raise OSError(f"{cause}: add ?region=REGION, or &endpoint_override=HOST:PORT too for another server") from error


def _line(error: Exception) -> str:
    return textwrap.shorten(str(error), 300, placeholder=" …").rstrip(".")
