"""Atomic file writes: beside the final place, flushed to the disk, then renamed.

Under its final name a file is therefore complete at any moment, whatever crashes. Everything that this package writes
to be read again is written here. What fails raises OSError, or LedgerError where its text is made here.
"""

import contextlib
import errno
import itertools
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.text.lines import shortened
from mnist_sweep.text.numbers import size

Made = TypeVar("Made")

RUN_AGAIN = "run the same command to resume"
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make space"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "change the permissions of the folder"),
    **dict.fromkeys((errno.ENOENT, errno.ESTALE), "make or restore the folder, which is not there"),
    **dict.fromkeys((errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY), "move away what is in its place"),
    **dict.fromkeys((errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP), "let its file system lock files (flock)"),
    errno.ELOOP: "remove the link that leads to itself",
    errno.EROFS: "make the file system writable",
    errno.ENAMETOOLONG: "choose a shorter path",
}
UNFINISHED = re.compile(r"\..+\.(ckpt|csv|html|json|jsonl|keras|md|npz)-\d+")


def open_regular(path: Path | str, max_bytes: int | None = None, *, follow_links: bool = True) -> FileIO:
    """Open a regular file for reading, without waiting for a pipe or a device, which might never end.

    Raises:
        OSError: It is anything else, a link if those are not followed, has more than `max_bytes`, or cannot be read.
    """
    descriptor, _ = _open_regular(path, max_bytes, follow_links=follow_links)
    return FileIO(path, opener=lambda *_: descriptor)


def read_regular(path: Path | str, max_bytes: int | None = None, *, follow_links: bool = True) -> bytes:
    """Return the content of a regular file.

    It is the inner loop of reading a ledger, so it does without a file object.
    """
    descriptor, length = _open_regular(path, max_bytes, follow_links=follow_links)
    try:
        content = os.read(descriptor, length)
        while len(content) < length and (more := os.read(descriptor, length - len(content))):
            content += more
        return content
    finally:
        os.close(descriptor)


def _open_regular(path: Path | str, max_bytes: int | None, *, follow_links: bool) -> tuple[int, int]:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and (max_bytes is None or status.st_size <= max_bytes):
        return descriptor, status.st_size
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a special file", str(path))
    too_large = f"it has {size(status.st_size)}, more than the {size(max_bytes or 0)} allowed"
    raise OSError(errno.EFBIG, too_large, str(path))


def version(path: Path) -> tuple[int, int]:
    """Return what tells the file at a path from one that replaces it."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_ino, status.st_mtime_ns
    return 0, 0


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path`, in an existing folder, if the body succeeds, and is removed if it fails.

    If durable, it survives a crash of the machine from the end of the context on.
    """
    # The number differs among all processes of all machines that share the folder.
    temporary = path.with_name(f".{path.name}-{int.from_bytes(os.urandom(8))}")
    try:
        with temporary.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            flush_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def ledger_errors(failure: str, way_out: str = "") -> Iterator[None]:
    """Raise a LedgerError for an OSError of the body: the failure, its cause in parentheses, and the way out."""
    try:
        yield
    except OSError as error:
        raise LedgerError(f"{failure} ({cause(error)}){way_out}.") from error


def write_atomically(path: Path, content: bytes, what: str, *, then: str = RUN_AGAIN) -> None:
    """Write a file, which errors call `what`, durably into an existing folder: no crash loses it once this returns.

    A LedgerError, which leaves an earlier file as it was, names the cause's remedy and says what to do `then`.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise LedgerError(f"{what} {path} cannot be written ({cause(error)}): {remedy(error)}, then {then}.") from error


def write_json(path: Path, content: Mapping[str, Any], what: str) -> None:
    """Write an object as JSON, as `write_atomically` does; its folder is made if necessary."""
    make_folder(path.parent)
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False).encode() + b"\n", what)


def read_json(path: Path, make: Callable[..., Made], *, max_bytes: int, way_out: str) -> Made | None:
    """Return what `make` makes of the fields in a file of JSON; None if there is no such file.

    It is a LedgerError, with the way out, if it holds other fields.
    """
    try:
        return make(**json.loads(read_regular(path, max_bytes)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LedgerError(f"{path} cannot be read ({cause(error)}): check its permissions and the disk.") from error
    except (ConfigError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise LedgerError(f"{path} is damaged or was edited ({shortened(str(error))}): {way_out}.") from error


def folder_error(folder: Path, verb: str, error: OSError, elsewhere: str = "") -> LedgerError:
    """Return the error of a results folder that cannot be read or written: its cause, the remedy, and `elsewhere`."""
    return LedgerError(f"the results folder {folder} cannot be {verb} ({cause(error)}): {remedy(error)}{elsewhere}.")


def cause(error: OSError) -> str:
    """Return the cause of an error; of a denied permission, with the path that denies it, and its owner if another."""
    shown = str(error.strerror or error)
    if error.errno not in (errno.EACCES, errno.EPERM) or error.filename is None:
        return shown
    path = Path(os.fsdecode(error.filename))
    with contextlib.suppress(OSError, KeyError):  # it is out of reach, or its owner has no name here
        path = path if path.exists() else path.parent
        return f"{shown}: {path}" + (f" belongs to {path.owner()}" if path.stat().st_uid != os.geteuid() else "")
    return shown


def is_read_only(error: BaseException) -> bool:
    """Return whether the cause of an error is that this user may not write, rather than a fault of the disk."""
    origin = error.__cause__ or error
    return isinstance(origin, OSError) and origin.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def remedy(error: OSError) -> str:
    """Return what makes a path writable that could not be written, by the cause."""
    return REMEDIES.get(error.errno or 0, "repair the disk")


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that died while writing left in a folder and those in it; a write in progress there fails.

    A worker that outlives its driver for a moment may then fail to write a checkpoint, which no one needs.
    """
    inner = (path for path in folder.glob("*") if path.is_dir() and not path.is_symlink())
    for path in itertools.chain.from_iterable(one.glob(".*") for one in (folder, *inner)):
        if UNFINISHED.fullmatch(path.name):
            with contextlib.suppress(OSError):  # it takes space, and nothing else
                path.unlink()


def make_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder, and its parents if so asked, unless they exist."""
    try:
        folder.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"the folder {folder} cannot be made ({cause(error)}): {remedy(error)}.") from error


def is_folder(path: Path) -> bool:
    """Return whether a folder exists; it does not under a name that is too long, or in a folder that is closed."""
    return os.path.isdir(path)  # noqa: PTH112 # its method raises


def is_file(path: Path) -> bool:
    """Return whether a regular file exists, likewise."""
    return os.path.isfile(path)  # noqa: PTH113 # its method raises


def unused(path: Path, mark: str) -> Path:
    """Return a path where nothing lies: this one, or else its name with the mark and a number from 2 on."""
    numbered = (path.with_name(f"{path.name}{mark}{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not os.path.lexists(one))


def require_own_folder(folder: Path) -> None:
    """Make a folder in an existing one, unless it exists and is not a link to some other place."""
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise OSError(errno.ELOOP, f"{folder} is a link", str(folder))


def flush_folder(folder: Path) -> None:
    """Make renames into and out of a folder durable, where its file system can: some network ones refuse."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL):  # as PostgreSQL's `fsync_fname_ext` has it
            raise
    finally:
        os.close(descriptor)
