"""The memory of a sweep: one small JSON file for each finished trial, committed atomically.

The ledger is the only source of truth; tables and reports are derived from it and can be rebuilt at any time.
"""

import errno
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mnist_sweep.errors import LedgerError, NewerRowError, RowError
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.system.atomic_files import (
    folder_error,
    make_folder,
    read_regular,
    replacing,
    write_atomically,
)
from mnist_sweep.system.folder_lock import Lock
from mnist_sweep.text.lines import first_few, shortened
from mnist_sweep.text.numbers import counted, size
from mnist_sweep.trials.row import TrialRow

NUM_NAMED = 3
MAX_BYTES = 32 << 20  # of a row's text, which may take ten times as much while it is read
WRITTEN_AFTER_TRAINING = ("models", "predictions")
OF_A_RAY_JOB = "working_dir_files"  # in the path of the folder that Ray unpacks a job's files into


class BadFile(NamedTuple):
    """A file under `rows/` that is not a row.

    Attributes:
        path: The file.
        cause: What is wrong with it, in words.
        fault: `damaged`: its content is not a row, or it has another row's name. `newer`: only a newer version can read
            it. `unreadable`: the disk or its permissions prevent reading it.
    """

    path: Path
    cause: str
    fault: Literal["damaged", "newer", "unreadable"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The committed rows of a results folder; what reads it raises LedgerError if it cannot be read.

    Attributes:
        folder: The sweep's results folder, with the rows in `rows/`.
    """

    folder: Path

    @property
    def rows_folder(self) -> Path:
        """The folder with one JSON file for each row."""
        return self.folder / "rows"

    @property
    def models_folder(self) -> Path:
        """The folder with one `.keras` file for each kept model."""
        return self.folder / "models"

    @property
    def damaged_folder(self) -> Path:
        """The folder that damaged files are moved to."""
        return self.folder / "damaged"

    def open(self, elsewhere: str = "", lock: Lock | None = None) -> None:
        """Make the folder if necessary, validate that it can be written, and lock it; errors end with `elsewhere`.

        Raises:
            LedgerError: It cannot be written, or is in use; belongs to a Ray job, which removes it at its end; or was
                not there when it was read, or else its reader would have locked it, and has rows now.
        """
        if OF_A_RAY_JOB in self.folder.resolve().parts:
            raise LedgerError(
                f"the results folder {self.folder.resolve()} would be removed with the other files of this Ray job: "
                "choose one by its absolute path with --results."
            )
        try:
            self.rows_folder.mkdir(parents=True, exist_ok=True)
            with replacing(probe := self.rows_folder / ".probe", durable=False):
                pass  # permissions alone do not tell whether a disk is full or mounted read-only
            probe.unlink(missing_ok=True)  # another run may do the same
            for inner in (self.folder / name for name in WRITTEN_AFTER_TRAINING):
                if inner.exists() and not os.access(inner, os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), inner)
        except OSError as error:
            raise folder_error(self.folder, "written", error, elsewhere) from error
        if lock and lock.acquire() and self.rows(with_history=False):
            raise LedgerError(f"another run has just written to {self.folder}: run the same command again.")

    def commit(self, row: TrialRow) -> None:
        """Write a row durably: once this returns, no crash of the process or the machine loses it.

        Raises:
            LedgerError: The disk is full or cannot be written; an earlier row of the trial is unchanged.
        """
        content = to_json(row).encode()
        if len(content) > MAX_BYTES:
            raise LedgerError(
                f"the row of trial {row.trial_id} has {size(len(content))}, more than the {size(MAX_BYTES)} allowed: "
                "evaluate or log less often."
            )
        write_atomically(self.rows_folder / f"{row.trial_id}.json", content, "row")

    def write_model(self, trial_id: str, content: bytes) -> Path:
        """Write the `.keras` file of a trial durably; return its path.

        Raises:
            LedgerError: The disk is full or cannot be written; an earlier model of the trial is unchanged.
        """
        path = self.models_folder / f"{trial_id}.keras"
        make_folder(self.models_folder, parents=False)
        write_atomically(path, content, "model")
        return path

    def models(self) -> dict[str, Path]:
        """Return the kept models by trial id; none if there is no folder."""
        return {path.stem: path for path in sorted(self.models_folder.glob("[!.]*.keras"))}

    def rows(self, *, with_history: bool = True) -> dict[str, TrialRow]:
        """Return the committed rows by trial id, in the order of the ids; none if there is no folder yet.

        It is faster without the learning curves, which are empty then.

        Raises:
            RowError: Some files are not rows; the message counts them, names the first ones, and says what to do.
            LedgerError: The folder cannot be read.
        """
        rows, bad = self.inspect(with_history=with_history)
        if bad:
            raise RowError(self.complaint(bad, len(rows) + len(bad)))
        return rows

    def inspect(self, *, with_history: bool = True) -> tuple[dict[str, TrialRow], list[BadFile]]:
        """Return the committed rows as `rows` does, and the files beside them that are not rows."""
        rows: dict[str, TrialRow] = {}
        bad: list[BadFile] = []
        for entry in self._entries():
            try:
                row = _read(entry, with_history=with_history)
            except (OSError, ValueError) as error:
                bad.append(_bad_file(Path(entry.path), error))
            else:
                rows[row.trial_id] = row
        return rows, bad

    def changes(self, seen: dict[str, int]) -> Iterator[tuple[str, TrialRow | BadFile | None]]:
        """Yield the trials whose rows are new, replaced, damaged or, with None, gone since the last call with `seen`.

        Rows are without learning curves, and no link is followed. A replaced file has another inode.
        """
        entries = {entry.name: entry for entry in self._entries()}
        for name in seen.keys() - entries.keys():
            del seen[name]
            yield name.removesuffix(".json"), None
        for name, entry in entries.items():
            if seen.get(name) != entry.inode():
                seen[name] = entry.inode()
                try:
                    if entry.is_symlink():
                        raise RowError("it is a symbolic link")
                    found: TrialRow | BadFile = _read(entry, with_history=False, follow_links=False)
                except (OSError, ValueError) as error:
                    found = _bad_file(Path(entry.path), error)
                yield name.removesuffix(".json"), found

    def row(self, trial_id: str) -> TrialRow:
        """Return the row of a trial.

        Raises:
            RowError: There is none, or it is damaged.
        """
        path = self.rows_folder / f"{trial_id}.json"
        try:
            return from_json(read_regular(path, MAX_BYTES, follow_links=False).decode())
        except (OSError, ValueError) as error:
            raise RowError(f"{path} is not a row ({_bad_file(path, error).cause}).") from error

    def _entries(self) -> "list[os.DirEntry[str]]":
        """Return the entries of `rows/` by name, without those that begin with a dot, which are partial or foreign."""
        try:
            with os.scandir(self.rows_folder) as entries:
                return sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise folder_error(self.folder, "read", error) from error

    def complaint(self, bad: Sequence[BadFile], num_files: int) -> str:
        """Return a sentence on files that are not rows: how many of how many, the first ones, and what to do."""
        named = first_few([f"{shortened(one.path.name)} ({one.cause})" for one in bad], NUM_NAMED)
        are = "is not a row" if len(bad) == 1 else "are not rows"
        return (
            f"{len(bad):,} of {counted(num_files, 'file')} in {self.rows_folder} {are}: {named}; "
            f"{' '.join(self._ways_out({one.fault for one in bad}))}"
        )

    def _ways_out(self, faults: set[str]) -> Iterator[str]:
        if "damaged" in faults:
            yield (
                f"`mnist-sweep mend {shlex.quote(str(self.folder))}` moves damaged files to {self.damaged_folder}/, "
                "and the next run runs their trials again."
            )
        if "newer" in faults:
            yield "rows that a newer version of mnist_sweep made need that version: upgrade it."
        if "unreadable" in faults:
            yield "unreadable files need other permissions, or the disk repaired."


def _read(entry: "os.DirEntry[str]", *, with_history: bool, follow_links: bool = True) -> TrialRow:
    if not entry.is_file():
        is_there = os.access(entry, os.F_OK)
        kind = "directory" if entry.is_dir() else "special file" if is_there else "link to nothing"
        raise RowError(f"it is a {kind}")
    content = read_regular(entry.path, MAX_BYTES, follow_links=follow_links)
    content = content.replace(b"\r\n", b"\n") if b"\r" in content else content  # as Git may check a text file out
    row = from_json(content.decode(), with_history=with_history)
    if entry.name != f"{row.trial_id}.json":
        raise RowError(f"it holds the row of trial {row.trial_id}")
    return row


def _bad_file(path: Path, error: OSError | ValueError) -> BadFile:
    if isinstance(error, UnicodeDecodeError):
        return BadFile(path, "it is not text", "damaged")
    cause = shortened(getattr(error, "strerror", None) or str(error))
    if isinstance(error, NewerRowError):
        return BadFile(path, cause, "newer")
    # The last two are what `read_regular` raises for a file that is too large, or no regular file.
    is_readable = isinstance(error, ValueError) or error.errno in (errno.EFBIG, errno.EINVAL)
    return BadFile(path, cause, "damaged" if is_readable else "unreadable")
