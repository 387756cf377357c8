"""The CSV files of a results folder: written from its rows, and read back with their dtypes.

The same rows give the same bytes, whatever their order. Texts come from users and error messages, so one that a
spreadsheet would run as a formula is prefixed with an apostrophe, as OWASP advises (CSV Injection); the readers remove
it again.
"""

import codecs
import csv
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import HISTORY_COLUMNS, ID_COLUMNS, RESULT_COLUMNS, SUMMARY_COLUMNS, all_frames
from mnist_sweep.search import saved_objectives
from mnist_sweep.system.atomic_files import open_regular, remedy, replacing, version
from mnist_sweep.text.lines import one_line
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import Status, TrialRow

if TYPE_CHECKING:
    import pandas as pd

# The start of a formula, also after spaces and as a full-width character. The pattern includes leading apostrophes, so
# that a text with one of its own gets another, and no two texts are written alike. An empty text gets one because
# nothing stands for a missing value.
FORMULA = re.compile(r"'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|'*[\t\r\n\0]|'*\Z")

MAX_BYTES = 1 << 30
REBUILD = "`mnist-sweep table DIR` rebuilds it."


def table_versions(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return the paths of a folder's tables, with what tells them from others that replace them."""
    return {path: version(path) for path in (folder / f"{name}.csv" for name in ("trials", "history", "summary"))}


def write_tables(
    folder: Path, rows: Iterable[TrialRow], instead_of: Mapping[Path, tuple[int, int]] | None = None
) -> list[Path]:
    """Write `trials.csv`, `history.csv` and `summary.csv` into a folder, each atomically; return their paths.

    Other tables than those `instead_of` which they are written, as they were before the rows were read, stay: a run
    has written them meanwhile.

    Raises:
        LedgerError: A file cannot be written; its earlier content stays; or the folder's objectives are damaged.
    """
    rows, objectives = [*rows], saved_objectives.read(folder)
    for name, frame in all_frames(rows):
        if name == "summary" and objectives:
            frame = saved_objectives.with_front(frame, rows, objectives)
        path = folder / f"{name}.csv"
        if instead_of is None or version(path) == instead_of[path]:
            write_table(path, frame, of_numbers=name == "history")
        del frame  # before the next one is made
    return [*table_versions(folder)]


def write_table(path: Path, frame: "pd.DataFrame", *, of_numbers: bool = False) -> Path:
    """Write a frame as a CSV file atomically, faster if it has only numbers and ids; return its path.

    Raises:
        LedgerError: The file cannot be written; its earlier content stays.
    """
    try:
        with replacing(path, durable=False) as file:  # it can be made again from the rows
            (_write_numbers if of_numbers else _write_texts)(frame, file)
    except OSError as error:
        raise LedgerError(f"{path} cannot be written ({error.strerror or error}): {remedy(error)}.") from error
    return path


def read_trials(path: str | Path) -> "pd.DataFrame":
    """Return `trials.csv` of a results folder, or the file itself, with its dtypes.

    Raises:
        LedgerError: There is no such file, or it is not such a table.
    """
    return _read(Path(path), "trials.csv", ID_COLUMNS | RESULT_COLUMNS, key=["trial_id"])


def read_history(path: str | Path) -> "pd.DataFrame":
    """Return `history.csv` of a results folder, or the file itself, with its dtypes.

    Raises:
        LedgerError: There is no such file, or it is not such a table.
    """
    return _read(Path(path), "history.csv", HISTORY_COLUMNS, key=["trial_id", "step"])


def read_summary(path: str | Path) -> "pd.DataFrame":
    """Return `summary.csv` of a results folder, or the file itself, with its dtypes.

    Raises:
        LedgerError: There is no such file, or it is not such a table.
    """
    return _read(Path(path), "summary.csv", {"config_id": "str"} | SUMMARY_COLUMNS, key=["config_id"])


def _write_texts(frame: "pd.DataFrame", file: BinaryIO) -> None:
    # Python's writer does not quote a carriage return, at which a spreadsheet starts a new line.
    returns = any("\r" in text for texts in _texts(frame).values() for text in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    frame = _changed(frame, _with_apostrophe)
    writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n", quoting=quoting)
    writer.writerow(frame.columns)
    writer.writerows(zip(*(_cells(frame[name]) for name in frame), strict=True))  # as `to_csv` does, in half its time


def _cells(column: "pd.Series[Any]") -> list[Any]:
    """Return the cells of a column as Python's values, None for missing ones."""
    is_missing = column.isna()
    return column.astype(object).mask(is_missing, None).tolist() if is_missing.any() else column.tolist()


def _write_numbers(frame: "pd.DataFrame", file: BinaryIO) -> None:
    """Write a frame of numbers and ids, which need no quotes, ten times faster than pandas does."""
    import pyarrow
    import pyarrow.csv

    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    file.write(f"{','.join(frame.columns)}\n".encode())
    pyarrow.csv.write_csv(pyarrow.Table.from_pandas(frame, preserve_index=False), file, options)


def _read(path: Path, name: str, dtypes: Mapping[str, str], *, key: Sequence[str]) -> "pd.DataFrame":
    """Return a table after verifying its columns, and that every line has a key of its own."""
    import pandas as pd

    path = path / name if path.is_dir() else path
    try:
        with open_regular(path, MAX_BYTES) as file:
            _check_end(file)
            frame = pd.read_csv(
                file,
                dtype=dtypes,
                keep_default_na=False,
                na_values=[""],
                lineterminator="\n",
                dtype_backend="numpy_nullable",
            )
    except FileNotFoundError as error:
        raise LedgerError(f"there is no {path}: `mnist-sweep table DIR` makes it from the rows.") from error
    except (OSError, TypeError, ValueError) as error:
        raise LedgerError(f"{path} is not a {name} ({one_line(error)}): {REBUILD}") from error
    added = [name for name in kinds.FIELDS if name in dtypes and name not in frame]  # of a table before 0.5
    frame = frame.assign(**{name: pd.Series(pd.NA, frame.index, "str") for name in added})
    missing = [column for column in dtypes if column not in frame.columns]
    if missing:
        raise LedgerError(f"{path} lacks the columns {', '.join(missing)}: {REBUILD}")
    keys = frame[[*key]]
    if (wrong := keys.isna().any(axis=1) | keys.duplicated()).any():
        cells = ", ".join(f"{column} {cell}" for column, cell in keys[wrong].iloc[0].items())
        raise LedgerError(f"{path} has more than one line of {cells}, or a line without it: {REBUILD}")
    if "status" in dtypes and (wrong := ~frame["status"].isin([*Status])).any():
        first = frame[wrong].iloc[0]
        found = f"status {first['status']} for trial {first['trial_id']}"
        raise LedgerError(f"{path} has {found}, which is none of {', '.join(Status)}: {REBUILD}")
    plain = {"Float64": "float64", "string": "str"}
    others = {name: str(dtype) for name, dtype in frame.dtypes.items() if name not in dtypes}
    return _changed(
        frame.astype({name: plain[dtype] for name, dtype in others.items() if dtype in plain}), _without_apostrophe
    )


def _check_end(file: FileIO) -> None:
    """Raise a ValueError unless the last line of a file ends with a line feed alone, as the tables' lines do."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2))
    end = file.read()
    file.seek(0)
    if end == b"\r\n":
        raise ValueError("its lines end in CR LF: another program wrote it")
    if end and not end.endswith(b"\n"):
        raise ValueError("it ends in the middle of a line")


def _texts(frame: "pd.DataFrame") -> dict[str, set[str]]:
    """Return the distinct texts of each column that may hold texts."""
    names = frame.select_dtypes(["object", "str"]).columns
    return {name: {cell for cell in frame[name].unique() if isinstance(cell, str)} for name in names}


def _changed(frame: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    import pandas as pd

    columns = {}
    for name, texts in _texts(frame).items():
        other = {text: change(text) for text in texts if change(text) != text}
        if other:
            column = frame[name]
            columns[name] = pd.Series([other.get(cell, cell) for cell in column], column.index, column.dtype)
    return frame.assign(**columns)


def _with_apostrophe(text: str) -> str:
    return f"'{text}" if FORMULA.match(text) else text


def _without_apostrophe(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text, 1) else text
