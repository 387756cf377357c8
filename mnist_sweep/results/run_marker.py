"""The mark of a run: a file that lies in the storage while the run goes on, so that workers see when it ends.

A worker that never saw it, because its machine does not share the storage, neither writes checkpoints nor looks again.
"""

import hashlib
import platform
import time
import uuid
from pathlib import Path

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.storage import Storage

START = "checkpoints/run-"


def new(folder: Path) -> str:
    """Return a name for the mark of a run into a results folder, that no other run's mark has."""
    return f"{_start(folder)}{uuid.uuid4().hex[:12]}"


def is_mark(name: str) -> bool:
    """Return whether a file of a storage is a mark."""
    return name.startswith(START)


def is_of(name: str, folder: Path) -> bool:
    """Return whether a file of a storage is the mark of a run of this machine into a results folder."""
    return name.startswith(_start(folder))


def _start(folder: Path) -> str:
    """Return how marks of runs into a folder begin: machines with results of their own may share a storage."""
    return f"{START}{hashlib.sha256(f'{platform.node()}:{folder.resolve()}'.encode()).hexdigest()[:12]}-"


def place(storage: Storage, name: str) -> None:
    """Put a mark into a storage.

    Raises:
        LedgerError: The storage cannot be written.
    """
    storage.write(name, b"", "mark of this run")


class MarkerWatch:
    """A worker's look at a mark, from time to time.

    Args:
        storage: Where the mark lies.
        name: Its name.

    Attributes:
        is_shared: Whether the mark was there at first.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage, self._name = storage, name
        self._next = time.monotonic() + storage.SECONDS_BETWEEN_LOOKS
        try:
            self.is_shared = storage.exists(name)
        except LedgerError:  # the trial says so when it looks for its checkpoint
            self.is_shared = False

    def is_gone(self) -> bool:
        """Return whether the run has ended, as far as was looked lately."""
        if not self.is_shared or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._storage.SECONDS_BETWEEN_LOOKS
        try:
            return not self._storage.exists(self._name)
        except LedgerError:  # a storage that cannot be reached for a while says nothing about the run
            return False
