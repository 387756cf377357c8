"""Atomic file writes: beside the final place, flushed to the disk, then renamed.

Under its final name a file is therefore complete at any moment, whatever crashes. Everything that this package writes
to be read again is written here.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mnist_sweep.errors import LedgerError

UNFINISHED = re.compile(r"\..+\.(ckpt|csv|html|json|jsonl|keras|md|npz)-\d+")


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path`, in an existing folder, if the body succeeds, and is removed if it fails.

    If durable, it survives a crash of the machine from the end of the context on.

    Raises:
        OSError: The disk is full or cannot be written.
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
        raise LedgerError(f"{failure} ({error.strerror or error}){way_out}.") from error


def write_atomically(path: Path, content: bytes, what: str) -> None:
    """Write a file, which errors call `what`, durably into an existing folder: no crash loses it once this returns.

    Raises:
        LedgerError: The disk is full or cannot be written; a file that `path` named before is unchanged.
    """
    way_out = ": make space or repair the disk, then run the same command to resume"
    with ledger_errors(f"{what} {path} cannot be written", way_out), replacing(path) as file:
        file.write(content)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that died while writing left in a folder; a write in progress there fails."""
    for path in folder.glob(".*"):
        if UNFINISHED.fullmatch(path.name):
            with contextlib.suppress(OSError):  # it takes space, and nothing else
                path.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, unless they exist.

    Raises:
        LedgerError: It cannot be made.
    """
    with ledger_errors(f"the folder {folder} cannot be made"):
        folder.mkdir(parents=True, exist_ok=True)


def flush_folder(folder: Path) -> None:
    """Make renames into and out of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
