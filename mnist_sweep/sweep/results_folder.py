"""The results folder of a sweep while a run fills it: one run at a time, and all of its rows in memory."""

from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import Self

from mnist_sweep.errors import LedgerError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.lock import Lock
from mnist_sweep.trials.row import TrialRow


class ResultsFolder:
    """A results folder that this run alone writes to; a context, at whose end the lock is released.

    Args:
        path: Where it lies, or will lie.

    Attributes:
        path: Where it lies.
        ledger: Its files of rows and models.
        rows: Its rows by trial id, also those of other settings, and those committed since.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.ledger = path, Ledger(path)
        self.rows: dict[str, TrialRow] = {}
        self._lock = Lock(path)

    def read(self) -> None:
        """Lock the folder if it is there, and read its rows.

        Raises:
            LedgerError: Another run writes to it, or a row cannot be read.
        """
        if self.path.is_dir():
            self._lock.acquire()
        self.rows = self.ledger.rows()

    def open(self, missing: Container[str]) -> None:
        """Create the folder if need be, lock it, and remove what killed runs left half written.

        Args:
            missing: Ids of trials that had no row when the folder was read.

        Raises:
            LedgerError: It cannot be written, or another run has written to it since it was read.
        """
        self.ledger.open()
        if self._lock.acquire() and any(name in missing for name in self.ledger.rows(with_history=False)):
            raise LedgerError(f"another run has just written to {self.path}: run the same command again.")
        self.ledger.remove_unfinished()

    def commit(self, row: TrialRow) -> None:
        """Write a row, durably.

        Raises:
            LedgerError: The disk is full or cannot be written.
        """
        self.ledger.commit(row)
        self.rows[row.trial_id] = row

    def __enter__(self) -> Self:
        self._lock.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)
