"""Repair of a results folder: damaged rows are moved away, and the next run runs those trials again.

Nothing is deleted. Files that only a newer version can read, or that permissions protect, stay where they are, since
they may be intact.
"""

from pathlib import Path
from typing import NamedTuple

from mnist_sweep.errors import no_rows
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.atomic_files import flush_folder, is_folder, ledger_errors, require_own_folder, unused
from mnist_sweep.system.folder_lock import Lock


class MovedFile(NamedTuple):
    """A file that was moved away, and what was wrong with it, in words."""

    source: Path
    target: Path
    cause: str


def move_damaged(folder: Path) -> list[MovedFile]:
    """Move the damaged files among a results folder's rows to `damaged/`; return them by name.

    A second call finds nothing. `Ledger.rows` raises if files remain that are not rows.

    Raises:
        LedgerError: There is no such results folder, a run is using it, or a file cannot be moved; earlier ones have
            been then.
    """
    ledger = Ledger(folder)
    if not is_folder(ledger.rows_folder):
        raise no_rows(folder)
    with Lock(folder) as lock:
        lock.acquire()
        damaged = [bad for bad in ledger.inspect()[1] if bad.fault == "damaged"]
        if not damaged:
            return []
        way_out = ": make it a writable folder"
        with ledger_errors(f"damaged rows cannot be moved to {ledger.damaged_folder}", way_out):
            for own in (ledger.rows_folder, ledger.damaged_folder):
                require_own_folder(own)
            targets = [bad.path.rename(unused(ledger.damaged_folder / bad.path.name, ".")) for bad in damaged]
            for changed in (ledger.damaged_folder, ledger.rows_folder, ledger.folder):
                flush_folder(changed)
        return [MovedFile(bad.path, target, bad.cause) for bad, target in zip(damaged, targets, strict=True)]
