"""The marker of a run: a file that lies in the storage for as long as the run lasts, so that workers see when it ends.

A worker that never saw the marker, because its machine does not share the storage, writes no checkpoints and does not
look for the marker again. A storage that cannot be written raises LedgerError.
"""

import hashlib
import platform
import time
import uuid
from pathlib import Path

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.storage import Storage

PREFIX = "checkpoints/run-"


def new_name(folder: Path) -> str:
    """Return a unique name for the marker of a run into a results folder."""
    return f"{_prefix(folder)}{uuid.uuid4().hex[:12]}"


def is_marker(name: str) -> bool:
    """Return whether a file of a storage is a marker."""
    return name.startswith(PREFIX)


def belongs_to(name: str, folder: Path) -> bool:
    """Return whether a file of a storage is the marker of a run on this machine into a results folder."""
    return name.startswith(_prefix(folder))


def _prefix(folder: Path) -> str:
    """Return the prefix of a folder's markers, which differs between machines that share a storage."""
    return f"{PREFIX}{hashlib.sha256(f'{platform.node()}:{folder.resolve()}'.encode()).hexdigest()[:12]}-"


def write(storage: Storage, name: str) -> None:
    """Write a marker into a storage."""
    storage.write(name, b"", "marker of this run")


class RunMonitor:
    """Checks from time to time, in a worker, whether the marker of its run still exists.

    Attributes:
        is_shared: Whether this machine saw the marker at first.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage, self._name = storage, name
        self.is_shared = self._exists(if_unreachable=False)  # the trial reports it when it looks for its checkpoint

    def has_ended(self) -> bool:
        """Return whether the run has ended, as of the last check."""
        if not self.is_shared or time.monotonic() < self._next_check:
            return False
        return not self._exists(if_unreachable=True)  # for a while, which says nothing about the run

    def _exists(self, *, if_unreachable: bool) -> bool:
        self._next_check = time.monotonic() + self._storage.SECONDS_BETWEEN_LOOKS
        try:
            return self._storage.exists(self._name)
        except LedgerError:
            return if_unreachable
