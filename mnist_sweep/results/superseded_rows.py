"""Setting aside rows of other data or code: they are moved with what belongs to them, and nothing is deleted.

They lie in a folder of their own below the results folder, which is a results folder itself: every command reads it.
"""

import shutil
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.atomic_files import flush_folder, ledger_errors, require_own_folder, unused
from mnist_sweep.trials.row import TrialRow

FOLDER = "set_aside"
COMPANIONS = (("models", ".keras"), ("predictions", ".npz"), ("predictions", f"{predictions.MISTAKES}.npz"))


def set_aside(folder: Path, rows: Sequence[TrialRow], others: Collection[TrialRow]) -> Path:
    """Move rows of a results folder, with their models and predictions, to a new folder below it, and return that.

    Labels and cards of the data sets go with them, and stay as well where one of the `others`, which stay, needs them.
    Both folders get tables.

    Raises:
        LedgerError: A file cannot be moved; those moved before are in the new folder, and moving again moves the rest.
    """
    target = unused(folder / FOLDER / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ"), "-")
    with ledger_errors(f"rows cannot be moved to {target}", ": make it a writable folder"):
        require_own_folder(target.parent)
        (target / "rows").mkdir(parents=True)
        for row in rows:
            for name, end in COMPANIONS:
                _move(folder, target, f"{name}/{row.trial_id}{end}")
        left, moved = ({predictions.data_id(row.config) for row in found} for found in (others, rows))
        for data_id in sorted(moved):
            labels = f"{predictions.FOLDER}/{predictions.LABELS}{data_id}.npz"
            for name in (labels, f"{data_cards.FOLDER}/{data_id}.json"):
                _move(folder, target, name, keep=data_id in left)
        for row in rows:
            _move(folder, target, f"rows/{row.trial_id}.json")
        for changed in (target / "rows", target, Ledger(folder).rows_folder, folder):
            flush_folder(changed)
    write_tables(target, rows)
    write_tables(folder, others)
    return target


def _move(folder: Path, target: Path, name: str, *, keep: bool = False) -> None:
    if (folder / name).exists():
        for parent in ((folder / name).parent, (target / name).parent):
            require_own_folder(parent)
        if keep:
            shutil.copy2(folder / name, target / name, follow_symlinks=False)
        else:
            (folder / name).rename(target / name)
