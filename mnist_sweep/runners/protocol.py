"""The interface between a sweep and its runners: a runner runs trials, and reports to an observer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import require


class Observer(Protocol):
    """Receives what a runner reports, and decides what it does next; called in the thread that called `run`."""

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        """Report that the machine or cluster has room for some trials at a time; no trial has started.

        `warning` is what the user should know about the machine or cluster, in one line.
        """

    def started(self, trial_id: str) -> None:
        """Report that a trial has started."""

    def placed(self, trial_id: str, worker: str) -> None:
        """Report which worker runs a trial, as its row will say, once that is known; a runner may leave it out."""

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Report a point of a running trial's learning curve; some may be left out."""

    def retried(self, trial_id: str, cause: str) -> None:
        """Report that a trial starts again, and why it has lost its worker, in one line."""

    def paused(self, trial_id: str) -> None:
        """Report that a scheduler has paused a running trial, which starts again or has a row later."""

    def noted(self, trial_id: str | None, note: str) -> None:
        """Report what the user should know about a running trial, in one line that follows its name.

        The id is None for something that concerns no single trial, such as the loss of a node.
        """

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        """Hand over the trained model of a trial, or its predictions, before its row."""

    def finished(self, row: TrialRow) -> None:
        """Hand over a trial's row, whatever its status."""

    def propose(self) -> TrialConfig | None:
        """Return one more trial to run; None if there is none, or none until a running trial has its row."""

    def is_ending(self) -> bool:
        """Return whether the run is to end: no trial may start, and those that see the storage pause by themselves."""

    def definitions(self) -> Mapping[str, Any]:
        """Return the user's own classes and functions in the trials, proposed ones included, by their names in rows."""

    def rows(self) -> Sequence[TrialRow]:
        """Return the rows of the sweep that are there, those of this run among them."""

    def measure(self) -> Measure:
        """Return what all trials of the sweep are judged by."""


class Runner(Protocol):
    """Runs trials: in processes of this machine, on a cluster, or wherever else."""

    def run(
        self,
        trials: Mapping[str, TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        *,
        num_proposals: int = 0,
        code: Sequence[Path] = (),
        artifacts: Artifacts | None = None,
    ) -> None:
        """Run trials, then those that the observer proposes; return when each has its row, or the run is to end.

        Args:
            trials: What to run, by trial id.
            datasets: The data set of every `trial.data`, proposed ones included.
            observer: Receives reports, and proposes more trials.
            num_proposals: Trials that the observer may propose, at most.
            code: Folders that the trials' own models and data sets are imported from.
            artifacts: What the trials leave behind besides their rows; None means nothing.

        Raises:
            ResourceError: The machine or cluster lacks what a trial asks for, and nothing has started; or a node lacks
                a package that trials need.
        """


def require_one_gpu(gpus_per_trial: float) -> None:
    """Validate that a trial asks for one GPU at most, or raise a ConfigError."""
    rule = "0 <= gpus_per_trial <= 1 (a trial trains on one GPU, so another one would be idle)"
    require(0 <= gpus_per_trial <= 1, rule, gpus_per_trial=gpus_per_trial)


def require_runner(runner: object) -> None:
    """Raise a ConfigError unless a runner is None or has `run`; a class has not been created yet."""
    holds = runner is None or (hasattr(runner, "run") and not isinstance(runner, type))
    require(holds, "runner is an instance of a runner, such as Local() or RayTune()", runner=runner)
