"""The runner that runs one trial after the other, without Ray: for small sweeps and debugging."""

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ProcessLostError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners import trial_process
from mnist_sweep.runners.protocol import Observer, require_one_gpu
from mnist_sweep.runners.trial import Item, pausable, steps
from mnist_sweep.runners.trial_process import TrialProcess
from mnist_sweep.system import machine
from mnist_sweep.training import model_candidates, tensorflow_runtime
from mnist_sweep.training.fitting import consume
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.validation import coerce, require

MAX_RETRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Runs trials one by one, in a child process that is replaced if a trial ends it.

    Attributes:
        cpus_per_trial: Threads per trial, at least 1.
        gpus_per_trial: GPUs per trial, at most 1; 0 hides them all.
        xla: Whether gradients are compiled with XLA.
        in_process: Whether trials run, and data are loaded, in this process instead: to debug a model, which then can
            end the run, and changes what later trials see.
    """

    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    xla: bool = False
    in_process: bool = False

    def __post_init__(self) -> None:
        coerce(self)
        require(self.cpus_per_trial >= 1, "cpus_per_trial >= 1", cpus_per_trial=self.cpus_per_trial)
        require_one_gpu(self.gpus_per_trial)

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
        settings: dict[str, Any] = {"threads": self.cpus_per_trial, "gpus": self.gpus_per_trial, "xla": self.xla}
        with contextlib.ExitStack() as stack:
            if self.in_process:
                tensorflow_runtime.configure(**settings)
                start: Callable[..., Generator[Item | None, None, TrialRow]] = steps
                check = model_candidates.check_models
            else:
                process = stack.enter_context(TrialProcess(settings, shipping.pack(observer.definitions())))
                process.start()
                start, check = process.steps, process.check_models
            notes = check(model_candidates.candidates(trials.values(), datasets))
            observer.ready(1, _idle_cards() if self.gpus_per_trial else None)
            for note in notes:
                observer.noted(None, note)
            proposed = iter(observer.propose, None) if num_proposals else ()
            for trial in itertools.chain(trials.values(), proposed):
                if observer.is_ending():
                    return
                observer.started(trial_id(trial))
                _run(trial, functools.partial(start, trial, datasets[trial.data], artifacts=artifacts), observer)


def _run(trial: TrialConfig, start: Callable[[], Generator[Item | None, None, TrialRow]], observer: Observer) -> None:
    """Run a trial until it has its row or is paused; retry one whose process the system has ended."""
    for num_left in reversed(range(MAX_RETRIES + 1)):
        try:
            return _report(trial_id(trial), start(), observer)
        except ProcessLostError as lost:
            if not num_left:
                return observer.finished(trial_process.failed(trial, lost))
            if observer.is_ending():
                return None
            observer.retried(trial_id(trial), str(lost))
    return None


def _report(name: str, running: Generator[Item | None, None, TrialRow], observer: Observer) -> None:
    """Report what a trial yields and returns."""

    def report(item: Item) -> None:
        if isinstance(item, SavedModel | Predictions):
            observer.saved(name, item)
        elif isinstance(item, Evaluation):
            observer.evaluated(name, item)
        elif item.note:
            observer.noted(name, item.note)

    result = consume(pausable(running, observer.is_ending), report)
    if isinstance(result, TrialRow):
        observer.finished(result)
    elif notes := getattr(result, "__notes__", []):
        observer.noted(name, "; ".join(notes))


def _idle_cards() -> str | None:
    """Return a note on the GPUs that trials one by one leave idle, unless the user has chosen one."""
    num_idle = machine.num_gpus() - 1
    if num_idle < 1 or "CUDA_VISIBLE_DEVICES" in os.environ:
        return None
    return f"trials run one by one on 1 of {num_idle + 1} GPUs: on Ray they use all of them"
