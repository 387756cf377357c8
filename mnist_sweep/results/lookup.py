"""Rows by what people call them: a trial's id, a config's id, or the beginning of one."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from mnist_sweep.errors import LedgerError, no_rows
from mnist_sweep.trials.row import TrialRow

SHORTEST_PREFIX = 4
NUM_NAMED = 5


class Match(NamedTuple):
    """What a name stands for.

    Attributes:
        name: The whole id.
        rows: The row of the trial, or the rows of the config in the order of their seeds.
    """

    name: str
    rows: tuple[TrialRow, ...]


def find(rows: Mapping[str, TrialRow], name: str, folder: Path) -> Match:
    """Return the trial or the config of this id, or of the only one that begins so.

    Args:
        rows: The rows of a results folder by trial id.
        name: A config's id, or a trial's, which is the config's id, a hyphen and the seed; at least its first 4
            characters. The seed is not shortened.
        folder: Where the rows lie, for errors.

    Raises:
        LedgerError: There is none, or more than one; the message lists those that come close.
    """
    if not rows:
        raise no_rows(folder)
    if len(name) < SHORTEST_PREFIX:
        raise LedgerError(
            f"a trial or config is named by at least {SHORTEST_PREFIX} characters of its id, but got {name!r}."
        )
    start, _, seed = name.partition("-")
    of_seed = [row for row in rows.values() if not seed or str(row.config["seed"]) == seed]
    candidates = sorted({row.config_id for row in of_seed if row.config_id.startswith(start)})
    if len(candidates) > 1:
        raise LedgerError(
            f"{name!r} is the beginning of several ids in {folder}: {_listed(candidates)}: write one more character."
        )
    if not candidates:
        known = list(rows) if seed else sorted({row.config_id for row in rows.values()})
        close = get_close_matches(name, known, NUM_NAMED, cutoff=0.5) or known
        raise LedgerError(f"{folder} has no trial or config {name!r}; close are {_listed(close)}.")
    found = sorted((row for row in of_seed if row.config_id in candidates), key=lambda row: row.config["seed"])
    return Match(found[0].trial_id if seed else candidates[0], tuple(found))


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:NUM_NAMED], *["…"] * (len(names) > NUM_NAMED)])
