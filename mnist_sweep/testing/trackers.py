"""The contract of a tracker: it knows which rows it lacks, and never logs one twice."""

from collections.abc import Sequence
from pathlib import Path

from mnist_sweep.testing.law import law
from mnist_sweep.trackers.protocol import Tracker
from mnist_sweep.trials.row import TrialRow


def check_tracker(tracker: Tracker, *, sweep: str, folder: Path, rows: Sequence[TrialRow]) -> None:
    """Validate that a tracker keeps the contract; logs the rows to it.

    Args:
        tracker: The tracker, which can be reached.
        sweep: Name of a sweep that the tracker has no runs of.
        folder: An empty results folder.
        rows: At least two rows, of different trials.

    Raises:
        AssertionError: A law is broken; the message names it.
        TrackerError: The tracker cannot be reached.
    """
    session = tracker.connect(sweep, folder)
    law(session.lacks(rows) == list(rows), "A new tracker must lack every row, in their order.")
    law(session.lacks([]) == [], "A tracker must lack nothing of no rows.")
    session.log(rows[0], ["seed"])
    law(session.lacks(rows) == list(rows[1:]), "A logged row must no longer be lacking.")
    again = tracker.connect(sweep, folder)
    law(again.lacks(rows) == list(rows[1:]), "A new session must know the rows of earlier ones.")
    for row in rows[1:]:
        again.log(row, ["seed"])
    law(tracker.connect(sweep, folder).lacks(rows) == [], "When every row is logged, nothing must be lacking.")
    law(bool(session.name) and len(session.name.splitlines()) == 1, "A session's name must be one line.")
