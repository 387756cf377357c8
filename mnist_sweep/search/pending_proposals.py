"""Trials that a search has proposed and that have no row yet, each in a small file, so that none is lost."""

import json
from pathlib import Path
from typing import Any

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.files import make_folder, read_regular, write_atomically
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id

FOLDER = "proposals"
MAX_BYTES = 1 << 20


def write(folder: Path, trial: TrialConfig) -> None:
    """Record in a results folder that a trial is about to start.

    Raises:
        LedgerError: The disk is full or cannot be written.
    """
    make_folder(folder / FOLDER)
    content = json.dumps(to_flat(trial), indent=1).encode()
    write_atomically(folder / FOLDER / f"{trial_id(trial)}.json", content, "proposal")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the flat forms of the pending trials of a results folder, by trial id.

    Raises:
        LedgerError: A file is damaged.
    """
    found = {}
    for path in sorted((folder / FOLDER).glob("[!.]*.json")):
        try:
            found[path.stem] = json.loads(read_regular(path, MAX_BYTES))
        except (OSError, RecursionError, ValueError) as error:
            cause = getattr(error, "strerror", error)
            raise LedgerError(f"{path} is damaged ({cause}): delete it to continue.") from error
        if not isinstance(found[path.stem], dict):
            raise LedgerError(f"{path} is not a proposal of a search: delete it to continue.")
    return found


def delete(folder: Path, trial_id: str) -> None:
    """Delete the file of a trial if there is one."""
    (folder / FOLDER / f"{trial_id}.json").unlink(missing_ok=True)
