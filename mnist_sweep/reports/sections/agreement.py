"""Whether the table beside the rows says what the rows say.

The report is made from the rows; a table that was edited would stand beside it and say something else.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mnist_sweep.errors import LedgerError
from mnist_sweep.results.frames import ID_COLUMNS, RESULT_COLUMNS
from mnist_sweep.results.tables import read_trials

if TYPE_CHECKING:
    import pandas as pd

COMPARED = ("config_id", "seed", "status", *RESULT_COLUMNS)


def check(folder: Path, trials: "pd.DataFrame") -> None:
    """Do nothing if `trials.csv` of a folder says the same as the rows of its trials; it may lack trials, or be absent.

    Of the config's columns those of numbers and those of texts are compared, not those that hold both.

    Args:
        folder: The results folder.
        trials: The table as its rows make it.

    Raises:
        LedgerError: It does not, or cannot be read; the message names a trial and a column.
    """
    path = folder / "trials.csv"
    if not path.exists():
        return
    import pandas as pd

    table = read_trials(path)
    settings = [str(name) for name in trials if name in table and name not in ID_COLUMNS | RESULT_COLUMNS]
    numbers = [name for name in settings if pd.api.types.is_numeric_dtype(trials[name])]
    texts = [name for name in settings if trials[name].dtype == table[name].dtype == "str"]
    columns = [*(name for name in COMPARED if name in trials.columns), *numbers, *texts]
    pairs = table[["trial_id", *columns]].merge(trials[["trial_id", *columns]], on="trial_id", suffixes=("", " row"))
    for name in columns:
        ours, theirs = pairs[f"{name} row"], pairs[name]
        read = pd.to_numeric(theirs, errors="coerce") if name in numbers else theirs
        without = ours.isna() | ours.isin([""])  # an empty text is an empty cell, too
        differing = pairs[~((ours == read).fillna(False) | (without & theirs.isna()))]
        if len(differing):
            first = differing.iloc[0]
            raise LedgerError(
                f"{path} says {name} {first[name]!s} of trial {first['trial_id']}, but its row says "
                f"{first[f'{name} row']!s}: the table was edited or is of another version; `mnist-sweep table DIR` "
                "makes it anew from the rows."
            )
