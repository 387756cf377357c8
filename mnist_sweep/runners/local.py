"""The runner that runs one trial after the other in this process, without Ray: for debugging and small sweeps."""

import itertools
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.trial import Item, pause, steps
from mnist_sweep.training import runtime
from mnist_sweep.training.state import Heartbeat
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.validation import coerce, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Runs trials in this process.

    Attributes:
        cpus_per_trial: Threads per trial, at least 1.
        gpus_per_trial: GPUs per trial; 0 hides them all.
        xla: Whether gradients are compiled with XLA.
    """

    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    xla: bool = False

    def __post_init__(self) -> None:
        coerce(self)
        require(self.cpus_per_trial >= 1, "cpus_per_trial >= 1", cpus_per_trial=self.cpus_per_trial)
        require(0 <= self.gpus_per_trial <= 64, "0 <= gpus_per_trial <= 64", gpus_per_trial=self.gpus_per_trial)

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
        """Run the trials one by one; see `Runner.run`."""
        runtime.configure(threads=self.cpus_per_trial, gpus=self.gpus_per_trial, xla=self.xla)
        observer.ready(1)
        proposed = iter(observer.propose, None) if num_proposals else ()
        for trial in itertools.chain(trials.values(), proposed):
            if observer.is_ending():
                return
            name = trial_id(trial)
            observer.started(name)
            _run(name, steps(trial, datasets[trial.data], artifacts=artifacts), observer)


def _run(name: str, running: Generator[Item, None, TrialRow], observer: Observer) -> None:
    """Run a trial until it has its row, or is paused."""
    while True:
        try:
            item = next(running)
        except StopIteration as end:
            return observer.finished(end.value)
        if isinstance(item, SavedModel | Predictions):
            observer.saved(name, item)
            continue
        if isinstance(item, Evaluation):
            observer.evaluated(name, item)
        ending = observer.is_ending()
        note = pause(running) if ending else item.note if isinstance(item, Heartbeat) else None
        if note:
            observer.noted(name, note)
        if ending:
            return None
