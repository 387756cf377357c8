"""The memory of a sweep: one small file for each finished trial, committed so that no crash can tear it.

The ledger is the only truth; tables and reports are derived from it. A row is written beside its final place, flushed
to the disk and renamed, so a file under its final name is whole at any moment.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.rows import TrialRow, from_json, to_json


@dataclass(frozen=True, slots=True)
class Ledger:
    """The committed rows of a results folder.

    Attributes:
        folder: The sweep's results folder; rows lie in `rows/` below it.
    """

    folder: Path

    @property
    def rows_folder(self) -> Path:
        """The folder that holds one JSON file for each row."""
        return self.folder / "rows"

    @property
    def models_folder(self) -> Path:
        """The folder that holds a `.keras` file for each trial whose model was kept."""
        return self.folder / "models"

    def open(self) -> None:
        """Make the folder if need be, and show that it can be written.

        Raises:
            LedgerError: It cannot.
        """
        probe = self.rows_folder / f".probe-{os.getpid()}"
        try:
            self.rows_folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise LedgerError(
                f"the results folder {self.folder} cannot be written ({error.strerror}): choose another with --results."
            ) from error

    def commit(self, row: TrialRow) -> None:
        """Write a row durably; when this returns, no crash of the process or the machine loses it.

        Raises:
            LedgerError: The disk is full or cannot be written; nothing lies under the row's name.
        """
        _write(self.rows_folder / f"{row.trial_id}.json", to_json(row).encode(), "row")

    def keep_model(self, trial_id: str, content: bytes) -> Path:
        """Write the `.keras` file of a trial as durably as a row; return its path.

        Raises:
            LedgerError: The disk is full or cannot be written; nothing lies under the model's name.
        """
        path = self.models_folder / f"{trial_id}.keras"
        try:
            self.models_folder.mkdir(exist_ok=True)
        except OSError as error:
            raise LedgerError(f"the folder {self.models_folder} cannot be made ({error.strerror}).") from error
        _write(path, content, "model")
        return path

    def models(self) -> dict[str, Path]:
        """Return the kept models by trial id; none if there is no folder."""
        return {path.stem: path for path in sorted(self.models_folder.glob("[!.]*.keras"))}

    def rows(self, *, with_history: bool = True) -> dict[str, TrialRow]:
        """Return the committed rows by trial id, in the order of their ids; none if there is no folder yet.

        Args:
            with_history: False leaves the learning curves unread, which is faster; the rows have none then.

        Raises:
            RowError: A file is not a row; the message names it and says what to do.
            LedgerError: The folder cannot be read.
        """
        try:
            names = sorted(path.name for path in self.rows_folder.iterdir() if not path.name.startswith("."))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LedgerError(
                f"the results folder {self.folder} cannot be read ({error.strerror}): choose another with --results."
            ) from error
        rows = [self._read(self.rows_folder / name, with_history=with_history) for name in names]
        return {row.trial_id: row for row in rows}

    def _read(self, path: Path, *, with_history: bool) -> TrialRow:
        try:
            row = from_json(path.read_text(encoding="utf-8"), with_history=with_history)
            if path.name != f"{row.trial_id}.json":
                raise RowError(f"it holds the row of trial {row.trial_id}")
        except (RowError, UnicodeDecodeError, OSError) as error:
            cause = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise RowError(
                f"{path} is not a row: {cause}; move it away, and the next run runs its trial again."
            ) from error
        return row


def _write(path: Path, content: bytes, what: str) -> None:
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise LedgerError(
            f"{what} {path} cannot be written ({error.strerror}): make space or mend the disk, "
            "then run the same command to go on."
        ) from error


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
