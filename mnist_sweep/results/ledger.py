"""The memory of a sweep: one small file for each finished trial, committed so that no crash can tear it.

The ledger is the only truth; tables and reports are derived from it. A row is written beside its final place, flushed
to the disk and renamed, so a file under its final name is whole at any moment.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Literal, NamedTuple

from mnist_sweep.errors import LedgerError, NewerRowError, RowError
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.system.files import make_folder, remove_unfinished, write_atomically
from mnist_sweep.text.lines import shortened
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import TrialRow

NUM_NAMED = 3
OF_A_RAY_JOB = "working_dir_files"  # in the path of the folder that Ray unpacks a job's files into


class BadFile(NamedTuple):
    """What lies under `rows/` and cannot be taken for a row.

    Attributes:
        path: Where it lies.
        cause: What is wrong with it, in words.
        fault: `damaged`: no row, or not under its own name. `newer`: a row that only a newer version can read.
            `unreadable`: the disk or its permissions do not let anyone see what it is.
    """

    path: Path
    cause: str
    fault: Literal["damaged", "newer", "unreadable"]


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

    @property
    def damaged_folder(self) -> Path:
        """The folder that damaged files are moved to."""
        return self.folder / "damaged"

    def open(self) -> None:
        """Make the folder if need be, and show that it can be written.

        Raises:
            LedgerError: It cannot, or Ray would remove it after the job that this process is of.
        """
        if OF_A_RAY_JOB in self.folder.resolve().parts:
            raise LedgerError(
                f"the results folder {self.folder.resolve()} would be removed with the other files of this Ray job: "
                "choose one with --results by its whole path."
            )
        probe = self.rows_folder / f".probe-{os.getpid()}"
        try:
            self.rows_folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise LedgerError(
                f"the results folder {self.folder} cannot be written ({error.strerror}): choose another with --results."
            ) from error

    def remove_unfinished(self) -> None:
        """Remove what a run has left that died while it wrote.

        Workers that outlive their driver for a moment may fail to write a checkpoint, for which nobody waits.
        """
        for folder in (self.folder, *(path for path in self.folder.iterdir() if path.is_dir())):
            remove_unfinished(folder)

    def commit(self, row: TrialRow) -> None:
        """Write a row durably; when this returns, no crash of the process or the machine loses it.

        Raises:
            LedgerError: The disk is full or cannot be written; nothing lies under the row's name.
        """
        write_atomically(self.rows_folder / f"{row.trial_id}.json", to_json(row).encode(), "row")

    def write_model(self, trial_id: str, content: bytes) -> Path:
        """Write the `.keras` file of a trial as durably as a row; return its path.

        Raises:
            LedgerError: The disk is full or cannot be written; nothing lies under the model's name.
        """
        path = self.models_folder / f"{trial_id}.keras"
        make_folder(self.models_folder)
        write_atomically(path, content, "model")
        return path

    def models(self) -> dict[str, Path]:
        """Return the kept models by trial id; none if there is no folder."""
        return {path.stem: path for path in sorted(self.models_folder.glob("[!.]*.keras"))}

    def rows(self, *, with_history: bool = True) -> dict[str, TrialRow]:
        """Return the committed rows by trial id, in the order of their ids; none if there is no folder yet.

        Args:
            with_history: False leaves the learning curves unread, which is faster; the rows have none then.

        Raises:
            RowError: Some files are not rows; the message counts them, names the first, and says what to do.
            LedgerError: The folder cannot be read.
        """
        rows, bad = self.inspect(with_history=with_history)
        if bad:
            raise RowError(self._complaint(bad, len(rows) + len(bad)))
        return rows

    def inspect(self, *, with_history: bool = True) -> tuple[dict[str, TrialRow], list[BadFile]]:
        """Return the committed rows as `rows` does, and every file beside them that is none.

        Raises:
            LedgerError: The folder cannot be read.
        """
        rows: dict[str, TrialRow] = {}
        bad: list[BadFile] = []
        for entry in self._entries():
            try:
                row = _read(entry, with_history=with_history)
            except (OSError, ValueError) as error:
                bad.append(BadFile(Path(entry.path), _cause(error), _fault(error)))
            else:
                rows[row.trial_id] = row
        return rows, bad

    def _entries(self) -> "list[os.DirEntry[str]]":
        """Return what lies in `rows/` by name; a leading dot marks what is not finished, or not ours."""
        try:
            with os.scandir(self.rows_folder) as entries:
                return sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LedgerError(
                f"the results folder {self.folder} cannot be read ({error.strerror}): choose another with --results."
            ) from error

    def _complaint(self, bad: Sequence[BadFile], num_files: int) -> str:
        named = [f"{shortened(one.path.name)} ({one.cause})" for one in bad[:NUM_NAMED]]
        more = [f"{len(bad) - NUM_NAMED:,} more"] * (len(bad) > NUM_NAMED)
        are = "is not a row" if len(bad) == 1 else "are not rows"
        return (
            f"{len(bad):,} of {counted(num_files, 'file')} in {self.rows_folder} {are}: {', '.join([*named, *more])}; "
            f"{' '.join(self._ways_out({one.fault for one in bad}))}"
        )

    def _ways_out(self, faults: set[str]) -> Iterator[str]:
        if "damaged" in faults:
            yield (
                f"`mnist-sweep mend {shlex.quote(str(self.folder))}` moves what is damaged to {self.damaged_folder}/, "
                "and the next run runs its trials again."
            )
        if "newer" in faults:
            yield "what a newer version of mnist_sweep made needs that version: upgrade it."
        if "unreadable" in faults:
            yield "what cannot be read needs its permissions or the disk put right."


def _read(entry: "os.DirEntry[str]", *, with_history: bool) -> TrialRow:
    if not entry.is_file():
        kind = "directory" if entry.is_dir() else "link to nothing" if entry.is_symlink() else "special file"
        raise RowError(f"it is a {kind}")
    with FileIO(entry.path) as file:
        text = file.read().decode().replace("\r\n", "\n")  # as some systems check a text file out
    row = from_json(text, with_history=with_history)
    if entry.name != f"{row.trial_id}.json":
        raise RowError(f"it holds the row of trial {row.trial_id}")
    return row


def _cause(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    return shortened(error.strerror if isinstance(error, OSError) and error.strerror else str(error))


def _fault(error: Exception) -> Literal["damaged", "newer", "unreadable"]:
    if isinstance(error, NewerRowError):
        return "newer"
    return "damaged" if isinstance(error, ValueError) else "unreadable"
