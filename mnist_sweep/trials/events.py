"""What happens in a run, as values, and the interface of what receives them.

Runners report to the sweep, which commits rows and passes everything on as events: to progress, trackers, tables, or a
listener of the user's own. Events come one at a time, in this order: `RunStarted`, `WorkersReady`, events of trials,
`RunEnded`. A `Notice` may come at any time, also from trackers while nothing runs.
"""

from dataclasses import dataclass
from typing import Protocol

from mnist_sweep.text.names import Flat
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run has trials to do; workers are starting, and nothing has been written.

    Attributes:
        rows: Rows of the sweep's trials that were there before.
        num_trials: Trials of the sweep, done or not; those of a search at most.
        fields: Names of the config's fields in which the trials differ.
        measure: What the trials are judged by.
    """

    rows: tuple[TrialRow, ...]
    num_trials: int
    fields: tuple[str, ...]
    measure: Measure = ACCURACY

    @property
    def num_missing(self) -> int:
        """Trials without a row, at most."""
        return self.num_trials - len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersReady:
    """The machine or cluster has what `num_workers` trials at a time ask for; the results folder can be written."""

    num_workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted:
    """A trial has started, for the first time or again."""

    trial_id: str
    config: Flat


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlaced:
    """A running trial is run by a worker, named as in its row; comes late or never for trials of a second or so."""

    trial_id: str
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvaluated:
    """A running trial has a new point of its learning curve; some points may be left out."""

    trial_id: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRetried:
    """A trial has lost its worker, for a cause in one line, and starts again, elsewhere or from its checkpoint."""

    trial_id: str
    config: Flat
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPaused:
    """A scheduler has paused a running trial, which starts again, or is stopped as it is."""

    trial_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the user should know, in one line, about a trial or the whole run."""

    text: str
    trial_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceForecast:
    """The forecast of a race, in one line, and its trials by its end; comes after some of its rounds."""

    text: str
    num_trials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCommitted:
    """A trial has ended and its row, whatever its status, is on the disk; every row of a run comes exactly once."""

    row: TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInterrupted:
    """The run is to end early, by a signal or because it is out of time: running trials write their checkpoints."""

    out_of_time: bool

    @property
    def text(self) -> str:
        """What the user should know of it, in one line."""
        if self.out_of_time:
            return "the time budget is used up: running trials write their checkpoints; the same command resumes them"
        return "stopping: running trials write their checkpoints; interrupt again to stop at once"


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


TrialEvent = TrialStarted | TrialPlaced | TrialEvaluated | TrialRetried | TrialPaused | RowCommitted
Event = RunStarted | WorkersReady | TrialEvent | Notice | RaceForecast | RunInterrupted | RunEnded


class Listener(Protocol):
    """Receives the events of a run."""

    def on_event(self, event: Event) -> None:
        """Receive an event; the run waits until this returns.

        An exception does not end the run, and the first one of a listener is reported in a notice. A listener that
        does slow work, such as sending, should do it in a thread of its own.
        """
