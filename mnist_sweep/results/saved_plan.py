"""The time that a plan predicts, kept in the sweep's results folder until the run that it is of.

A file that is damaged, or cannot be read or written, raises LedgerError.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep.system.files import read_json, write_json
from mnist_sweep.validation import coerce, require

FILE = "plan.json"
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """The predicted time of a run.

    Attributes:
        trials: The `digest` of its trials.
        runner: Name of the runner's class.
        num_workers: Trials at a time.
        seconds: Its wall time, in seconds, above 0.
    """

    trials: str
    runner: str
    num_workers: int
    seconds: float

    def __post_init__(self) -> None:
        coerce(self)
        require(0 < self.seconds < float("inf"), "0 < seconds < infinity", seconds=self.seconds)

    def is_of(self, trial_ids: Iterable[str], *, runner: str, num_workers: int) -> bool:
        """Return whether the plan is of a run of these trials, by this runner and as many at a time."""
        return (self.trials, self.runner, self.num_workers) == (digest(trial_ids), runner, num_workers)


def digest(trial_ids: Iterable[str]) -> str:
    """Return the hash of a set of trials."""
    return hashlib.sha256("\n".join(sorted(trial_ids)).encode()).hexdigest()


def write(folder: Path, plan: SavedPlan) -> None:
    """Write a plan durably into a results folder, which is made if necessary."""
    write_json(folder / FILE, dataclasses.asdict(plan), "plan")


def read(folder: Path) -> SavedPlan | None:
    """Return the plan in a results folder, or None if there is none."""
    return read_json(folder / FILE, SavedPlan, max_bytes=MAX_BYTES, way_out="delete it, no result depends on it")
