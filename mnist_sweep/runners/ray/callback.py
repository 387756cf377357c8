"""Tune's callback: reports to the observer of the run what Tune reports, and ends a run that is asked to end."""

import gc
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from ray import tune

from mnist_sweep.errors import ConfigError, ResourceError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.row_json import from_json
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.ray import private, retries
from mnist_sweep.runners.ray.cluster import Messages
from mnist_sweep.runners.ray.evaluation_messages import EvaluationReceiver
from mnist_sweep.training.row_builder import lost
from mnist_sweep.trials.artifacts import SavedModel
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import TrialRow

SECONDS_TO_PAUSE = 10.0
SECONDS_WITHOUT_TRIALS = 30.0
WAITING = "no worker has started for a while: nodes are slow, or other jobs fill the cluster (see `ray status`)"


class Readiness:
    """Whether trials may train: once a worker has refused no model, the observer learns that and which have started."""

    def __init__(self, observer: Observer, num_workers: int, warning: str | None) -> None:
        self._observer, self._ready = observer, (num_workers, warning)
        self._waiting: list[str] = []
        self.is_reached = False

    def started(self, trial_id: str) -> None:
        """Report that a trial has started, now or when trials may train."""
        if self.is_reached:
            self._observer.started(trial_id)
        else:
            self._waiting.append(trial_id)

    def reach(self) -> None:
        """Report, once, that trials may train."""
        if not self.is_reached:
            self.is_reached = True
            self._observer.ready(*self._ready)
            for trial_id in self._waiting:
                self._observer.started(trial_id)


class TuneCallback(tune.Callback):
    """Reports what Tune reports to an observer: on trials by id, to which proposed ones are added while Tune runs.

    Attributes:
        error: The exception of the observer that ended the run before its last trial, or None.
        has_ended: Whether the run was asked to end, and its trials are paused or had the time for it.
        dead_process: Name of the process of Ray whose end has ended the run, or None.
        is_on_cluster: Whether Ray is a running cluster, where a run may have to wait for others.
        paused: Ids of trials whose workers took the run for ended while it was not, or were lost while they started.
        out_of_memory: Ids of trials that need a GPU of their own; their rows are not reported.
    """

    def __init__(
        self,
        trials: dict[str, TrialConfig],
        observer: Observer,
        readiness: Readiness,
        node_messages: Messages,
        gpus_per_trial: float,
        restarts: Counter[str] | None = None,
    ) -> None:
        self.error: BaseException | None = None
        self.has_ended = False
        self.dead_process: str | None = None
        self.is_on_cluster = False
        self.paused: list[str] = []
        self.out_of_memory: list[str] = []
        self._trials, self._observer, self._readiness = trials, observer, readiness
        self._node_messages, self._gpus_per_trial = node_messages, gpus_per_trial
        self._restarts = Counter[str]() if restarts is None else restarts
        self._running: set[str] = set()
        self._resuming: set[str] = set()
        self._worker_notes: set[str] = set()
        self._finished: set[str] = set()
        self._pausing: set[str] | None = None
        self._curves: defaultdict[str, EvaluationReceiver] = defaultdict(EvaluationReceiver)
        self._deadline = 0.0
        self._busy_until = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that is never asked for

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Report that a trial starts."""
        self._running.add(id_of(trial))
        self.call(self._readiness.started, id_of(trial))

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
        """Report a worker's message; take large values out of it, since Tune keeps the last one of each trial."""
        self.call(self._receive, id_of(trial), result)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Report the row of a trial that a scheduler stopped."""
        trial_id = id_of(trial)
        if trial_id in self._curves and (row := self._curves[trial_id].stopped_row(self._trials[trial_id])):
            self.call(self._finish, row)

    def on_trial_save(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Report that a scheduler has paused a trial."""
        self._running.discard(id_of(trial))
        self._resuming.add(id_of(trial))
        self.call(self._observer.paused, id_of(trial))

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Report that a trial lost its worker and is retried."""
        cause = self._lost_worker_cause(trial)
        self.call(self._readiness.reach)
        self.call(self._observer.retried, id_of(trial), cause)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Report the row of a trial that lost its worker and is not retried.

        Tune itself retries no trial whose worker was lost while it started: such a trial runs again afterwards.
        """
        trial_id, cause = id_of(trial), self._lost_worker_cause(trial)
        if trial.should_recover() and self._restarts[trial_id] < trial.max_failures:
            self._restarts[trial_id] += 1
            self._forget(trial_id)
            self.paused.append(trial_id)
            self.call(self._readiness.reach)
            self.call(self._observer.retried, trial_id, cause)
            return
        self.call(self._finish, lost(self._trials[trial_id], error=cause))

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        """Report what a run waits for; end it if Ray has broken down, or it is asked to end and trials are paused."""
        if dead_process := private.dead_process():
            self.dead_process = dead_process
            _end_tune(dead_process)  # soon, since Ray's native code would end this process, too
        while not self._node_messages.empty():
            self._note(self._node_messages.get())
        if self._running:
            self._busy_until = time.monotonic()
        elif self.is_on_cluster and time.monotonic() > self._busy_until + SECONDS_WITHOUT_TRIALS:
            self._busy_until = math.inf  # until a trial runs again
            self._note(WAITING)
        if not self._observer.is_ending():
            return
        if self._pausing is None:
            self._pausing, self._deadline = set(self._running), time.monotonic() + SECONDS_TO_PAUSE
        if not self._pausing & self._running or time.monotonic() > self._deadline:
            self.has_ended = True
            raise tune.TuneError("the run was asked to end")  # the only way out of Tune that leaves its trials alone

    def unfinished(self) -> list[str]:
        """Return the ids of the trials that have no row yet, in their order."""
        return [name for name in self._trials if name not in self._finished]

    def call(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call a function of the observer, and keep the exception that it raises, which Tune would wrap in text."""
        try:
            return function(*values)
        except BaseException as error:  # the run ends with the error itself
            self.error = error
            raise

    def _note(self, message: str | ResourceError) -> None:
        if isinstance(message, ResourceError):
            self.error = message
            _end_tune("cluster")
        self.call(self._observer.noted, None, message)

    def _lost_worker_cause(self, trial: Any) -> str:
        error = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""
        return str(self.call(retries.lost_worker_cause, error))

    def _receive(self, trial_id: str, message: dict[str, Any]) -> None:
        self._receive_check(message)
        for kind in (SavedModel, Predictions):
            if kind.__name__ in message:
                self._observer.saved(trial_id, message.pop(kind.__name__).content)
        note = message.get("note")
        if trial_id in self._resuming and (note or "points" in message):
            self._resuming.discard(trial_id)
            note = None if note and note.startswith("resumes") else note or "starts over: it has no checkpoint"
        if note:
            self._observer.noted(trial_id, note)
        if "worker" in message:
            self._observer.placed(trial_id, message.pop("worker"))
        if "points" in message:
            self._observer.evaluated(trial_id, self._curves[trial_id].receive(message))
        if "paused" in message:
            self._pause(trial_id)
        if "row" in message:
            self._finish(from_json(message.pop("row")))

    def _receive_check(self, message: dict[str, Any]) -> None:
        """Report what a worker found out before its first trial; end the run if no trial may train."""
        if "missing_package" in message:
            raise retries.unfit_node(message["node"], message["missing_package"])
        if "refused" in message:
            raise ConfigError(message["refused"])
        self._readiness.reach()
        # A local worker that sees no marker sees the storage, which has lost the marker.
        unshared = [message["unshared"]] if self.is_on_cluster and "unshared" in message else []
        for note in [*message.get("notes", []), *unshared]:  # every worker sends the same ones
            if note not in self._worker_notes and not self._observer.is_ending():  # with no marker to be seen
                self._worker_notes.add(note)
                self._observer.noted(None, note)

    def _pause(self, trial_id: str) -> None:
        self._forget(trial_id)
        if not self._observer.is_ending():
            self.paused.append(trial_id)
            self._observer.noted(trial_id, "is paused and resumes later: the storage has lost the marker of this run")

    def _finish(self, row: TrialRow) -> None:
        self._readiness.reach()
        self._forget(row.trial_id)
        if retries.needs_whole_gpu(row, gpus_per_trial=self._gpus_per_trial):
            self.out_of_memory.append(row.trial_id)
            self._observer.noted(row.trial_id, "ran out of its share of a GPU's memory; it is retried alone on a GPU")
        else:
            self._finished.add(row.trial_id)
            self._observer.finished(row)

    def _forget(self, trial_id: str) -> None:
        self._running.discard(trial_id)
        self._curves.pop(trial_id, None)


def _end_tune(process: str) -> NoReturn:
    gc.freeze()  # what is left of Tune, if it were collected, would wait for a GCS that may have ended
    raise retries.BrokenRay(process)


def id_of(trial: Any) -> str:
    """Return the id of one of Tune's trials."""
    return str(json.loads(trial.config["trial"])["id"])
