"""The scheduler of a run, between Tune and the trials, whose messages are the runner's own."""

import contextlib
import copy
import itertools
import json
import zlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
from ray.tune.schedulers import FIFOScheduler, HyperBandScheduler

from mnist_sweep.runners.ray import private, stop_rules
from mnist_sweep.trials.graph_sharing import LOOK_AHEAD
from mnist_sweep.trials.row import TIME
from mnist_sweep.trials.value_format import Measure

ITERATION = "training_iteration"


@contextlib.contextmanager
def drawing_for(trial_id: str) -> Iterator[None]:
    """Let NumPy's global generator draw for a trial as in every run: AsyncHyperBandScheduler draws brackets by it."""
    state = np.random.get_state()
    np.random.seed(zlib.crc32(trial_id.encode()))
    try:
        yield
    finally:
        np.random.set_state(state)


class RunScheduler(FIFOScheduler):
    """Decides as `inner` does, and stops a trial by a rule as well.

    Both see each validation once and nothing else. A trial is neither stopped nor paused at its last step, which the
    test split follows. If all trials are paused and `inner` resumes none, the first one is resumed. `call` calls a
    function of the user's, and keeps its exception. `kind_of` tells which trials share their graphs.
    """

    _supports_buffered_results = False
    kind_of: Callable[[Any], Hashable] = staticmethod(lambda trial: None)

    def __init__(self, inner: Any, stop: Any, call: Callable[..., Any], measure: Measure) -> None:
        super().__init__()
        self._inner, self._stop, self._call, self._measure = inner, copy.deepcopy(stop), call, measure
        self._latest: dict[str, dict[str, Any]] = {}
        self._ended: set[str] = set()
        self._has_paused = False
        self._unfinished: tuple[Any, ...] = ()
        self._num_seen = 0
        self._ended_last: Hashable = None
        self._traced: frozenset[Hashable] = frozenset()

    def __getstate__(self) -> dict[str, Any]:  # Tune pickles its schedulers for a restore that is never asked for
        return {name: value for name, value in vars(self).items() if name != "kind_of"}

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Pass on a trial that is new, or runs again since its worker was lost."""
        self._ended.discard(trial.trial_id)
        with drawing_for(json.loads(trial.config["trial"])["id"]):
            self._call(self._inner.on_trial_add, tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Pass on that a trial has lost its worker."""
        self._call(self._inner.on_trial_error, tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Pass on that a trial was stopped while it did not run."""
        self._call(self._inner.on_trial_remove, tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        """Return what happens to a trial after a message."""
        latest = self._latest.get(trial.trial_id, {TIME: 0, ITERATION: 0})
        if self._measure.val not in result or result[TIME] <= latest[TIME]:  # repeated, since it was resumed
            return self.CONTINUE
        result[ITERATION] = latest[ITERATION] + 1  # Tune counts messages, and begins again after a pause
        self._latest[trial.trial_id] = result
        spec = json.loads(trial.config["trial"])
        is_last = result[TIME] >= spec["flat"]["num_steps"]
        decision = self._decision(tune_controller, trial, result, is_last)
        if self._call(stop_rules.stops, self._stop, spec["id"], {**result}, self._measure):
            decision = self.STOP
        if is_last or decision not in (self.STOP, self.PAUSE):
            return self.CONTINUE
        if decision == self.PAUSE:
            self._has_paused = True
            tune_controller.search_alg.searcher.on_pause(trial.trial_id)
        return decision

    def _decision(self, tune_controller: Any, trial: Any, result: dict[str, Any], is_last: bool) -> Any:
        if is_last and isinstance(self._inner, HyperBandScheduler):  # which would count on its pause
            return self.on_trial_complete(tune_controller, trial, result)
        return self._call(self._inner.on_trial_result, tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Pass on the last validation of a trial that has ended, once."""
        if trial.trial_id not in self._ended:
            self._ended.add(trial.trial_id)
            self._call(self._inner.on_trial_complete, tune_controller, trial, self._latest.get(trial.trial_id, result))

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the paused trial that is to be resumed, else a pending one that no worker starts for, or None."""
        first = self._pending(tune_controller)
        if not self._has_paused:
            return first
        chosen = self._call(self._inner.choose_trial_to_run, tune_controller)
        if chosen is None and all(trial.status == "PAUSED" for trial in self._unfinished):
            chosen = next(iter(self._unfinished), None)  # or the run would wait forever
        if chosen is None or chosen.status != "PAUSED":
            return first
        tune_controller.search_alg.searcher.on_unpause(chosen.trial_id)
        return chosen

    def _pending(self, tune_controller: Any) -> Any:
        """Return a pending trial that no worker starts for, and look at no trial again once it has ended.

        Tune itself chooses the first pending trial and ends the worker that starts for it: a node that joins would get
        no trial for as long as trials end on other nodes sooner than a worker starts. Of the next few, it is the first
        of the kind that has ended last, since the worker that is free has traced its graphs; or else that none has.
        """
        trials, has_live_worker = tune_controller.get_trials(), private.has_live_worker(tune_controller)
        known, pending = (*self._unfinished, *trials[self._num_seen :]), []
        for trial in known:
            if trial.is_finished():
                self._ended_last = self.kind_of(trial)
            elif trial.status == "PENDING" and not has_live_worker(trial):
                pending.append(trial)
            else:
                self._traced |= {self.kind_of(trial)}
        self._unfinished, self._num_seen = tuple(trial for trial in known if not trial.is_finished()), len(trials)
        few = [(trial, self.kind_of(trial)) for trial in pending[:LOOK_AHEAD]]
        same = (trial for trial, kind in few if kind == self._ended_last)
        new = (trial for trial, kind in few if kind not in self._traced)
        return next(itertools.chain(same, new, pending), None)
