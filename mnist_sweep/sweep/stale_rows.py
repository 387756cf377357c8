"""Stale rows: those of a results folder that were trained with other data or code than the sweep has now."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mnist_sweep.errors import LedgerError, StaleRowsError
from mnist_sweep.results import runs
from mnist_sweep.results.superseded_rows import FOLDER
from mnist_sweep.sweep.inputs import RunInputs
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.text.lines import first_few, listed, shortened
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.kinds import UNKNOWN, kind_of
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.user_code import shipping

NUM_NAMED = 5


class StaleRows(NamedTuple):
    """The rows of a results folder whose data or code have changed, and may run again, and the causes in words.

    `num_unknown` rows of the same data sets or parts have no digest, so that it is unknown.
    """

    rows: tuple[TrialRow, ...]
    causes: tuple[str, ...]
    num_unknown: int

    @property
    def note(self) -> str | None:
        """What the user must know of the rows without digests, or None."""
        rows = f"{counted(self.num_unknown, 'row')} of a version before 0.5 without digests"
        return f"{rows}: whether data and code have changed since is unknown" if self.num_unknown else None

    def refuse(self, folder: Path) -> None:
        """Raise a StaleRowsError if there are stale rows: it says what has changed, and names the ways out."""
        if self.rows:
            aside = f"--set-aside, which moves them to {folder / FOLDER}/ and runs their trials again"
            ways_out = f"choose another folder with --results, or set those rows aside with {aside}"
            raise StaleRowsError(f"{'; '.join(self.causes)}: {ways_out}.")


def find(
    sweep: Sweep, rows: Mapping[str, TrialRow], retry: Collection[Status], inputs: RunInputs, folder: Path
) -> StaleRows:
    """Return the stale rows of a sweep's results folder, without those that run again anyway.

    Raises:
        ConfigError: A class or function was defined again after trials were made with it.
        DataError: A data set of the user's own cannot be loaded.
    """
    trials = [*sweep.trials, *(sweep.search.ends() if sweep.search else [])]
    shipping.own_definitions(trials)  # digests are those of the code as it is now
    digests = inputs.own_digests(trials)
    found = [row for row in rows.values() if row.status not in retry] if digests else []
    data: dict[str, list[TrialRow]] = {}
    code: dict[str, list[TrialRow]] = {}
    num_unknown = 0
    for row in found:
        kind = kind_of(row)
        num_unknown += UNKNOWN in kind and (kind.data in digests or kind.parts in digests)
        if kind.data_digest not in (None, UNKNOWN, digests.get(kind.data, kind.data_digest)):
            data.setdefault(kind.data, []).append(row)
        if kind.code_digest not in (None, UNKNOWN, digests.get(kind.parts, kind.code_digest)):
            code.setdefault(kind.parts, []).append(row)
    causes = [*_data_causes(data, digests, folder), *_code_causes(code, trials, inputs, folder)]
    stale = {row.trial_id: row for group in (*data.values(), *code.values()) for row in group}
    return StaleRows(tuple(stale.values()), tuple(causes), num_unknown)


def _data_causes(stale: Mapping[str, Sequence[TrialRow]], digests: Mapping[str, str], folder: Path) -> Iterator[str]:
    for name, rows in stale.items():
        then, source = listed(sorted({str(row.data_digest) for row in rows})), shortened(name.removeprefix("data="))
        changed = f"(digest {then} then, {digests[name]} now)"
        yield f"the data of {source} have changed {changed} since {_rows(rows, folder)} trained"


def _code_causes(
    stale: Mapping[str, Sequence[TrialRow]], trials: Sequence[TrialConfig], inputs: RunInputs, folder: Path
) -> Iterator[str]:
    changed = _changed_definitions(folder, inputs.definitions(trials)) if stale else []
    for name, rows in stale.items():
        which = f" ({first_few(changed, NUM_NAMED)})" if changed and changed != [name] else ""
        yield f"the code of {shortened(name)} has changed{which} since {_rows(rows, folder)} trained"


def _changed_definitions(folder: Path, now: Mapping[str, str]) -> list[str]:
    """Return the definitions that differ from those of the last run that recorded some."""
    then: Mapping[str, str] = {}
    with contextlib.suppress(LedgerError):  # the record of the runs only makes the message better
        then = next((run.code for run in reversed(runs.read(folder)) if run.code), {})
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name)) if then else []


def _rows(rows: Sequence[TrialRow], folder: Path) -> str:
    return f"{counted(len(rows), 'row')} in {folder} {'was' if len(rows) == 1 else 'were'}"
