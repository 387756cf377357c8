"""One driver for a results folder: who comes second is told who is there.

The lock is the operating system's, so it ends with the process that holds it, however that ends.
"""

import contextlib
import datetime
import json
import os
import platform
from pathlib import Path
from types import TracebackType
from typing import Self

from mnist_sweep.errors import LedgerError

NAME = ".lock"
HOLDER = ".driver.json"


class Lock:
    """The lock of a results folder; a context, at whose end it is let go.

    Args:
        folder: The results folder.
    """

    def __init__(self, folder: Path) -> None:
        import filelock

        self._folder = folder
        self._lock = filelock.FileLock(folder / NAME)

    def acquire(self) -> bool:
        """Take the lock of a folder that is there; return False if this process holds it already.

        Raises:
            LedgerError: Another driver holds it, or the folder cannot be written.
        """
        import filelock

        if self._lock.is_locked:
            return False
        try:
            self._lock.acquire(timeout=0)
            holder = {"host": platform.node(), "pid": os.getpid(), "since": _now()}
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock.is_locked:
            with contextlib.suppress(OSError):  # a folder that is gone needs no tidying
                (self._folder / HOLDER).unlink()
        self._lock.release()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _holder(folder: Path) -> str:
    """Return who holds the lock, as far as they said."""
    try:
        holder = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
