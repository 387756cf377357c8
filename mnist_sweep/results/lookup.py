"""Rows by the id of a trial or a config, or by a unique prefix of one."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from mnist_sweep.errors import LedgerError, no_rows
from mnist_sweep.text.lines import first_few
from mnist_sweep.trials.row import TrialRow

SHORTEST_PREFIX = 4
NUM_NAMED = 5


class Match(NamedTuple):
    """The trial or config that a name identifies.

    Attributes:
        name: Its complete id.
        rows: The row of the trial, or the rows of the config in the order of the seeds.
    """

    name: str
    rows: tuple[TrialRow, ...]


def find(rows: Mapping[str, TrialRow], name: str, folder: Path) -> Match:
    """Return the trial or config of a results folder with an id, or with the only id that begins with the name.

    The name is the id of a config, or of a trial (the config's id, a hyphen and the seed), or has at least 4 characters
    of the config's id. The seed cannot be abbreviated.

    Raises:
        LedgerError: No id matches, or more than one; the message lists similar ones.
    """
    if not rows:
        raise no_rows(folder)
    start, _, seed = name.partition("-") if isinstance(name, str) else ("", "", "")
    if len(start) < SHORTEST_PREFIX:
        raise LedgerError(
            f"a trial or config must be named by at least {SHORTEST_PREFIX} characters of its id, but got {name!r}."
        )
    of_seed = [row for row in rows.values() if not seed or str(row.config["seed"]) == seed]
    candidates = sorted({row.config_id for row in of_seed if row.config_id.startswith(start)})
    if len(candidates) > 1:
        ids = first_few(candidates, NUM_NAMED)
        raise LedgerError(f"{name!r} is the prefix of several ids in {folder}: {ids}: add a character.")
    if not candidates:
        known = list(rows) if seed else sorted({row.config_id for row in rows.values()})
        close = get_close_matches(name, known, NUM_NAMED, cutoff=0.5)
        which = "similar ids are" if close else "its ids, as in trials.csv, are"
        raise LedgerError(f"{folder} has no trial or config {name!r}; {which} {first_few(close or known, NUM_NAMED)}.")
    found = sorted((row for row in of_seed if row.config_id in candidates), key=lambda row: row.config["seed"])
    return Match(found[0].trial_id if seed else candidates[0], tuple(found))
