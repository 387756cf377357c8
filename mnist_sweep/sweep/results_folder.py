"""The results folder of a sweep while a run fills it: one run at a time, its rows in memory, its tables up to date."""

import math
import time
from pathlib import Path

from mnist_sweep.results import csv_io, superseded_rows
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.atomic_files import is_folder, remove_unfinished
from mnist_sweep.system.folder_lock import Lock
from mnist_sweep.trials.events import Event, RowCommitted, RunEnded, WorkersReady
from mnist_sweep.trials.row import TrialRow

MIN_SECONDS_BETWEEN = 5.0
MAX_TIME_SHARE = 0.05
ELSEWHERE = ", or choose another folder with --results"


class ResultsFolder:
    """A results folder that this run alone writes to; a listener that writes the tables from time to time.

    What writes or moves something raises LedgerError if the disk is full or cannot be written.

    Attributes:
        path: Where it lies, or will lie.
        lock: Its lock, to be released at the end of the run.
        ledger: Its files of rows and models.
        rows: Its rows by trial id, also those of other settings, and those committed since.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.lock, self.ledger = path, Lock(path, ELSEWHERE), Ledger(path)
        self.rows: dict[str, TrialRow] = {}
        self._stale, self._why = tuple[TrialRow, ...](), ""
        self._next_write = math.inf

    def read(self) -> dict[str, TrialRow]:
        """Lock the folder if it is there, read its rows, and return them.

        Raises:
            LedgerError: Another run writes to it, or a row cannot be read.
        """
        if is_folder(self.path):
            self.lock.acquire()
        self.rows = self.ledger.rows()
        return self.rows

    def open(self) -> None:
        """Create the folder if necessary, lock it, and remove what killed runs left half written.

        Raises:
            LedgerError: It cannot be written, or another run has filled it since it was read.
        """
        self.ledger.open(ELSEWHERE, self.lock)
        remove_unfinished(self.path)

    def leave_out(self, stale: tuple[TrialRow, ...], why: str) -> None:
        """Do without some rows from now on; `set_aside` moves them, when nothing can be refused any more."""
        names, self._stale, self._why = {row.trial_id for row in stale}, stale, why
        self.rows = {name: row for name, row in self.rows.items() if name not in names}

    def set_aside(self) -> str | None:
        """Move the rows that are left out to a folder of their own below this one; return a note on that, if any."""
        if not (stale := self._stale):
            return None
        self._stale = ()
        return f"{self._why}: set aside in {superseded_rows.set_aside(self.path, stale, self.rows.values())}/"

    def commit(self, row: TrialRow) -> None:
        """Write a row, durably."""
        self.ledger.commit(row)
        self.rows[row.trial_id] = row

    def write_tables(self) -> None:
        """Write the tables if there are rows."""
        if self.rows:
            start = time.monotonic()
            csv_io.write_tables(self.path, self.rows.values())
            self._next_write = start + max(MIN_SECONDS_BETWEEN, (time.monotonic() - start) / MAX_TIME_SHARE)

    def on_event(self, event: Event) -> None:
        """Write the tables if it is time, and at the end of the run."""
        match event:
            case WorkersReady():
                self._next_write = time.monotonic() + MIN_SECONDS_BETWEEN
            case RowCommitted() if time.monotonic() > self._next_write:
                self.write_tables()
            case RunEnded(can_write=True):
                self.write_tables()
