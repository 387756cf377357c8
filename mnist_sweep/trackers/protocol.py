"""The interface of a tracker, which shows each row as a run outside the results folder.

A tracker is a copy, never the memory of a sweep: what it lacks is the set difference of the rows and its runs. Any
object with `connect` is a tracker, and is passed among the `listeners` of `mnist_sweep.run`, which calls

1. `Tracker.connect` and then `Session.lacks` once, in its own thread, before the first trial starts. `lacks` gets the
   rows that the results folder already holds. A `TrackerError` from either ends the run, before anything is written;
2. `Session.log` with each row that the tracker lacks, and then with each new row after it was committed. All calls for
   one session come from one background thread, one after the other; trials do not wait for them.

An exception from `log` never ends a run: it is reported, and the row is sent again half a minute later, and once more
at the end. After an interrupt, what is being sent has ten seconds. Rows that could not be sent by then are reported,
and sent by the next run of the sweep.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from mnist_sweep.text.lines import shortened
from mnist_sweep.text.secrets import without_secrets
from mnist_sweep.trials.row import TrialRow


class Session(Protocol):
    """A connection to a tracker, for one sweep.

    Attributes:
        name: What messages call the tracker, in one line and without secrets, such as `MLflow at http://host:5000`.
    """

    name: str

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        """Return the rows that the tracker has no complete run of, in their order.

        A run of a newer row of the same trial counts; one of an older row, or one that broke off, does not.

        Raises:
            TrackerError: The tracker cannot be queried.
        """

    def log(self, row: TrialRow, fields: Sequence[str]) -> None:
        """Log a row that the tracker lacks as a run, which is complete when this returns.

        `fields` are those in which the sweep's trials differ, the seed last: they name the run.

        Raises:
            TrackerError: The row could not be logged; `lacks` must keep returning it.
        """


@runtime_checkable
class Tracker(Protocol):
    """A place that shows rows as runs, such as an MLflow server."""

    def connect(self, sweep: str, folder: Path) -> Session:
        """Return a session, without writing anything yet; the results folder may hold files of the tracker's own.

        Raises:
            TrackerError: The tracker's package is not installed, or the tracker cannot be reached.
        """


def cause(error: BaseException) -> str:
    """Return why something failed, in one line without secrets: the system's message or else the error's."""
    inner = error
    while (below := inner.__cause__ or inner.__context__) is not None:
        inner = below
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(error) or type(error).__name__
    return shortened(" ".join(without_secrets(text.split())))
