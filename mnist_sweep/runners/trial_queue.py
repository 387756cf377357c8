"""The queue of a run's trials, as tasks of a pool: which one is next, and what is reported of each to the observer."""

import contextlib
import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ProcessLostError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners.local_early_stopping import EarlyStopping
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.trial import Item, pausable
from mnist_sweep.training import row_builder
from mnist_sweep.training.trial_progress import Heartbeat, Paused
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.graph_sharing import LOOK_AHEAD, graph_signature
from mnist_sweep.trials.row import Evaluation, TrialRow

if TYPE_CHECKING:
    from mnist_sweep.runners.process_pool import Process, Task


class TrialQueue:
    """Tasks for the trials of a run, the listed ones first, then those that the observer proposes.

    Of them, `num_running` have started and have neither a row nor been paused.
    """

    def __init__(
        self,
        trials: Iterable[TrialConfig],
        datasets: Mapping[Any, Dataset],
        observer: Observer,
        *,
        num_proposals: int,
        artifacts: Artifacts | None,
        max_retries: int,
        stopping: EarlyStopping | None = None,
    ) -> None:
        self.num_running = 0
        self._datasets, self._observer = datasets, observer
        self._listed = ((graph_signature(trial), trial) for trial in trials)
        self._upcoming: list[tuple[Hashable, TrialConfig]] = []
        self._processes: defaultdict[Hashable, set[Process]] = defaultdict(set)
        self._artifacts, self._max_retries, self._stopping = artifacts, max_retries, stopping
        self._may_propose = self._proposes = num_proposals > 0

    def next(self, process: "Process | None" = None) -> TrialConfig | None:
        """Return the next trial for a process; None if there is none, or none until a running one has its row.

        Of the next few, it is the first whose graphs the process has traced, or else no process has.
        """
        if self._observer.is_ending():
            return None
        self._upcoming += itertools.islice(self._listed, LOOK_AHEAD - len(self._upcoming))
        if self._upcoming:
            known = [self._processes[kind] for kind, _ in self._upcoming]
            number = next((number for number, those in enumerate(known) if process in those or not those), 0)
            return self._upcoming.pop(number)[1]
        trial = self._observer.propose() if self._may_propose else None
        self._may_propose = trial is not None
        return trial

    def start(self, process: "Process") -> "Task":
        """Start a process ahead of its first trial, which starts one that is lost again, unless the run is to end."""
        with contextlib.suppress(ProcessLostError):
            for _ in process.starting():
                if self._observer.is_ending():
                    process.kill()
                    return
                yield

    def run(self, process: "Process", trial: TrialConfig) -> "Task":
        """Run a trial until it has its row or is paused; retry one whose process the system has ended."""
        name, self.num_running = trial_id(trial), self.num_running + 1
        self._processes[graph_signature(trial)].add(process)
        self._observer.started(name)
        for num_left in reversed(range(self._max_retries + 1)):
            if self._stopping:
                self._stopping.start(trial)
            try:
                yield from self._report(process, trial)
                break
            except ProcessLostError as lost:
                if not num_left:
                    self._observer.finished(row_builder.lost(trial, error=str(lost), trace=lost.trace))
                elif self._observer.is_ending():
                    break
                else:
                    self._observer.retried(name, str(lost))
        if self._stopping:
            self._stopping.end(name)
        self.num_running -= 1
        self._may_propose = self._proposes

    def _report(self, process: "Process", trial: TrialConfig) -> "Task":
        observer, name, stopped, worker = self._observer, trial_id(trial), list[TrialRow](), None
        running = process.steps(trial, self._datasets[trial.data], artifacts=self._artifacts)
        items = pausable(running, lambda: bool(stopped) or observer.is_ending())
        while True:
            if process.worker not in (None, worker):
                observer.placed(name, worker := process.worker)
            try:
                item = next(items)
            except StopIteration as end:
                result: TrialRow | Paused = stopped[0] if stopped else end.value
                break
            except ProcessLostError:
                if not stopped:
                    raise
                result = stopped[0]
                break
            if stopped:
                yield
                continue
            if self._stopping and isinstance(item, Evaluation | Heartbeat):
                row = self._stopping.row_if_stopped(trial, item, process.worker)
                stopped += [row] if row else []
            self._pass_on(name, item)
            yield
        if isinstance(result, TrialRow):
            observer.finished(result)
        elif notes := getattr(result, "__notes__", []):
            observer.noted(name, "; ".join(notes))

    def _pass_on(self, name: str, item: Item | None) -> None:
        if isinstance(item, SavedModel | Predictions):
            self._observer.saved(name, item)
        elif isinstance(item, Evaluation):
            self._observer.evaluated(name, item)
        elif item and item.note:
            self._observer.noted(name, item.note)
