"""What happens in a run, as values, and the interface of what receives them.

Runners report to the sweep, which commits rows and passes everything on as events: to progress, trackers, tables, or a
listener of the user's own. Events come one at a time, in this order: `RunStarted`, `WorkersReady`, events of trials,
`RunEnded`. A `Notice` may come at any time, also from trackers while nothing runs.
"""

from dataclasses import dataclass
from typing import Protocol

from mnist_sweep.text.names import Flat
from mnist_sweep.trials.row import Evaluation, TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run has trials to do; workers are starting, and nothing has been written.

    Attributes:
        rows: Rows of the sweep's trials that were there before.
        num_trials: Trials of the sweep, done or not; those of a search at most.
        fields: Names of the config's fields in which the trials differ.
    """

    rows: tuple[TrialRow, ...]
    num_trials: int
    fields: tuple[str, ...]

    @property
    def num_missing(self) -> int:
        """Trials without a row, at most."""
        return self.num_trials - len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersReady:
    """The machine or cluster has what the trials ask for, and the results folder can be written.

    Attributes:
        num_workers: Trials at a time, at most.
    """

    num_workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted:
    """A trial has started, for the first time or again.

    Attributes:
        trial_id: Its id.
        config: Its config, flat.
    """

    trial_id: str
    config: Flat


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvaluated:
    """A running trial has a new point of its learning curve; some points may be left out.

    Attributes:
        trial_id: Its id.
        evaluation: The point.
    """

    trial_id: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRetried:
    """A trial has lost its worker and starts again, elsewhere or from its checkpoint.

    Attributes:
        trial_id: Its id.
        config: Its config, flat.
        cause: Why the worker was lost, in one line.
    """

    trial_id: str
    config: Flat
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the user should know.

    Attributes:
        text: One line.
        trial_id: The trial that it is about, or None.
    """

    text: str
    trial_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCommitted:
    """A trial has ended and its row is on the disk; every row of a run comes exactly once.

    Attributes:
        row: The row, whatever its status.
    """

    row: TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInterrupted:
    """The run is to end early: running trials write their checkpoints.

    Attributes:
        out_of_time: Whether the time budget is used up; else a signal has come.
    """

    out_of_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """No more trials run: the run is complete, interrupted, or has failed.

    Attributes:
        num_run: Trials that have had their rows from this run.
        error: What ended it before its last trial, or None.
        can_write: Whether the results folder was opened and, as far as is known, can still be written.
    """

    num_run: int
    error: BaseException | None
    can_write: bool


Event = (
    RunStarted
    | WorkersReady
    | TrialStarted
    | TrialEvaluated
    | TrialRetried
    | Notice
    | RowCommitted
    | RunInterrupted
    | RunEnded
)


class Listener(Protocol):
    """Receives the events of a run."""

    def on_event(self, event: Event) -> None:
        """Receive an event; the run waits until this returns.

        An exception does not end the run, and the first one of a listener is reported in a notice. A listener that
        does slow work, such as sending, should do it in a thread of its own.
        """
