"""The runner in this process: one trial after the other, without Ray, for debugging and small sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mnist_sweep import runtime
from mnist_sweep.artifacts import Artifacts, SavedModel
from mnist_sweep.config import TrialConfig
from mnist_sweep.data import Dataset
from mnist_sweep.fields import coerce, require
from mnist_sweep.rows import Evaluation
from mnist_sweep.runners.runner import Observer
from mnist_sweep.training import drain
from mnist_sweep.trial import steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Runs trials in this process.

    Attributes:
        cpus_per_trial: Threads of a trial, at least 1.
        gpus_per_trial: GPUs of a trial; 0 hides them all.
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
        code: Sequence[Path] = (),
        artifacts: Artifacts | None = None,
    ) -> None:
        """Run the trials one by one; see `Runner.run`."""
        runtime.configure(threads=self.cpus_per_trial, gpus=self.gpus_per_trial, xla=self.xla)
        observer.ready(1)
        for trial_id, trial in trials.items():
            observer.started(trial_id)
            on_item = partial(_tell, observer, trial_id)
            observer.finished(drain(steps(trial, datasets[trial.data], artifacts=artifacts), on_item))


def _tell(observer: Observer, trial_id: str, item: Evaluation | SavedModel) -> None:
    tell = observer.saved if isinstance(item, SavedModel) else observer.evaluated
    tell(trial_id, item)  # type: ignore[arg-type]  # each takes its own kind
