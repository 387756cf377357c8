"""Trials that a search has proposed and that have no row yet, each in a small file, so that none is lost.

A file that is damaged, or cannot be read or written, raises LedgerError.
"""

from pathlib import Path
from typing import Any

from mnist_sweep.system.atomic_files import ledger_errors, read_json, write_json
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id

FOLDER = "proposals"
MAX_BYTES = 1 << 20


def write(folder: Path, trial: TrialConfig) -> None:
    """Record in a results folder that a trial is about to start."""
    write_json(folder / FOLDER / f"{trial_id(trial)}.json", to_flat(trial), "proposal")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the flat forms of the pending trials of a results folder, by trial id."""
    paths = sorted((folder / FOLDER).glob("[!.]*.json"))
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        flat: dict[str, Any] | None = read_json(path, dict, max_bytes=MAX_BYTES, way_out="delete it to continue")
        found |= {} if flat is None else {path.stem: flat}
    return found


def delete(folder: Path, trial_id: str) -> None:
    """Delete the file of a trial if there is one."""
    with ledger_errors(f"the proposal {trial_id} in {folder / FOLDER} cannot be removed"):
        (folder / FOLDER / f"{trial_id}.json").unlink(missing_ok=True)
