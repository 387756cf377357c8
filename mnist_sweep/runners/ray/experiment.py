"""One experiment of Ray Tune: a batch of trials, those that are proposed meanwhile, and how they are launched."""

import contextlib
import functools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ray import tune
from ray.exceptions import RayError
from ray.tune.search import Searcher
from ray.tune.search.basic_variant import BasicVariantGenerator

from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.ray import cluster, private, retries, schedulers
from mnist_sweep.runners.ray.callback import Readiness, TuneCallback, id_of
from mnist_sweep.runners.ray.user_callbacks import UserCallback, cleared_tune_folder
from mnist_sweep.runners.ray.worker import WorkerSettings, trainable, trial_text
from mnist_sweep.system import machine
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.graph_sharing import graph_signature

NUM_GPUS_ALONE = 1.0
SECONDS_BETWEEN_COUNTS, MAX_SECONDS_TO_COUNT = 1.0, 5.0
MAX_CONCURRENT_PROPOSALS = 10_000  # without a limit, Tune starts the workers of a search one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What Tune runs in one go.

    Attributes:
        trials: The trials by id; those that are proposed, at most `num_proposals`, are added.
        sources: Each `trial.data`, in the order of the workers' data sets.
        restarts: How often each trial has run again after its worker was lost while it started.
    """

    trials: dict[str, TrialConfig]
    num_proposals: int
    observer: Observer
    readiness: Readiness
    node_messages: cluster.Messages
    sources: Sequence[Any]
    settings: WorkerSettings
    runner: Any
    restarts: Counter[str] = field(default_factory=Counter)

    def run(self) -> dict[str, TrialConfig]:
        """Run the trials, and those alone on a GPU that need one; return those that have to run again."""
        callback = self.fit()
        if callback.dead_process:
            return {name: self.trials[name] for name in callback.unfinished()}
        again = callback.paused
        if callback.out_of_memory and not self.observer.is_ending():
            large = {name: self.trials[name] for name in callback.out_of_memory}
            settings = replace(self.settings, runtime={**self.settings.runtime, "gpus": NUM_GPUS_ALONE})
            alone = replace(self, trials=large, num_proposals=0, settings=settings).fit()
            again += alone.unfinished() if alone.dead_process else alone.paused
        return {name: self.trials[name] for name in again}

    def fit(self) -> TuneCallback:
        """Run Tune once; return the callback, which knows the trials that have to run again."""
        runtime = self.settings.runtime
        callback = TuneCallback(
            self.trials, self.observer, self.readiness, self.node_messages, runtime["gpus"], self.restarts
        )
        callback.is_on_cluster = self.runner.address is not None
        is_single = len(self.trials) + self.num_proposals == 1  # and reports every point of its curve
        settings = replace(self.settings, min_interval=0.0) if is_single else self.settings
        with (
            tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as folder,
            private.frugal_tune(),
        ):
            tuner = tune.Tuner(
                tune.with_resources(trainable(settings), {"cpu": runtime["threads"], "gpu": runtime["gpus"]}),
                param_space={"trial": ""},
                tune_config=self._tune_config(self._searcher(callback) if self.num_proposals else None, callback.call),
                run_config=self._run_config(callback, folder),
            )
            try:
                tuner.fit()
            except (tune.TuneError, RayError, retries.BrokenRay):
                if callback.error:
                    raise callback.error from None
                callback.dead_process = callback.dead_process or private.dead_process()
                if not (callback.has_ended or callback.dead_process):
                    raise
        return callback

    def _searcher(self, callback: TuneCallback) -> "ProposalSearcher":
        listed = iter([*self.trials.values()])

        def next_point() -> dict[str, str] | None:
            trial = next(listed, None) or (self.observer.propose() if self.readiness.is_reached else None)
            if trial is None:
                return None
            self.trials[trial_id(trial)] = trial
            return self._point(trial)

        return ProposalSearcher(lambda: callback.call(next_point), self._capacity)

    def _tune_config(self, searcher: "ProposalSearcher | None", call: Callable[..., Any]) -> Any:
        points, max_concurrent = [self._point(trial) for trial in self.trials.values()], self.runner.max_concurrent
        scheduler = schedulers.chosen(
            self.runner.scheduler, self.runner.stop, self.trials.values(), self.observer, call
        )
        scheduler.kind_of = functools.cache(lambda trial: graph_signature(self.trials[id_of(trial)]))
        # A grid instead of a generator of these points would be copied for each of them.
        listed = BasicVariantGenerator(points_to_evaluate=points, max_concurrent=max_concurrent or 0)
        listed.searcher = ProposalSearcher(lambda: None, int)  # which schedulers tell what they pause
        return tune.TuneConfig(
            search_alg=searcher or listed,
            num_samples=len(points) + self.num_proposals,
            max_concurrent_trials=(max_concurrent or MAX_CONCURRENT_PROPOSALS) if searcher else None,
            scheduler=scheduler,
            reuse_actors=True,
            trial_name_creator=id_of,
            trial_dirname_creator=id_of,
        )

    def _run_config(self, callback: TuneCallback, folder: str) -> Any:
        note, artifacts = functools.partial(self.observer.noted, None), self.settings.artifacts
        callbacks = self.runner.callbacks
        where = cleared_tune_folder(artifacts, self.trials) if callbacks else None
        given = [UserCallback(one, note, where) for one in callbacks]
        return tune.RunConfig(
            storage_path=folder,
            name="tune",
            verbose=0,
            progress_reporter=tune.CLIReporter(),  # silent; that of notebooks clears the cell
            callbacks=[*given, callback],  # which takes out of messages what the others see
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=self.runner.max_retries),
        )

    def _point(self, trial: TrialConfig) -> dict[str, str]:
        return {"trial": trial_text(trial, self.sources.index(trial.data))}

    def _capacity(self) -> int:
        threads, gpus = self.settings.runtime["threads"], self.settings.runtime["gpus"]
        sizes: list[tuple[float, float]] = []

        def ask() -> None:
            with contextlib.suppress(retries.BrokenRay):
                sizes.extend(cluster.node_sizes())

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(MAX_SECONDS_TO_COUNT)  # a lost GCS would be waited for until Ray ends this process
        return sum(machine.capacity(*size, threads, gpus) for size in sizes)


class ProposalSearcher(Searcher):
    """Suggests a trial whenever there is room for one, and one more, so that a cluster that can grow does.

    `ask` returns None if there is no trial, or none before a running one has ended; `capacity` how many fit now.
    """

    def __init__(self, ask: Callable[[], dict[str, Any] | None], capacity: Callable[[], int]) -> None:
        super().__init__()
        self._ask, self._capacity = ask, capacity
        self._running: set[str] = set()
        self._num_fitting, self._valid_until = 0, 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its searchers for a restore that is never asked for

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the ledger is the memory of a search."""

    def suggest(self, trial_id: str) -> Any:
        """Return the next trial's config; None if it has to wait, `FINISHED` if no more will come."""
        if time.monotonic() > self._valid_until:
            self._num_fitting, self._valid_until = self._capacity(), time.monotonic() + SECONDS_BETWEEN_COUNTS
        if len(self._running) > self._num_fitting:
            return None
        point = self._ask()
        if point is None:
            return None if self._running else Searcher.FINISHED
        self._running.add(trial_id)
        return point

    def on_pause(self, trial_id: str) -> None:
        """Make room for another trial until a paused one resumes."""
        self._running.discard(trial_id)

    def on_unpause(self, trial_id: str) -> None:
        """Count a trial again that was paused."""
        self._running.add(trial_id)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Make room for another trial; the observer tells the search the row."""
        self._running.discard(trial_id)
