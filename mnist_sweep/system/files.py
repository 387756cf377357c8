"""Files that are whole at any moment: written beside their final place, flushed to the disk, and renamed."""

import contextlib
import os
import re
from pathlib import Path

from mnist_sweep.errors import LedgerError

UNFINISHED = re.compile(r"\..+\.(ckpt|csv|html|json|jsonl|keras|md|npz)-\d+")


def write_whole(path: Path, content: bytes, what: str) -> None:
    """Write a file durably; when this returns, no crash of the process or the machine loses it.

    Args:
        path: Where it is to lie; its folder is there already.
        content: What it is to hold.
        what: What an error calls it, as in `row`.

    Raises:
        LedgerError: The disk is full or cannot be written; what lay under the name before lies there still.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise LedgerError(
            f"{what} {path} cannot be written ({error.strerror}): make space or mend the disk, "
            "then run the same command to go on."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what processes have left in a folder that ended while they wrote there; who writes there now will fail."""
    for path in folder.glob(".*"):
        if UNFINISHED.fullmatch(path.name):
            with contextlib.suppress(OSError):  # it takes space, and nothing else
                path.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, if they are not there.

    Raises:
        LedgerError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"the folder {folder} cannot be made ({error.strerror}).") from error


def flush_folder(folder: Path) -> None:
    """Make what was renamed into a folder, or out of it, durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
