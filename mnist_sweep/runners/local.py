"""The runner on the cores and GPUs of this machine, without Ray: processes that are started once, and replaced if lost.

Trials are taken in their order, by whichever process is free. `in_process` runs them in this process instead.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ProcessLostError
from mnist_sweep.runners.local_early_stopping import EarlyStopping
from mnist_sweep.runners.process_pool import Pool, Process
from mnist_sweep.runners.protocol import Observer, require_one_gpu
from mnist_sweep.runners.ray import schedulers
from mnist_sweep.runners.trial_process import Ahead, ThisProcess, TrialProcess
from mnist_sweep.runners.trial_queue import TrialQueue
from mnist_sweep.system import machine
from mnist_sweep.system.child_process import ChildProcess
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checks import models_to_check
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.validation import coerce, require_at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Runs trials on this machine without Ray, each in one of as many processes as there is room for.

    Attributes:
        cpus_per_trial: CPUs and threads of a trial, at least 1.
        gpus_per_trial: GPUs of a trial, 1 or a fraction; 0 hides them all.
        workers: Number of processes, at least 1, of which no more start than there is room for; None means that many.
        xla: Whether gradients are compiled with XLA.
        max_retries: Maximum number of retries of a trial whose process the system has ended, at least 0.
        in_process: Whether trials run one by one, and data are loaded, in this process instead: to debug a model, which
            then can end the run, and changes what later trials see.
        scheduler, stop: What stops trials that fall behind, as in `RayTune`, but pauses none; Ray is imported for it,
            not started.
    """

    on_ray: ClassVar[bool] = False

    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    workers: int | None = None
    xla: bool = False
    max_retries: int = 2
    in_process: bool = False
    scheduler: Any = "fifo"
    stop: Any = None
    _ahead: Ahead | None = field(default=None, init=False, repr=False, compare=False)  # what `ahead` has started

    def __post_init__(self) -> None:
        coerce(self)
        require_at_least(1, cpus_per_trial=self.cpus_per_trial, workers=self.workers)
        require_at_least(0, max_retries=self.max_retries)
        require_one_gpu(self.gpus_per_trial)
        schedulers.validate(self.scheduler, self.stop, may_pause=False)

    @contextlib.contextmanager
    def ahead(self) -> Iterator["Local"]:
        """Give this runner with a process that imports TensorFlow in advance, such as while data are loaded."""
        if self.in_process or self.gpus_per_trial:
            yield self
            return
        child = ChildProcess(0)
        try:
            importing = child.run(tensorflow_runtime.load)
            with contextlib.suppress(ProcessLostError):  # which the first trial will report
                next(importing)
            object.__setattr__(started := replace(self), "_ahead", (child, importing))
            yield started
        finally:
            child.kill()

    def num_workers(self, num_trials: int) -> int:
        """Return how many of `num_trials` trials run at a time; one that asks for more than there is runs alone."""
        cpus, cards = machine.num_cpus(), len(machine.gpus()) if self.gpus_per_trial else 0
        room = 1 if self.in_process else machine.capacity(cpus, cards, self.cpus_per_trial, self.gpus_per_trial) or 1
        return min(room, self.workers or room, num_trials)

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
        """Run the trials side by side; see `Runner.run`."""
        if not (num_workers := self.num_workers(len(trials) + num_proposals)):
            return
        definitions = b"" if self.in_process else shipping.pack(observer.definitions())
        cards = machine.gpus() if self.gpus_per_trial else []
        stopping = self._early_stopping(trials.values(), observer)
        options: dict[str, Any] = {"num_proposals": num_proposals, "artifacts": artifacts, "stopping": stopping}
        queue = TrialQueue(trials.values(), datasets, observer, max_retries=self.max_retries, **options)
        with Pool() as pool:
            for number in range(min(num_workers, len(trials) or num_proposals)):
                process = self._process(number, definitions, cards)
                pool.start(process, queue.start(process))
            while not pool.idle:
                pool.wait()
            if observer.is_ending():
                return
            models = models_to_check.candidates(trials.values(), datasets)
            notes = pool.result(pool.idle[0], pool.idle[0].checking(models))
            observer.ready(num_workers)
            for note in notes:
                observer.noted(None, note)
            while True:
                while pool.idle or len(pool) < num_workers:
                    idle = pool.idle[0] if pool.idle else None
                    if not (trial := queue.next(idle)):
                        break
                    process = idle or self._process(len(pool), definitions, cards)
                    pool.start(process, queue.run(process, trial))
                if not queue.num_running:
                    return
                pool.wait()

    def _early_stopping(self, listed: Collection[TrialConfig], observer: Observer) -> EarlyStopping | None:
        schedulers.validate(self.scheduler, self.stop, measure := observer.measure(), may_pause=False)
        if self.stop is None and self.scheduler == "fifo":
            return None

        def choose(first: TrialConfig) -> Any:
            of = listed or [first]  # the first that a search proposes
            return schedulers.chosen(self.scheduler, self.stop, of, observer, lambda function, *given: function(*given))

        return EarlyStopping(choose, measure.val, tensorflow_runtime.settings_of(self))

    def _process(self, number: int, definitions: bytes, cards: Sequence[str]) -> Process:
        settings = tensorflow_runtime.settings_of(self)
        if self.in_process:
            return ThisProcess(settings)
        card = machine.gpu_of(number, cards, self.gpus_per_trial) if self.gpus_per_trial else None
        ahead = None if number else self._ahead
        return TrialProcess(settings, definitions, cards=card, patience=0, ahead=ahead)
