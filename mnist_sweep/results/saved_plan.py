"""The time that a plan predicts, kept in the sweep's results folder until the run that it is of.

A file that is damaged, or cannot be read or written, raises LedgerError.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mnist_sweep.system.atomic_files import read_json, write_json
from mnist_sweep.validation import INFINITY, require

FILE = "plan.json"
MAX_BYTES = 1 << 20


def run_of(trial_ids: Iterable[str], runner: str, num_workers: int) -> dict[str, Any]:
    """Return what tells a run from others: a hash of its trials, its runner's class, and the trials at a time."""
    trials = hashlib.sha256("\n".join(sorted(trial_ids)).encode()).hexdigest()
    return {"trials": trials, "runner": runner, "num_workers": num_workers}


def write(folder: Path, run: Mapping[str, Any], seconds: float) -> None:
    """Write the predicted wall time of a run durably into a results folder, which is made if necessary."""
    write_json(folder / FILE, {**run, "seconds": seconds}, "plan")


def read(folder: Path) -> tuple[dict[str, Any], float] | None:
    """Return the run of the plan in a results folder and its time in seconds, or None if there is none."""
    return read_json(folder / FILE, _plan, max_bytes=MAX_BYTES, way_out="delete it, no result depends on it")


def _plan(seconds: float, **run: Any) -> tuple[dict[str, Any], float]:
    require(0 < seconds < INFINITY, "0 < seconds < infinity", seconds=seconds)
    require(run.keys() == run_of((), "", 1).keys(), "a plan is of trials, a runner and num_workers", run=run)
    return run, seconds
