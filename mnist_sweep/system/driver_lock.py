"""A lock on a results folder, so that one process at a time writes to it.

The lock is the operating system's and is released when its process ends, however it ends.
"""

import contextlib
import datetime
import json
import os
import platform
from pathlib import Path
from typing import Self

from mnist_sweep.errors import LedgerError

NAME = ".lock"
HOLDER = ".driver.json"


class Lock:
    """The lock of a results folder; a context manager that releases it on exit."""

    def __init__(self, folder: Path) -> None:
        import filelock

        self._folder = folder
        self._lock = filelock.FileLock(folder / NAME)

    def acquire(self) -> bool:
        """Acquire the lock of an existing folder; return False if this object already holds it.

        Raises:
            LedgerError: Another process holds it, or the folder cannot be written.
        """
        import filelock

        if self._lock.is_locked:
            return False
        try:
            self._lock.acquire(timeout=0)
            since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            holder = {"host": platform.node(), "pid": os.getpid(), "since": since}
            (self._folder / HOLDER).write_text(json.dumps(holder), encoding="utf-8")
        except filelock.Timeout as error:
            raise LedgerError(
                f"{self._folder} is in use by {_holder(self._folder)}: wait for it to end, "
                "or choose another folder with --results."
            ) from error
        except OSError as error:
            raise LedgerError(
                f"the results folder {self._folder} cannot be written ({error.strerror}): "
                "choose another with --results."
            ) from error
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock.is_locked:
            with contextlib.suppress(OSError):  # the folder may be gone
                (self._folder / HOLDER).unlink()
        self._lock.release()


def _holder(folder: Path) -> str:
    try:
        holder = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
