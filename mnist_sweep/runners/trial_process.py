"""A child process that runs trials, so that no user model can end the run; it is replaced when it has ended."""

import contextlib
import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Self

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ProcessLostError, ResourceError
from mnist_sweep.runners import trial
from mnist_sweep.runners.trial import KEPT_DATASETS, Item
from mnist_sweep.system.child_process import ChildProcess
from mnist_sweep.training import row_builder
from mnist_sweep.training.model_candidates import Candidate
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.row import TrialRow


class TrialProcess:
    """A process for trials, one after the other, as `trial.prepare` leaves it; a context, at whose end it ends."""

    def __init__(self, settings: Mapping[str, Any], definitions: bytes) -> None:
        self._settings, self._definitions = settings, definitions
        self._child: ChildProcess | None = None
        self._kept: list[Dataset] = []

    def start(self) -> ChildProcess:
        """Return the process, started and configured if there is none.

        Raises:
            ResourceError: It cannot be started, or TensorFlow cannot be configured there.
        """
        if self._child is None or not self._child.is_alive:
            self.end()
            self._child = ChildProcess()
            try:
                self._child.call(trial.prepare, self._settings, self._definitions)
            except ProcessLostError as lost:
                raise ResourceError(f"a process for trials cannot be started: {lost}") from lost
        return self._child

    def steps(
        self, config: TrialConfig, dataset: Dataset, *, artifacts: Artifacts | None = None
    ) -> Generator[Item | None, None, TrialRow]:
        """Run a trial in the process, as `trial.steps` does in this one; yield None while it is silent.

        If the trial itself ends the process, its row is `failed`.

        Raises:
            ProcessLostError: The system has ended the process.
            ResourceError: As raised by `start`.
        """
        child = self.start()
        try:
            self._keep(dataset, child)
            row: TrialRow = yield from child.run(trial.isolated_steps, to_flat(config), id(dataset), artifacts)
        except ProcessLostError as lost:
            if not lost.is_own_doing:
                raise
            row = failed(config, lost)
        return row

    def check_models(self, models: Sequence[Candidate]) -> list[str]:
        """Check models in the process, as `model_candidates.check_models` does in this one; return notes on them.

        If a model ends the process, its trial will report it; then each of the others is checked by itself.

        Raises:
            ConfigError: As raised by `model_candidates.check_models`.
            ResourceError: As raised by `start`.
        """
        if not models:
            return []
        flats = [(to_flat(config), sample) for config, sample in models]
        with contextlib.suppress(ProcessLostError):
            notes: list[str] | None = self.start().call(trial.check_models, flats)
            if notes is not None:
                return notes
        alone = [[model] for model in models] if len(models) > 1 else []
        return [note for model in alone for note in self.check_models(model)]

    def end(self) -> None:
        """End the process if there is one."""
        if self._child:
            with self._child:
                self._child, self._kept = None, []

    def _keep(self, dataset: Dataset, child: ChildProcess) -> None:
        """Send a data set unless the process keeps it: those that were used last."""
        others = [one for one in self._kept if one is not dataset]
        if len(others) == len(self._kept):
            child.call(trial.keep_dataset, id(dataset), dataset)
        self._kept = [*others, dataset][-KEPT_DATASETS:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def failed(config: TrialConfig, lost: ProcessLostError) -> TrialRow:
    """Return the row of a trial that has lost its process for good."""
    row = row_builder.failed(config, error=str(lost), trace=lost.trace)
    return dataclasses.replace(row, worker=None)  # `failed` names this process
