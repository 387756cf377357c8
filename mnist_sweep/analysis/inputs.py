"""Trials as the functions of this package take them: a results folder, or a DataFrame of its trials."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mnist_sweep.errors import LedgerError, no_rows
from mnist_sweep.results import saved_race
from mnist_sweep.results.csv_columns import measure_of
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.text.names import PARTS
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import Measure

if TYPE_CHECKING:
    import pandas as pd

NOTES, DROPPED = "notes", "dropped"
SMALLEST = 1e-5  # of values other than shares, of which statistics may take differences for rounding
Split = Literal["val", "test"]


def as_trials(
    trials: "str | Path | pd.DataFrame", *, columns: Sequence[str] = (), splits: Sequence[Split] = ()
) -> "pd.DataFrame":
    """Return the trials of a results folder from its rows, or those of a DataFrame, that one statistic may combine.

    Notes on rows of other kinds (`trials.kinds`) are in `attrs[NOTES]`, one line each, and ids of the configs that the
    folder's race has dropped in `attrs[DROPPED]`. A DataFrame must have these columns, and the values of these splits
    that trials are judged by.

    Raises:
        LedgerError: The folder holds no rows or damaged ones, or the DataFrame lacks a column.
    """
    from mnist_sweep.results.csv_columns import trials_frame

    if not isinstance(trials, str | Path):
        if not hasattr(trials, "columns"):
            raise LedgerError(f"trials are a results folder or a DataFrame, but got a {type(trials).__name__}.")
        kept = _of_one_kind(trials)
        judged = [getattr(measure_of(kept), split) for split in splits]
        if missing := [name for name in (*columns, *judged) if name not in trials.columns]:
            raise LedgerError(f"the table lacks the columns {', '.join(missing)}: pass what `read_trials` returns.")
        if texts := [name for name in judged if kept[name].notna().any() and kept[name].dtype.kind not in "iuf"]:
            raise LedgerError(f"the table has no numbers in {', '.join(texts)}: pass what `read_trials` returns.")
        names = kept[["config_id", "seed"]] if {"config_id", "seed"} <= {*kept} else kept[[]]
        if (twice := names.duplicated()).any():
            config_id, seed = names[twice].iloc[0]
            raise LedgerError(f"the table has {config_id}-{seed} twice, which would count as two seeds: leave one out.")
        if on_values := notes_on_values(measure_of(kept), kept.get(measure_of(kept).val, ())):
            kept = kept.copy(deep=False)
            kept.attrs[NOTES] = [*kept.attrs.get(NOTES, ()), *on_values]
        return kept
    rows = Ledger(Path(trials)).rows(with_history=False).values()
    if not rows:
        raise no_rows(Path(trials))
    of_one_kind, notes = kinds.of_one_kind(rows)
    frame = trials_frame(of_one_kind)
    frame.attrs[NOTES] = [*notes, *notes_on_values(measure_of(frame), frame.get(measure_of(frame).val, ()))]
    frame.attrs[DROPPED] = tuple(saved_race.dropped(Path(trials), of_one_kind))
    return frame


def successful(trials: "pd.DataFrame", measure: Measure) -> "pd.DataFrame":
    """Return the trials that succeeded and have the value on validation that they are judged by."""
    return trials[(trials["status"] == Status.OK.value) & trials[measure.val].notna()]


def notes_on_values(measure: Measure, values: Iterable[float]) -> list[str]:
    """Return a note if all values are so small that statistics take their differences for rounding, or nothing."""
    most = max((abs(value) for value in values if value == value), default=0.0)  # but NaN
    if measure.is_share or not 0 < most < SMALLEST:
        return []
    way_out = "give it a smaller unit, since differences below 1e-09 count as 0"
    return [f"The values of {measure.title} are at most {most:.2g}: {way_out}."]


def distinct_kinds(trials: "pd.DataFrame") -> list[kinds.Kind]:
    """Return the kinds of the trials of a table, each at least once."""
    return kinds_of(trials.drop_duplicates(_kind_columns(trials)))


def kinds_of(trials: "pd.DataFrame") -> list[kinds.Kind]:
    """Return the kind of each trial of a table; a column that it lacks counts as empty."""
    cells = trials[_kind_columns(trials)].astype(object)
    lines = cells.where(cells.notna(), None).to_dict("records")
    flats = [{str(name): cell for name, cell in line.items()} for line in lines]
    return [kinds.kind(flat, *(flat.get(name) for name in kinds.FIELDS)) for flat in flats]


def _kind_columns(trials: "pd.DataFrame") -> list[str]:
    names = (*PARTS, *kinds.FIELDS)
    return [name for name in map(str, trials) if name in names or name.startswith(("data.", "objective."))]


def _of_one_kind(trials: "pd.DataFrame") -> "pd.DataFrame":
    names = [*kinds.FIELDS, *(str(name) for name in trials if str(name).partition(".")[0] == "objective")]
    if not {*kinds.FIELDS} <= {*trials} or len(trials[names].drop_duplicates()) <= 1:
        return trials
    of_trials = kinds_of(trials)
    found = kinds.kinds(zip(of_trials, trials["status"] == Status.OK.value, strict=True))
    kept = trials[[one in found.kept for one in of_trials]]
    kept.attrs[NOTES] = found.notes
    return kept
