"""Joins the rows of several results folders, as several machines make them, in one.

A trial that lies in two folders must have the same figures in both, since they follow from its config: if it has not,
somebody has to say which are right, and nothing is written before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from mnist_sweep.errors import LedgerError, no_rows
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.tables import write_tables
from mnist_sweep.system.files import write_atomically
from mnist_sweep.system.lock import Lock
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

COMPARED_FIELDS = (
    "status",
    "val_accuracy",
    "val_loss",
    "test_accuracy",
    "num_test",
    "train_loss",
    "steps",
    "parameters",
)
CURVE = tuple(name for name in Evaluation._fields if name not in {"step", "seconds"})
COMPANIONS = {"models": ".keras", "predictions": ".npz"}
LABELS, MISTAKES = "labels-", "-mistakes"
NUM_NAMED = 5


class RowDifference(NamedTuple):
    """A figure that two rows of a trial do not share, bit for bit.

    Attributes:
        name: Its field of TrialRow, or of Evaluation.
        step: Training step of the point of the learning curve that it belongs to; None for a figure of the whole trial.
        one: What the one row says.
        other: What the other row says.
    """

    name: str
    step: int | None
    one: Any
    other: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """What a merge did.

    Attributes:
        num_copied: Trials that are new in the folder.
        num_replaced: Trials whose row gave way to that of a trial that came further.
        num_known: Rows of the sources that were there already, in this folder or an earlier source.
        num_files: Models and predictions that came along.
    """

    num_copied: int
    num_replaced: int
    num_known: int
    num_files: int


class _Candidate(NamedTuple):
    folder: Path
    row: TrialRow


def merge(into: Path, sources: Sequence[Path]) -> MergeResult:
    """Copy the rows that a results folder lacks from others, byte for byte, and write its tables anew.

    Of a trial that lies in several folders the row stays that came furthest: a failed one gives way to any other, a
    stopped one to one that went on from the same points. Failed rows of a trial may differ, since only their causes do.
    Kept models and predictions go along with the rows; nothing else does.

    Args:
        into: The folder that gets the rows; made if need be.
        sources: The folders that they come from, which stay as they are.

    Raises:
        RowError: A folder holds damaged rows.
        LedgerError: A trial has other figures in one folder than in another, a source holds no rows or is `into`, a run
            is using `into`, or the disk cannot be written; only then may some rows have been copied, and merging again
            goes on.
    """
    ledger = Ledger(into)
    with Lock(into) as lock:
        if into.is_dir():
            lock.acquire()
        there = ledger.rows()
        given = {source: _rows(source, into) for source in sources}
        best = _best({into: there, **given})
        ledger.open()
        lock.acquire()
        merged = _copy_rows(ledger, there, given, best)
        write_tables(into, ledger.rows().values())
    return merged


def _copy_rows(
    ledger: Ledger,
    there: Mapping[str, TrialRow],
    given: Mapping[Path, Mapping[str, TrialRow]],
    best: Mapping[str, _Candidate],
) -> MergeResult:
    into = ledger.folder
    num_files = sum(_copy_companions(source, into, rows, best) for source, rows in given.items())
    new = [found for found in best.values() if found.folder != into]
    for folder, row in new:
        _copy(Ledger(folder).rows_folder / f"{row.trial_id}.json", ledger.rows_folder, "row")
    num_replaced = sum(found.row.trial_id in there for found in new)
    return MergeResult(
        num_copied=len(new) - num_replaced,
        num_replaced=num_replaced,
        num_known=sum(map(len, given.values())) - len(new),
        num_files=num_files,
    )


def differences(one: TrialRow, other: TrialRow) -> list[RowDifference]:
    """Return every figure that two rows of a trial do not share, bit for bit: the whole trial's, then point by point.

    Times, workers, versions and environments are no figures. A point that one row lacks has None in it.
    """
    found = [RowDifference(name, None, getattr(one, name), getattr(other, name)) for name in COMPARED_FIELDS]
    ones, others = ({point.step: point for point in row.history} for row in (one, other))
    for step in sorted(ones.keys() | others.keys()):
        points = ones.get(step), others.get(step)
        found += [RowDifference(name, step, *(getattr(point, name, None) for point in points)) for name in CURVE]
    # By their texts, which are as exact as the bits: 0.0 equals -0.0, and 1 equals 1.0.
    return [difference for difference in found if repr(difference.one) != repr(difference.other)]


def _rows(source: Path, into: Path) -> dict[str, TrialRow]:
    if into.exists() and source.exists() and source.samefile(into):
        raise LedgerError(f"{source} cannot be merged into itself: name the folder that gets the rows, then others.")
    rows = Ledger(source).rows()
    if not rows:
        raise no_rows(source)
    return rows


def _best(folders: Mapping[Path, Mapping[str, TrialRow]]) -> dict[str, _Candidate]:
    """Return of each trial the row that came furthest, the first of several.

    Raises:
        LedgerError: Some trials have other figures in one folder than in another.
    """
    best: dict[str, _Candidate] = {}
    conflicts: dict[str, str] = {}
    for folder, rows in folders.items():
        for trial_id, row in rows.items():
            known, found = best.setdefault(trial_id, _Candidate(folder, row)), _Candidate(folder, row)
            conflict = next(_conflicts(known, found), None)
            if conflict:
                conflicts.setdefault(trial_id, conflict)
            elif _progress(row) > _progress(known.row):
                best[trial_id] = found
    if conflicts:
        raise LedgerError(_conflict_message(conflicts))
    return best


def _progress(row: TrialRow) -> tuple[int, int]:
    """Return how far a trial came, as something to compare."""
    stages = {Status.FAILED: 0, Status.STOPPED: 1}
    return stages.get(row.status, 2), (row.steps or 0) if row.status is Status.STOPPED else 0


def _conflicts(known: _Candidate, found: _Candidate) -> Iterator[str]:
    """Yield what two folders say otherwise of a trial, in words."""
    less = min(known.row, found.row, key=_progress)
    goes_on = _progress(known.row) != _progress(found.row)
    steps = {point.step for point in less.history}
    for name, step, one, other in differences(known.row, found.row):
        if not goes_on or step in steps:
            place = "" if step is None else f" at step {step}"
            versions = known.row.version, found.row.version
            made = "" if versions[0] == versions[1] else f", of versions {versions[0]} and {versions[1]}"
            yield f"{name}{place} is {one} in {known.folder} but {other} in {found.folder}{made}"


def _conflict_message(conflicts: Mapping[str, str]) -> str:
    named = [f"{trial_id} ({conflict})" for trial_id, conflict in conflicts.items()][:NUM_NAMED]
    more = [f"{len(conflicts) - NUM_NAMED:,} more"] * (len(conflicts) > NUM_NAMED)
    have = "has" if len(conflicts) == 1 else "have"
    return (
        f"nothing was merged, since {counted(len(conflicts), 'trial')} {have} other figures in one folder than in "
        f"another: {', '.join([*named, *more])}; `mnist-sweep replay DIR TRIAL` says whose come out again: "
        "move the other row away and merge again."
    )


def _copy_companions(source: Path, into: Path, rows: Mapping[str, TrialRow], best: Mapping[str, _Candidate]) -> int:
    """Copy the models and predictions that belong to the rows that stay, if they are not there; return their number."""
    stay = {trial_id for trial_id, row in rows.items() if _progress(row) == _progress(best[trial_id].row)}
    paths = chain.from_iterable(sorted((source / name).glob(f"[!.]*{end}")) for name, end in COMPANIONS.items())
    number = 0
    for path in paths:
        folder = into / path.parent.name
        belongs = path.stem.removesuffix(MISTAKES) in stay or path.stem.startswith(LABELS)
        if belongs and not (folder / path.name).exists():
            _copy(path, folder, path.parent.name.removesuffix("s"))
            number += 1
    return number


def _copy(path: Path, folder: Path, what: str) -> None:
    try:
        content = path.read_bytes()
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise LedgerError(f"{what} {path} cannot be copied to {folder} ({error.strerror}).") from error
    write_atomically(folder / path.name, content, what)
