"""The runner on Ray Tune.

Tune launches trials, places them on CPUs and GPUs, and brings their rows back to the driver; it is not the memory of
the sweep. Its own loggers, checkpoints and restore are off: the ledger does what they do, and loses nothing.
Workers are kept warm from trial to trial, with TensorFlow, the data and the traced graphs in memory.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.artifacts import Artifacts
from mnist_sweep.config import TrialConfig, to_flat
from mnist_sweep.data import Dataset
from mnist_sweep.fields import coerce, require
from mnist_sweep.runners import ray_cluster, schedulers
from mnist_sweep.runners.ray_worker import trainable
from mnist_sweep.runners.runner import Observer

SECONDS_BETWEEN_REPORTS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RayTune:
    """Runs trials on Ray: on this machine, or on a running cluster.

    Attributes:
        address: Address of a running cluster (`auto`, or `host:port`); None starts Ray on this machine, on loopback and
            without a dashboard, and stops it afterwards. A Ray that this process is connected to is used as it is.
        cpus_per_trial: CPUs and threads of a trial, at least 1.
        gpus_per_trial: GPUs of a trial, whole or a fraction below 1; 0 hides them all.
        max_concurrent: Trials at a time at the most; None means as many as there is room for.
        num_cpus: CPUs of the Ray that is started here; None means all of this machine.
        xla: Whether gradients are compiled with XLA.
        scheduler: Which of Tune's schedulers stops trials that fall behind; `fifo` stops none.
        max_retries: How often a trial is tried again that lost its worker, at least 0.
    """

    address: str | None = None
    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    max_concurrent: int | None = None
    num_cpus: int | None = None
    xla: bool = False
    scheduler: schedulers.Scheduler = "fifo"
    max_retries: int = 2

    def __post_init__(self) -> None:
        coerce(self)
        require(self.cpus_per_trial >= 1, "cpus_per_trial >= 1", cpus_per_trial=self.cpus_per_trial)
        gpus = self.gpus_per_trial
        whole_or_share = 0 <= gpus < 1 or (gpus >= 1 and gpus.is_integer())
        require(whole_or_share, "gpus_per_trial is whole or in [0, 1)", gpus_per_trial=gpus)
        for name in ("max_concurrent", "num_cpus"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{name} >= 1", **{name: value})
        require(self.max_retries >= 0, "max_retries >= 0", max_retries=self.max_retries)

    def run(
        self,
        trials: Mapping[str, TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        *,
        code: Sequence[Path] = (),
        artifacts: Artifacts | None = None,
    ) -> None:
        """Run the trials on Ray; see `Runner.run`."""
        with ray_cluster.connected(self.address, num_cpus=self.num_cpus, code=code):
            room = ray_cluster.room(cpus_per_trial=self.cpus_per_trial, gpus_per_trial=self.gpus_per_trial)
            if observer.is_ending():
                return
            observer.ready(min(room, self.max_concurrent or room, len(trials)))
            shared = {"code": [str(folder) for folder in code], "artifacts": artifacts}
            self._tune(trials, datasets, observer, shared)

    def _tune(
        self,
        trials: Mapping[str, TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        shared: dict[str, Any],
    ) -> None:
        import ray
        from ray import tune
        from ray.tune.search.basic_variant import BasicVariantGenerator

        from mnist_sweep.runners.ray_messenger import Ended, Messenger, name

        sources = list(datasets)
        shared |= {
            "references": [ray.put(datasets[source]) for source in sources],
            "options": {"threads": self.cpus_per_trial, "gpus": self.gpus_per_trial, "xla": self.xla},
            "report_every": SECONDS_BETWEEN_REPORTS if len(trials) > 1 else 0.0,
            "stoppable": self.scheduler != "fifo",
        }
        specs = [
            {"id": trial_id, "flat": to_flat(trial), "dataset": sources.index(trial.data)}
            for trial_id, trial in trials.items()
        ]
        # Preset points, each a text: of a grid, Tune would copy all specs for every one of them.
        points = [{"trial": json.dumps(spec)} for spec in specs]
        resources = {"cpu": self.cpus_per_trial, "gpu": self.gpus_per_trial}
        messenger = Messenger(trials, observer)
        with tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as scratch:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(trainable(), shared=shared), resources),
                param_space={"trial": ""},
                tune_config=tune.TuneConfig(
                    search_alg=BasicVariantGenerator(
                        points_to_evaluate=points, max_concurrent=self.max_concurrent or 0
                    ),
                    num_samples=len(points),
                    scheduler=schedulers.make(self.scheduler, trials.values(), observer.rows()),
                    reuse_actors=True,
                    trial_name_creator=name,
                    trial_dirname_creator=name,
                ),
                run_config=tune.RunConfig(
                    storage_path=scratch,
                    name="tune",
                    verbose=0,
                    callbacks=[messenger],
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    failure_config=tune.FailureConfig(max_failures=self.max_retries),
                ),
            )
            try:
                tuner.fit()
            except (tune.TuneError, Ended):
                if messenger.error is None:
                    raise
                if not isinstance(messenger.error, Ended):
                    raise messenger.error from None
