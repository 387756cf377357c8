"""Whether the rows of several results folders belong to one sweep, so that they may lie in one folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mnist_sweep.text.lines import listed, shortened
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import TrialRow

NUM_NAMED = 3


def contradiction(folders: Mapping[Path, Iterable[TrialRow]]) -> str | None:
    """Return what sets the rows of one folder apart from those of an earlier one, in words; None if they are related.

    Rows are unrelated if they name the same data set or the same parts, but were trained with others; or if no data set
    that one folder names is named by the other.
    """
    earlier: dict[Path, list[TrialRow]] = {}
    for folder, rows in folders.items():
        found = [*rows]
        for other, known in earlier.items():
            if cause := _contradiction(other, known, folder, found):
                return cause
        if found:
            earlier[folder] = found
    return None


def _contradiction(one: Path, rows: list[TrialRow], other: Path, others: list[TrialRow]) -> str | None:
    if differ := kinds.differences({*map(kinds.kind_of, rows)}, {*map(kinds.kind_of, others)}):
        return f"{one} and {other} were trained with other data or code: {'; '.join(differ)}"
    ours, theirs = ({str(row.config.get("data")) for row in found} for found in (rows, others))
    if others and not ours & theirs:
        return f"{one} and {other} share no config and use different data: {_named(ours)} and {_named(theirs)}"
    return None


def _named(names: set[str]) -> str:
    return shortened(listed(sorted(names)[:NUM_NAMED]))
