"""A lock on a results folder, so that one process at a time writes to it.

The lock is the operating system's and is released when its process ends, however it ends. It needs no right to write
the file, so users of a shared folder can take turns.
"""

import contextlib
import datetime
import fcntl
import json
import os
import platform
from pathlib import Path
from typing import Self

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.atomic_files import folder_error, read_regular, replacing

NAME = ".lock"
HOLDER = ".driver.json"
MAX_BYTES = 1 << 20
FOR_OTHERS = 0o022  # who else may write to the folder, and so to the file


class Lock:
    """The lock of a results folder; a context manager that releases it on exit.

    It is a LedgerError, which ends with how to use another folder, if another process has it or it cannot be written.
    """

    def __init__(self, folder: Path, elsewhere: str = "") -> None:
        self._folder, self._elsewhere = folder, elsewhere
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Acquire the lock of an existing folder; return False if this object already holds it."""
        if self._descriptor is not None:
            return False
        try:
            with contextlib.ExitStack() as stack:
                descriptor = _open(self._folder)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
                holder = {"host": platform.node(), "pid": os.getpid(), "since": since}
                with replacing(self._folder / HOLDER, durable=False) as file:
                    file.write(json.dumps(holder).encode())
                stack.pop_all()
        except BlockingIOError as error:
            used = f"{self._folder} is in use by {_holder(self._folder)}"
            raise LedgerError(f"{used}: wait for it to end{self._elsewhere}.") from error
        except OSError as error:
            raise folder_error(self._folder, "written", error, self._elsewhere) from error
        self._descriptor = descriptor
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the folder may be gone
                (self._folder / HOLDER).unlink()
            os.close(self._descriptor)
            self._descriptor = None


def held_since(folder: Path) -> float | None:
    """Return when a lock was taken whose holder seems to run, in Unix seconds; None if no one holds it.

    The lock is not touched, and a holder on another machine is believed to run.
    """
    try:
        holder = json.loads(read_regular(folder / HOLDER, MAX_BYTES))
        since = datetime.datetime.fromisoformat(holder["since"]).timestamp()
        if holder["host"] == platform.node():
            with contextlib.suppress(PermissionError):  # it is another user's process
                os.kill(int(holder["pid"]), 0)
    except (OSError, OverflowError, ValueError, KeyError, TypeError):
        return None
    return since


def _open(folder: Path) -> int:
    """Open the lock's file, which is made if necessary; another user's need not be writable."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | flags, 0o644)
    except PermissionError:
        return os.open(folder / NAME, os.O_RDONLY | flags)
    with contextlib.suppress(PermissionError):  # it is another user's, and writable already
        os.fchmod(descriptor, 0o644 | folder.stat().st_mode & FOR_OTHERS)
    return descriptor


def _holder(folder: Path) -> str:
    try:
        holder = json.loads(read_regular(folder / HOLDER, MAX_BYTES))
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
