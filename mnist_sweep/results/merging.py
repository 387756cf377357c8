"""Merging the rows of several results folders, such as those of several machines, into one.

A trial in two folders must have the same numbers in both, since they follow from its config. If they differ, nothing is
written until the user has decided which are right.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path
from typing import Any, NamedTuple

from mnist_sweep.errors import LedgerError, no_rows
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import LABELS, MISTAKES
from mnist_sweep.system import npz
from mnist_sweep.system.atomic_files import is_folder, ledger_errors, open_regular, replacing, require_own_folder
from mnist_sweep.system.folder_lock import Lock
from mnist_sweep.text.lines import first_few, listed, shortened
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials import kinds
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

METRICS = ("val_accuracy", "val_loss", "test_accuracy", "num_test", "train_loss", "val_objective", "test_objective")
COMPARED_FIELDS = ("status", *METRICS, "steps", "parameters")  # of the whole trial
CURVE = tuple(name for name in Evaluation._fields if name not in {"step", "seconds"})
COMPANIONS = {"models": ".keras", "predictions": ".npz", "data": ".json"}
NUM_NAMED = 5


class RowDifference(NamedTuple):
    """A field in which two rows of a trial differ, bit for bit, with its value in each.

    It is one of `Evaluation` at a step of the learning curve, or, where `step` is None, one of `TrialRow`.
    """

    name: str
    step: int | None
    one: Any
    other: Any


class MergeResult(NamedTuple):
    """What a merge did.

    Attributes:
        num_copied: Trials that are new in the folder.
        num_replaced: Trials whose row was replaced by one that is further along.
        num_known: Rows of the sources that the folder or an earlier source already had.
        num_files: Models, predictions and data cards that were copied.
        left_out: Links among the sources' models and predictions, which may lead to any file of this machine.
    """

    num_copied: int
    num_replaced: int
    num_known: int
    num_files: int
    left_out: tuple[Path, ...] = ()


class _Candidate(NamedTuple):
    folder: Path
    row: TrialRow


def merge(into: Path, sources: Sequence[Path], *, force: bool = False) -> MergeResult:
    """Copy the rows that a results folder lacks from others, byte for byte, and rebuild its tables.

    Of a trial in several folders, the row that is furthest along is kept: a failed one is replaced by any other, and a
    stopped one by one that continued from the same points. Failed rows may differ, as only their causes do. Kept models
    and predictions are copied with the rows, and nothing else; links are left out. The folder is made if necessary.

    With `force`, rows of unrelated sweeps are merged, too: each gets the name of its folder as `merged_from`, and no
    statistic mixes rows of different folders.

    Raises:
        RowError: A folder holds damaged rows.
        LedgerError: The folders hold unrelated sweeps (`contradiction`), a trial's numbers differ between folders, a
            source holds no rows or is `into`, a run is using `into`, or the disk cannot be written. Only in the last
            case may some rows have been copied; merging again copies the rest.
    """
    ledger = Ledger(into)
    with Lock(into) as lock:
        if is_folder(into):
            lock.acquire()
        there = ledger.rows()
        given = {source: _rows(source, into) for source in sources}
        cause = contradiction({into: there, **given})
        if cause and not force:
            message = f"nothing was merged, since the sweeps are unrelated: {cause}; merge each into its own folder"
            raise LedgerError(f"{message}, or pass --force, which names each row's folder in the column merged_from.")
        best = _best({into: there, **given})
        ledger.open(lock=lock)
        num_files, left_out = 0, []
        for path in chain.from_iterable(_companions(source, into, rows, best) for source, rows in given.items()):
            if path.is_symlink() or path.parent.is_symlink():
                left_out.append(path)
            else:
                _copy(path, into / path.parent.name, path.parent.name.removesuffix("s"), follow_links=False)
                num_files += 1
        new = [found for found in best.values() if found.folder != into]
        for folder, row in new:
            if cause:
                ledger.commit(replace(row, merged_from=row.merged_from or folder.resolve().name))
            else:
                _copy(Ledger(folder).rows_folder / f"{row.trial_id}.json", ledger.rows_folder, "row")
        write_tables(into, ledger.rows().values())
    replaced, known = sum(found.row.trial_id in there for found in new), sum(map(len, given.values())) - len(new)
    return MergeResult(len(new) - replaced, replaced, known, num_files, tuple(left_out))


def contradiction(folders: Mapping[Path, Mapping[str, TrialRow]]) -> str | None:
    """Return what sets the rows of one folder apart from those of another, in words; None if all are related.

    Rows are unrelated if they name the same data set or the same parts, but were trained with others; or if no data set
    that one folder names is named by the other.
    """
    groups = [
        (folder, {*map(kinds.kind_of, rows.values())}, {str(row.config.get("data")) for row in rows.values()})
        for folder, rows in folders.items()
        if rows
    ]
    for (one, our_kinds, ours), (other, their_kinds, theirs) in combinations(groups, 2):
        if differ := kinds.differences(our_kinds, their_kinds):
            return f"{one} and {other} were trained with other data or code: {'; '.join(differ)}"
        if not ours & theirs:
            named = [shortened(listed(sorted(names)[:NUM_NAMED])) for names in (ours, theirs)]
            return f"{one} and {other} share no config and use different data: {' and '.join(named)}"
    return None


def differences(one: TrialRow, other: TrialRow) -> list[RowDifference]:
    """Return the fields in which two rows of a trial differ, bit for bit: the whole trial's, then point by point.

    Times, workers, versions and environments are not compared. Fields of a point that a row lacks are None.
    """
    found = [RowDifference(name, None, getattr(one, name), getattr(other, name)) for name in COMPARED_FIELDS]
    ones, others = ({point.step: point for point in row.history} for row in (one, other))
    for step in sorted(ones.keys() | others.keys()):
        points = ones.get(step), others.get(step)
        found += [RowDifference(name, step, *(getattr(point, name, None) for point in points)) for name in CURVE]
    # Compared by `repr`, which tells 0.0 from -0.0 and 1 from 1.0.
    return [difference for difference in found if repr(difference.one) != repr(difference.other)]


def _rows(source: Path, into: Path) -> dict[str, TrialRow]:
    if is_folder(into) and is_folder(source) and source.samefile(into):
        raise LedgerError(f"{source} cannot be merged into itself: pass the folder that gets the rows, then others.")
    rows = Ledger(source).rows()
    if not rows:
        raise no_rows(source)
    return rows


def _best(folders: Mapping[Path, Mapping[str, TrialRow]]) -> dict[str, _Candidate]:
    """Return the row of each trial that is furthest along, the first of several; their numbers must not differ."""
    best: dict[str, _Candidate] = {}
    conflicts: dict[str, str] = {}
    for folder, rows in folders.items():
        for trial_id, row in rows.items():
            found = _Candidate(folder, row)
            known = best.setdefault(trial_id, found)
            if known is found:
                continue
            if conflict := next(_conflicts(known, found), None):
                conflicts.setdefault(trial_id, conflict)
            elif _progress(row) > _progress(known.row):
                best[trial_id] = found
    if conflicts:
        raise LedgerError(_conflict_message(conflicts))
    return best


def _progress(row: TrialRow) -> tuple[int, int]:
    stages = {Status.FAILED: 0, Status.STOPPED: 1}
    return stages.get(row.status, 2), (row.steps or 0) if row.status is Status.STOPPED else 0


def _conflicts(known: _Candidate, found: _Candidate) -> Iterator[str]:
    less = min(known.row, found.row, key=_progress)
    is_continued = _progress(known.row) != _progress(found.row)
    steps = {point.step for point in less.history}
    for name, step, one, other in differences(known.row, found.row):
        if not is_continued or step in steps:
            place = "" if step is None else f" at step {step}"
            one_version, other_version = known.row.version, found.row.version
            made = "" if one_version == other_version else f", of versions {one_version} and {other_version}"
            yield f"{name}{place} is {one} in {known.folder} but {other} in {found.folder}{made}"


def _conflict_message(conflicts: Mapping[str, str]) -> str:
    named = [f"{trial_id} ({conflict})" for trial_id, conflict in conflicts.items()]
    have = "has" if len(conflicts) == 1 else "have"
    return (
        f"nothing was merged, since {counted(len(conflicts), 'trial')} {have} different numbers in different folders: "
        f"{first_few(named, NUM_NAMED)}; find the right ones with `mnist-sweep replay DIR TRIAL`, move the other row "
        "away, and merge again."
    )


def _companions(
    source: Path, into: Path, rows: Mapping[str, TrialRow], best: Mapping[str, _Candidate]
) -> Iterator[Path]:
    """Yield the models and predictions of the kept rows that the folder lacks when they are asked for."""
    kept = {trial_id for trial_id, row in rows.items() if _progress(row) == _progress(best[trial_id].row)}
    for path in chain.from_iterable(sorted((source / name).glob(f"[!.]*{end}")) for name, end in COMPANIONS.items()):
        of_data = path.stem.startswith(LABELS) or path.parent.name == "data"
        belongs = of_data or path.stem.removesuffix(MISTAKES) in kept
        if belongs and not (into / path.parent.name / path.name).exists():
            yield path


def _copy(path: Path, folder: Path, what: str, *, follow_links: bool = True) -> None:
    max_bytes = None if what == "model" else npz.MAX_BYTES  # more than any command reads of the others
    with ledger_errors(f"{what} {path} cannot be copied to {folder}", ": correct that, and merge again"):
        require_own_folder(folder)
        with open_regular(path, max_bytes, follow_links=follow_links) as source, replacing(folder / path.name) as copy:
            shutil.copyfileobj(source, copy)
