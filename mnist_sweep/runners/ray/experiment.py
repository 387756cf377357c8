"""One experiment of Ray Tune: a batch of trials, those that are proposed meanwhile, and how they are launched."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.ray import cluster
from mnist_sweep.runners.ray.schedulers import Scheduler, create_scheduler
from mnist_sweep.runners.ray.worker import WorkerSettings, trainable, trial_text
from mnist_sweep.trials.config import TrialConfig, trial_id

if TYPE_CHECKING:
    from mnist_sweep.runners.ray.callback import TuneCallback
    from mnist_sweep.runners.ray.trial_source import ProposalSearcher

# Without a limit, Tune starts the workers of a search one after the other.
MAX_CONCURRENT_PROPOSALS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What Tune runs in one go.

    Attributes:
        trials: The trials by id; those that are proposed are added.
        num_proposals: Maximum number of trials that the observer will propose.
        observer: The observer of the run.
        node_messages: Ray's messages on its nodes.
        sources: Each `trial.data`, in the order of the workers' data sets.
        settings: What all workers get.
        scheduler: Which of Tune's schedulers stops trials.
        max_concurrent: Maximum number of trials at a time; None means as many as there is room for.
        max_retries: Maximum number of retries of a trial whose worker is lost.
    """

    trials: dict[str, TrialConfig]
    num_proposals: int
    observer: Observer
    node_messages: SimpleQueue[str]
    sources: Sequence[Any]
    settings: WorkerSettings
    scheduler: Scheduler
    max_concurrent: int | None
    max_retries: int

    def fit(self) -> "TuneCallback":
        """Run the trials; return the callback, which knows those that have to run again."""
        from ray import tune

        from mnist_sweep.runners.ray.callback import TuneCallback

        gpus = self.settings.runtime["gpus"]
        callback = TuneCallback(self.trials, self.observer, self.node_messages, gpus_per_trial=gpus)
        searcher = self._searcher() if self.num_proposals else None
        with tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as folder:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(trainable(), settings=self.settings), self._resources()),
                param_space={"trial": ""},
                tune_config=self._tune_config(searcher),
                run_config=self._run_config(callback, folder),
            )
            try:
                tuner.fit()
            except tune.TuneError:
                error = callback.error or (searcher.error if searcher else None)
                if error:
                    raise error from None
                if not callback.has_ended:
                    raise
        return callback

    def _searcher(self) -> "ProposalSearcher":
        """Return what suggests the trials first, then what the observer proposes."""
        from mnist_sweep.runners.ray.trial_source import ProposalSearcher

        listed = iter([*self.trials.values()])

        def ask() -> TrialConfig | None:
            trial = next(listed, None) or self.observer.propose()
            if trial:
                self.trials[trial_id(trial)] = trial
            return trial

        return ProposalSearcher(ask, self._point, self._capacity)

    def _tune_config(self, searcher: "ProposalSearcher | None") -> Any:
        from ray import tune

        from mnist_sweep.runners.ray.callback import id_of
        from mnist_sweep.runners.ray.trial_source import preset_points

        points = [self._point(trial) for trial in self.trials.values()]
        return tune.TuneConfig(
            search_alg=searcher or preset_points(points, self.max_concurrent),
            num_samples=len(points) + self.num_proposals,
            max_concurrent_trials=(self.max_concurrent or MAX_CONCURRENT_PROPOSALS) if searcher else None,
            scheduler=create_scheduler(self.scheduler, self.trials.values(), self.observer.rows()),
            reuse_actors=True,
            trial_name_creator=id_of,
            trial_dirname_creator=id_of,
        )

    def _run_config(self, callback: "TuneCallback", folder: str) -> Any:
        from ray import tune

        return tune.RunConfig(
            storage_path=folder,
            name="tune",
            verbose=0,
            callbacks=[callback],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=self.max_retries),
        )

    def _point(self, trial: TrialConfig) -> dict[str, str]:
        """Return the config by which Tune sends a trial to a worker."""
        return {"trial": trial_text(trial, self.sources.index(trial.data))}

    def _resources(self) -> dict[str, float]:
        return {"cpu": self.settings.runtime["threads"], "gpu": self.settings.runtime["gpus"]}

    def _capacity(self) -> int:
        return cluster.current_capacity(
            cpus_per_trial=self.settings.runtime["threads"], gpus_per_trial=self.settings.runtime["gpus"]
        )
