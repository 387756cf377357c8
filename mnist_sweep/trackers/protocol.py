"""What a tracker is to the sweep: a place outside of the results folder that shows each row as a run.

A tracker is a mirror, never the memory: what it lacks is a set difference between the rows and its runs.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from mnist_sweep.text.lines import shortened
from mnist_sweep.text.secrets import without_secrets
from mnist_sweep.trials.row import TrialRow


class Session(Protocol):
    """A tracker that has been reached, for one sweep.

    Attributes:
        name: What people know it by, without secrets.
    """

    name: str

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        """Return the rows that the tracker has no whole run of, nor one of a newer row of the same trial.

        Raises:
            TrackerError: The tracker cannot be asked.
        """

    def log(self, row: TrialRow) -> None:
        """Make the run of a row that the tracker lacks; when this returns, it is whole.

        Raises:
            TrackerError: It could not be made; what there is of it does not count as a run.
        """


class Tracker(Protocol):
    """Where rows are shown, too."""

    def connect(self, sweep: str, folder: Path) -> Session:
        """Return a session for a sweep and its results folder; nothing is written yet.

        Raises:
            TrackerError: The tracker's package is not installed, or the tracker cannot be reached.
        """


def cause(error: BaseException) -> str:
    """Return in one line, without secrets, why something failed: what the system said, else the error's own words."""
    inner = error
    while (below := inner.__cause__ or inner.__context__) is not None:
        inner = below
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(error) or type(error).__name__
    return shortened(" ".join(without_secrets(text.split())))
