"""What `mnist-sweep plan` predicted of a sweep, kept in its results folder until the run that it is of."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.system.files import write_atomically
from mnist_sweep.validation import coerce, require

FILE = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """What was predicted of a run.

    Attributes:
        trials: Which trials it runs, as `digest` has it.
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
        """Return whether it is of a run of these trials, in this way."""
        return (self.trials, self.runner, self.num_workers) == (digest(trial_ids), runner, num_workers)


def digest(trial_ids: Iterable[str]) -> str:
    """Return the hash of a set of trials."""
    return hashlib.sha256("\n".join(sorted(trial_ids)).encode()).hexdigest()


def write(folder: Path, planned: SavedPlan) -> Path:
    """Write a prediction into a results folder, made if need be, durably; return where it lies.

    Raises:
        LedgerError: The folder or the disk cannot be written; a prediction that was there is there still.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the results folder {folder} cannot be made ({error.strerror}): choose another with --results."
        ) from error
    content = json.dumps(dataclasses.asdict(planned), indent=1, allow_nan=False).encode() + b"\n"
    write_atomically(folder / FILE, content, "prediction")
    return folder / FILE


def read(folder: Path) -> SavedPlan | None:
    """Return the prediction that lies in a results folder; None if there is none.

    Raises:
        LedgerError: It is damaged, or cannot be read.
    """
    path = folder / FILE
    try:
        return SavedPlan(**json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LedgerError(f"{path} cannot be read ({error.strerror}): mend its permissions or the disk.") from error
    except (ConfigError, RecursionError, TypeError, ValueError) as error:
        raise LedgerError(
            f"{path} is not a prediction: it was damaged or edited; delete it, no row needs it."
        ) from error
