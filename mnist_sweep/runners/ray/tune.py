"""The runner on Ray Tune.

Tune launches trials, places them on CPUs and GPUs, and brings their rows back to the driver; it is not the memory of
the sweep. Its own loggers, checkpoints and restore are off: the ledger does what they do, and loses nothing.
Workers are reused from trial to trial, with TensorFlow, the data and the traced graphs in memory.
"""

import itertools
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ConfigError
from mnist_sweep.runners.protocol import Observer, require_one_gpu
from mnist_sweep.runners.ray import cluster, gcs, private, retries, schedulers, sent_data
from mnist_sweep.runners.ray.schedulers import Scheduler
from mnist_sweep.runners.ray.worker import WorkerSettings
from mnist_sweep.runners.trial_process import TrialProcess
from mnist_sweep.system import machine
from mnist_sweep.training.checks import models_to_check
from mnist_sweep.training.tensorflow_runtime import settings_of
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig, has_custom_training, to_flat, trial_id
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.validation import coerce, require, require_at_least, shown_in_one_line

if TYPE_CHECKING:
    from mnist_sweep.runners.ray.callback import Readiness
    from mnist_sweep.runners.ray.experiment import Experiment

SECONDS_BETWEEN_MESSAGES = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RayTune:
    """Runs trials on Ray: on this machine, or on a running cluster.

    Attributes:
        address: Address of a running cluster (`auto`, or `host:port`); None starts Ray on this machine, on loopback and
            without a dashboard, and stops it afterwards. A Ray that this process is connected to is used as it is.
        cpus_per_trial: CPUs and threads of a trial, at least 1.
        gpus_per_trial: GPUs of a trial, 1 or a fraction; 0 hides them all. A trial that runs out of its share of a
            GPU's memory is retried alone on a GPU.
        max_concurrent: Maximum number of trials at a time; None means as many as there is room for.
        num_cpus: CPUs of the Ray that is started here; None means all that this process may use.
        xla: Whether gradients are compiled with XLA.
        scheduler: Which of Tune's schedulers stops trials that fall behind: `fifo` stops none; `asha`, `median` and
            `hyperband` go by the sweep's numbers of steps; or any scheduler of Tune that does not change trials, with
            `metric="val_accuracy"`, `mode="max"` and `time_attr="step"` where it has them; those of the objective for
            another one than accuracy. A trial that it pauses resumes from its checkpoint. Or any pruner of Optuna.
        stop: Stops a trial as well: a function of its id and result (`val_accuracy`, `step` and `training_iteration`,
            the number of validations), a Stopper of Tune, or a dict of thresholds. If one stops all trials, those that
            have not begun end at their first validation.
        callbacks: Callbacks of Tune, such as its loggers, which see each trial by its id and fields and each validation
            as a result; see `user_callbacks`.
        max_retries: Maximum number of retries of a trial whose worker is lost, and of a Ray that is started here and
            breaks down, at least 0.
    """

    address: str | None = None
    on_ray: ClassVar[bool] = True

    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    max_concurrent: int | None = None
    num_cpus: int | None = None
    xla: bool = False
    scheduler: Scheduler | Any = "fifo"
    stop: Any = None
    callbacks: Sequence[Any] = ()
    max_retries: int = 2

    def __post_init__(self) -> None:
        coerce(self)
        is_address = self.address is None or gcs.is_address(self.address)
        require(is_address, "address is auto or host:port", address=self.address)
        require_at_least(1, cpus_per_trial=self.cpus_per_trial, max_concurrent=self.max_concurrent)
        require_at_least(1, num_cpus=self.num_cpus)
        require_at_least(0, max_retries=self.max_retries)
        require_one_gpu(self.gpus_per_trial)
        schedulers.validate(self.scheduler, self.stop)
        given = self.callbacks
        if not (isinstance(given, list | tuple) and all(hasattr(type(one), "on_trial_result") for one in given)):
            raise ConfigError(
                f"`callbacks` must be a list of callbacks of Ray Tune, but got {shown_in_one_line(given)}."
            )

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
        """Run the trials on Ray; see `Runner.run`."""
        schedulers.validate(self.scheduler, self.stop, observer.measure())
        definitions = shipping.pack(observer.definitions())
        left, num_left, readiness, broken = dict(trials), len(trials) + num_proposals, None, None
        for num_starts in itertools.count(1):
            is_own = not (self.address or cluster.is_connected())
            try:
                with (
                    cluster.connected(
                        self.address, num_cpus=self.num_cpus, code=code, **self._few_processes(left.values())
                    ) as node_messages,
                    sent_data.handed_over(datasets, is_own_ray=is_own) as given,
                ):
                    if observer.is_ending():
                        return
                    readiness = readiness or self._readiness(observer, num_left)
                    settings = self._worker_settings(given, code, definitions, artifacts)
                    experiment = self._experiment(left, observer, readiness, node_messages, datasets, settings)
                    left, num_left = _run_all(experiment, num_left)
                    broken = private.dead_process()
            except retries.NotStartedError as error:
                if observer.is_ending():
                    return
                if num_starts > self.max_retries or not (broken or error.was_killed):
                    raise
                observer.noted(None, "Ray broke down while it started; it starts again")
                continue
            except retries.BrokenRay as error:
                broken = str(error)
            if not (broken and num_left) or observer.is_ending():
                return
            if not is_own or num_starts > self.max_retries:
                raise retries.broken_ray(broken)
            observer.noted(None, f"Ray's {broken} ended unexpectedly; Ray and its trials start again")

    def _readiness(self, observer: Observer, num_left: int) -> "Readiness":
        from mnist_sweep.runners.ray.callback import Readiness  # Tune is imported while Ray's processes start

        return Readiness(observer, min(self._capacity(), num_left), private.version_warning())

    def _few_processes(self, trials: Collection[TrialConfig]) -> dict[str, Any]:
        """Return what a Ray that is started here can do without: arguments of `cluster.connected`.

        Trials on a GPU, and training code of the user's own, which runs in processes of its own, have no forks. Tune's
        callbacks may start actors with a `runtime_env`.
        """
        if not private.is_tested():
            return {}
        uses_tensorflow = not trials or not all(map(has_custom_training, trials))
        may_fork = sys.platform == "linux" and not self.gpus_per_trial and uses_tensorflow
        return {"fork_threads": self.cpus_per_trial if may_fork else 0, "has_agents": bool(self.callbacks)}

    def _capacity(self) -> int:
        cpus, gpus = self.cpus_per_trial, self.gpus_per_trial
        capacity = machine.total_capacity(cluster.node_sizes(), cpus_per_trial=cpus, gpus_per_trial=gpus)
        return min(capacity, self.max_concurrent or capacity)

    def _experiment(
        self,
        trials: dict[str, TrialConfig],
        observer: Observer,
        readiness: "Readiness",
        node_messages: cluster.Messages,
        datasets: Mapping[Any, Dataset],
        settings: WorkerSettings,
    ) -> "Experiment":
        from mnist_sweep.runners.ray.experiment import Experiment

        models = models_to_check.candidates(trials.values(), datasets)
        if not models:
            readiness.reach()
        return Experiment(
            trials=trials,
            num_proposals=0,
            observer=observer,
            readiness=readiness,
            node_messages=node_messages,
            sources=[*datasets],
            settings=replace(settings, models=[(to_flat(config), sample) for config, sample in models]),
            runner=self,
        )

    def _worker_settings(
        self, datasets: Sequence[Any], code: Sequence[Path], definitions: bytes, artifacts: Artifacts | None
    ) -> WorkerSettings:
        return WorkerSettings(
            datasets=datasets,
            runtime=settings_of(self),
            code=[str(folder) for folder in code],
            definitions=definitions,
            artifacts=artifacts,
            has_scheduler=self.stop is not None or self.scheduler != "fifo" or len(self.callbacks) > 0,
            min_interval=SECONDS_BETWEEN_MESSAGES,
            new_process=TrialProcess,
        )


def _run_all(experiment: "Experiment", num_left: int) -> tuple[dict[str, TrialConfig], int]:
    """Run trials, and those that are proposed, until none is left or Ray has broken down; return those left."""
    batch = experiment.trials or _proposed(experiment.observer, num_left)
    while batch:
        reruns = replace(experiment, trials=batch, num_proposals=num_left - len(batch)).run()
        num_left += len(reruns) - len(batch)
        if private.dead_process():
            return reruns, num_left
        batch = reruns or _proposed(experiment.observer, num_left)
    return {}, 0


def _proposed(observer: Observer, num_left: int) -> dict[str, TrialConfig]:
    trial = observer.propose() if num_left else None
    return {trial_id(trial): trial} if trial else {}
