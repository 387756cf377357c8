"""Trials as the functions of this package take them: a results folder, or a DataFrame of its trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_sweep.errors import LedgerError, no_rows
from mnist_sweep.results.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd


def as_trials(trials: "str | Path | pd.DataFrame", *, columns: Sequence[str] = ()) -> "pd.DataFrame":
    """Return the trials of a results folder from its rows; a DataFrame is returned unchanged.

    Args:
        trials: The folder, or what `read_trials` returns.
        columns: Columns that a DataFrame must have.

    Raises:
        LedgerError: The folder holds no rows or damaged ones, or the DataFrame lacks a column.
    """
    from mnist_sweep.results.frames import trials_frame

    if not isinstance(trials, str | Path):
        if missing := [name for name in columns if name not in trials.columns]:
            raise LedgerError(f"the table lacks the columns {', '.join(missing)}: pass what `read_trials` returns.")
        return trials
    rows = Ledger(Path(trials)).rows(with_history=False).values()
    if not rows:
        raise no_rows(Path(trials))
    return trials_frame(rows)
