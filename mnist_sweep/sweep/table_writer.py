"""The listener that keeps the CSV tables up to date while rows come in."""

import math
import time
from collections.abc import Mapping
from pathlib import Path

from mnist_sweep.results.tables import write_tables
from mnist_sweep.trials.events import Event, RowCommitted, RunEnded, WorkersReady
from mnist_sweep.trials.row import TrialRow

MIN_SECONDS_BETWEEN = 5.0
MAX_TIME_SHARE = 0.05


class TableWriter:
    """Writes the tables from time to time, and at the end of the run.

    Args:
        folder: The results folder.
        rows: Its rows; the run adds to them.
    """

    def __init__(self, folder: Path, rows: Mapping[str, TrialRow]) -> None:
        self._folder, self._rows = folder, rows
        self._next_write = math.inf

    def on_event(self, event: Event) -> None:
        """Write the tables if it is time.

        Raises:
            LedgerError: The disk is full or cannot be written.
        """
        match event:
            case WorkersReady():
                self._next_write = time.monotonic() + MIN_SECONDS_BETWEEN
            case RowCommitted() if time.monotonic() > self._next_write:
                self._write()
            case RunEnded(can_write=True) if self._rows:
                self._write()

    def _write(self) -> None:
        start = time.monotonic()
        write_tables(self._folder, self._rows.values())
        seconds = time.monotonic() - start
        self._next_write = start + max(MIN_SECONDS_BETWEEN, seconds / MAX_TIME_SHARE)
