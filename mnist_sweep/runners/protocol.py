"""What a runner is to the sweep, and what the sweep is to a runner."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation, TrialRow


class Observer(Protocol):
    """Whoever wants to know what becomes of the trials; called in one thread, the one that called `run`."""

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        """Note that the machine has what the trials ask for, and runs so many at a time; nothing has started.

        Args:
            num_workers: Trials at a time.
            warning: What the user should know of the machine, in one line.
        """

    def started(self, trial_id: str) -> None:
        """Note that a trial has started."""

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Note a point of a running trial's learning curve; some may be left out."""

    def noted(self, trial_id: str | None, note: str) -> None:
        """Note what the user should know of a running trial: that it goes on from a checkpoint, or lost its worker.

        None stands for no trial in particular: a node was lost.
        """

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        """Note the trained model of a trial, or its predictions; its row comes next."""

    def finished(self, row: TrialRow) -> None:
        """Note a trial's row, whatever its status."""

    def propose(self) -> TrialConfig | None:
        """Return one more trial to run; None if there is none, or none before a running one has its row."""

    def is_ending(self) -> bool:
        """Return whether the run is to end; trials that can see the storage are told by then to pause."""

    def rows(self) -> Sequence[TrialRow]:
        """Return the rows of the sweep that were there before."""


class Runner(Protocol):
    """A way to run trials."""

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
        """Run trials, then what the observer proposes; return when each has a row, or is paused as the run is to end.

        Args:
            trials: What to run, by trial id.
            datasets: The data set of every `trial.data`, proposed ones included.
            observer: Told what happens, and asked for more trials.
            num_proposals: How many trials the observer will propose at the most.
            code: Folders that the trials' own models and data sets are imported from.
            artifacts: What the trials leave behind besides their rows; None means nothing.

        Raises:
            ResourceError: The machine or cluster lacks what a trial asks for, and nothing has started; or a node that
                trials were given to lacks a package.
        """
