"""Where trials leave what is too large for a row: a folder, or a bucket that pyarrow's file systems reach by a URL."""

import functools
import textwrap
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.files import make_folder, write_atomically

# In seconds; a server that does not answer is given up after a minute at the most.
S3_TIMEOUTS = {"connect_timeout": 5.0, "request_timeout": 10.0}  # of each of four tries
GS_TIMEOUT = 30.0  # of all tries
LONGEST_ERROR = 300


class Storage(Protocol):
    """Files by their names, which are relative paths with `/`.

    Each method raises LedgerError, in one line that names the file, where the storage cannot be reached or written.

    Attributes:
        SECONDS_BETWEEN_LOOKS: How long to wait before asking again whether a file exists.
    """

    SECONDS_BETWEEN_LOOKS: ClassVar[float]

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, or None if there is no such file."""

    def write(self, name: str, content: bytes, what: str) -> None:
        """Write a file whole: a crash in the middle leaves what was there before. `what` it is goes into errors."""

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""

    def delete(self, name: str) -> None:
        """Remove a file if there is one."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted; none if there is no such folder."""


def storage(where: str) -> "Folder | Bucket":
    """Return the storage at a path, or at a URL such as `s3://bucket/folder`.

    Raises:
        LedgerError: No file system is known for the URL.
    """
    if where.startswith("file://"):  # pyarrow's own does not write files whole
        from urllib.request import url2pathname

        return Folder(Path(url2pathname(urlsplit(where).path)))
    return Bucket(where) if "://" in where else Folder(Path(where))


def absolute(where: str) -> str:
    """Return the path or URL of a storage as every process of a machine understands it, wherever it was started."""
    return where if "://" in where else str(Path(where).resolve())


def folder_in(where: str, name: str) -> str:
    """Return the path or URL of a folder of a storage; a URL's query stays behind it."""
    path, mark, query = where.partition("?") if "://" in where else (where, "", "")
    return f"{path.rstrip('/')}/{name}{mark}{query}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, or one that all machines share.

    Attributes:
        path: The folder; it is made when the first file is written.
    """

    path: Path
    SECONDS_BETWEEN_LOOKS: ClassVar[float] = 0.1

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, or None if there is no such file."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerError(f"{self.path / name} cannot be read ({error.strerror}).") from error

    def write(self, name: str, content: bytes, what: str) -> None:
        """Write a file durably and whole."""
        path = self.path / name
        make_folder(path.parent)
        write_atomically(path, content, what)

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        try:
            return (self.path / name).is_file()
        except OSError as error:
            raise LedgerError(f"{self.path / name} cannot be looked for ({error.strerror}).") from error

    def delete(self, name: str) -> None:
        """Remove a file if there is one."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise LedgerError(f"{self.path / name} cannot be removed ({error.strerror}).") from error

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted."""
        return sorted(f"{folder}/{path.name}" for path in (self.path / folder).glob("[!.]*") if path.is_file())


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or a folder of one, on any of pyarrow's file systems (`s3://`, `gs://`, …).

    Attributes:
        url: Where it is; a query such as `?endpoint_override=host:port&scheme=http` names another server.
    """

    url: str
    SECONDS_BETWEEN_LOOKS: ClassVar[float] = 5.0

    def __post_init__(self) -> None:
        self._at("")

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, or None if there is no such file."""
        files, path = self._at(name)
        try:
            with files.open_input_file(path) as file:
                content: bytes = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(name, "read", error) from error
        return content

    def write(self, name: str, content: bytes, what: str) -> None:
        """Write a file; buckets show it when all of it has arrived."""
        files, path = self._at(name)
        try:
            files.create_dir(str(PurePosixPath(path).parent), recursive=True)
            with files.open_output_stream(path) as file:
                file.write(content)
        except OSError as error:
            raise self._error(f"{what} {name}", "written", error) from error

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        from pyarrow.fs import FileType

        files, path = self._at(name)
        try:
            return bool(files.get_file_info(path).type == FileType.File)
        except OSError as error:
            raise self._error(name, "looked for", error) from error

    def delete(self, name: str) -> None:
        """Remove a file if there is one."""
        files, path = self._at(name)
        try:
            if self.exists(name):
                files.delete_file(path)
        except OSError as error:
            raise self._error(name, "removed", error) from error

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted."""
        from pyarrow.fs import FileSelector

        files, path = self._at(folder)
        try:
            found = files.get_file_info(FileSelector(path, allow_not_found=True))
        except OSError as error:
            raise self._error(folder, "listed", error) from error
        return sorted(f"{folder}/{info.base_name}" for info in found if info.is_file)

    def download(self, name: str, folder: Path) -> None:
        """Copy what a folder of the bucket holds into a folder of this machine, which is there."""
        from pyarrow.fs import FileSelector, copy_files

        files, path = self._at(name)
        try:
            if files.get_file_info(FileSelector(path, allow_not_found=True)):
                copy_files(path, str(folder), source_filesystem=files)
        except OSError as error:
            raise self._error(name, "read", error) from error

    def upload(self, folder: Path, name: str) -> None:
        """Replace what a folder of the bucket holds by what a folder of this machine does."""
        from pyarrow.fs import copy_files

        files, path = self._at(name)
        try:
            files.delete_dir_contents(path, missing_dir_ok=True)
            copy_files(str(folder), path, destination_filesystem=files)
        except OSError as error:
            raise self._error(name, "written", error) from error

    def _at(self, name: str) -> tuple[Any, str]:
        """Return the file system, and the path of a file on it."""
        try:
            files, path = _file_system(self.url)
        except (OSError, ValueError) as error:
            raise LedgerError(
                f"a storage is a folder or a URL such as s3://bucket/folder, but got {self.url}: {_line(error)}."
            ) from error
        return files, f"{path}/{name}".rstrip("/")

    def _error(self, name: str, done: str, error: Exception) -> LedgerError:
        return LedgerError(f"{name} cannot be {done} on the storage {self.url} ({_line(error)}).")


@functools.cache
def _file_system(url: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem

    files, path = FileSystem.from_uri(url)
    if not path.strip("/"):
        raise ValueError("it names no bucket or folder")
    timeouts: dict[str, Any] = {}
    if files.type_name == "s3":
        timeouts = S3_TIMEOUTS
    elif files.type_name == "gcs":
        timeouts = {"retry_time_limit": timedelta(seconds=GS_TIMEOUT)}
    if timeouts:  # by itself it would try for minutes
        remake, (options,) = files.__reduce__()
        files = remake(options | timeouts)
    return files, path


def _line(error: Exception) -> str:
    return textwrap.shorten(str(error), LONGEST_ERROR, placeholder=" …").rstrip(".")
