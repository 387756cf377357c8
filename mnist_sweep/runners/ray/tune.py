"""The runner on Ray Tune.

Tune launches trials, places them on CPUs and GPUs, and brings their rows back to the driver; it is not the memory of
the sweep. Its own loggers, checkpoints and restore are off: the ledger does what they do, and loses nothing.
Workers are kept warm from trial to trial, with TensorFlow, the data and the traced graphs in memory.
"""

import dataclasses
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.ray import cluster, schedulers
from mnist_sweep.runners.ray.worker import trainable
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id
from mnist_sweep.validation import coerce, require

if TYPE_CHECKING:
    from mnist_sweep.runners.ray.callback import TuneCallback

SECONDS_BETWEEN_REPORTS = 0.5
# Without a limit, Tune starts the workers of a search one after the other.
MOST_PROPOSED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RayTune:
    """Runs trials on Ray: on this machine, or on a running cluster.

    Attributes:
        address: Address of a running cluster (`auto`, or `host:port`); None starts Ray on this machine, on loopback and
            without a dashboard, and stops it afterwards. A Ray that this process is connected to is used as it is.
        cpus_per_trial: CPUs and threads of a trial, at least 1.
        gpus_per_trial: GPUs of a trial, whole or a fraction below 1; 0 hides them all. A trial that runs out of its
            share of a card's memory is tried again alone on a card.
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
        num_proposals: int = 0,
        code: Sequence[Path] = (),
        artifacts: Artifacts | None = None,
    ) -> None:
        """Run the trials on Ray; see `Runner.run`."""
        with cluster.connected(self.address, num_cpus=self.num_cpus, code=code) as said:
            if observer.is_ending():
                return
            room = cluster.room(**self._size())
            num_workers = min(room, self.max_concurrent or room, len(trials) + num_proposals)
            observer.ready(num_workers, cluster.warning(self.address))
            shared = {"code": [str(folder) for folder in code], "artifacts": artifacts}
            number = len(trials) + num_proposals
            left = dict(trials) or _proposed(observer, number)
            while left:
                heard = self._tune(left, number - len(left), datasets, observer, shared, said)
                number -= len(left)
                again = {name: left[name] for name in heard.paused}
                if heard.crowded and not observer.is_ending():
                    alone = dataclasses.replace(self, gpus_per_trial=1.0)
                    crowded = {name: left[name] for name in heard.crowded}
                    heard = alone._tune(crowded, 0, datasets, observer, shared, said)
                    again |= {name: crowded[name] for name in heard.paused}
                number += len(again)
                left = again or _proposed(observer, number)

    def _size(self) -> dict[str, Any]:
        return {"cpus_per_trial": self.cpus_per_trial, "gpus_per_trial": self.gpus_per_trial}

    def _tune(
        self,
        trials: dict[str, TrialConfig],
        num_proposals: int,
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        shared: Mapping[str, Any],
        said: SimpleQueue[str],
    ) -> "TuneCallback":
        """Run trials, adding to them what is proposed; return who heard of those that have to run again."""
        import ray
        from ray import tune

        from mnist_sweep.runners.ray.callback import RunEnded, TuneCallback, name
        from mnist_sweep.runners.ray.trial_source import ProposalSource, listed

        sources = list(datasets)
        shared = {
            **shared,
            "references": [ray.put(datasets[source]) for source in sources],
            "options": {"threads": self.cpus_per_trial, "gpus": self.gpus_per_trial, "xla": self.xla},
            "report_every": SECONDS_BETWEEN_REPORTS if len(trials) + num_proposals > 1 else 0.0,
            "stoppable": self.scheduler != "fifo",
        }

        def point(trial: TrialConfig) -> dict[str, str]:
            spec = {"id": trial_id(trial), "flat": to_flat(trial), "dataset": sources.index(trial.data)}
            return {"trial": json.dumps(spec)}

        waiting = iter([*trials.values()])

        def ask() -> TrialConfig | None:
            trial = next(waiting, None) or observer.propose()
            if trial:
                trials[trial_id(trial)] = trial
            return trial

        points = [point(trial) for trial in trials.values()]
        asking = ProposalSource(ask, point, lambda: cluster.room_now(**self._size()))
        resources = {"cpu": self.cpus_per_trial, "gpu": self.gpus_per_trial}
        messenger = TuneCallback(trials, observer, said, shares_gpus=0 < self.gpus_per_trial < 1)
        with tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as scratch:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(trainable(), shared=shared), resources),
                param_space={"trial": ""},
                tune_config=tune.TuneConfig(
                    search_alg=asking if num_proposals else listed(points, self.max_concurrent),
                    num_samples=len(points) + num_proposals,
                    max_concurrent_trials=(self.max_concurrent or MOST_PROPOSED) if num_proposals else None,
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
            except (tune.TuneError, RunEnded):
                error = messenger.error or asking.error
                if error is None:
                    raise
                if not isinstance(error, RunEnded):
                    raise error from None
        return messenger


def _proposed(observer: Observer, number: int) -> dict[str, TrialConfig]:
    """Return one more trial by its id if there may be so many more; none if nothing is proposed."""
    trial = observer.propose() if number else None
    return {trial_id(trial): trial} if trial else {}
