"""The observer of a run, which commits every row and reports events.

What a trial leaves behind is written before its row, since a trial that has a row never runs again; and its row is
committed before anything else learns of it.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Self

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.kept_models import KeptModels
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.sweep.dispatcher import Dispatcher
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.sweep.run_storage import RunStorage
from mnist_sweep.system.signals import Interrupts
from mnist_sweep.text.names import label
from mnist_sweep.training import reproducibility
from mnist_sweep.trials import events
from mnist_sweep.trials.artifacts import SavedModel
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.trials.value_format import Measure


class Recorder:
    """Records a run in its results folder, and counts its trials; a context that lasts as long as the run."""

    def __init__(
        self,
        folder: ResultsFolder,
        remaining: RemainingTrials,
        *,
        storage: RunStorage,
        dispatcher: Dispatcher,
        interrupts: Interrupts,
    ) -> None:
        self._folder, self._remaining, self._storage = folder, remaining, storage
        self._dispatcher, self._interrupts = dispatcher, interrupts
        self._configs = {name: to_flat(trial) for name, trial in remaining.trials.items()}
        self._models = KeptModels(
            folder.ledger,
            storage.artifacts,
            rows=folder.rows,
            missing=remaining.missing,
            warn=dispatcher.notify,
            undecided=lambda: remaining.race.remaining if remaining.race and not remaining.race.end else (),
            dropped=lambda: remaining.race.departures.keys() if remaining.race else (),
        )
        self._is_open, self._num_workers, self._done = False, 1, set[str]()
        self._unlike = set[str]()
        self._first_trained: TrialRow | None = None

    @property
    def num_run(self) -> int:
        """Trials whose rows this run has committed."""
        return len(self._done)

    def start(self) -> None:
        """Report what there is to do."""
        rows, fields = tuple(self.rows()), tuple(self._remaining.fields)
        num_trials, measure = self._remaining.num_trials, self._remaining.measure
        self._dispatcher.emit(events.RunStarted(rows=rows, num_trials=num_trials, fields=fields, measure=measure))

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        """Open the results folder and the storage; set aside the rows that are left out."""
        self._folder.open()
        self._is_open, moved = True, self._folder.set_aside()
        self._remaining.save_settings()
        for source, dataset in self._remaining.datasets.items():
            labels = Predictions(val=dataset.val.labels, test=dataset.test.labels)
            data_id = predictions.data_id(to_flat(TrialConfig(data=source)))
            data_cards.write(self._folder.path, data_id, data_cards.describe(source, dataset))
            if self._storage.artifacts.predictions:
                is_needed = functools.partial(self._has_predictions_on, data_id)
                predictions.write_labels(self._folder.path, data_id, labels, is_needed=is_needed)
        self._storage.open(self.rows())
        self._num_workers = min(num_workers, self._remaining.max_concurrent)
        self._dispatcher.emit(events.WorkersReady(num_workers=self._num_workers))
        notes = [warning, reproducibility.kernel_note(), self._remaining.note, *self._remaining.notes, moved]
        for note in filter(None, notes):
            self._dispatcher.notify(note)

    def _has_predictions_on(self, data_id: str) -> bool:
        """Return whether predictions on a data set are there, also of a trial that is to run again."""
        rows = [row for row in self._folder.rows.values() if predictions.data_id(row.config) == data_id]
        return any(predictions.path_of(self._folder.path, row.trial_id).exists() for row in rows)

    def rows(self) -> Sequence[TrialRow]:
        """Return the rows of the sweep that are there, without those of trials that are to run again."""
        rows, lacking = self._folder.rows, self._remaining.missing.keys() - self._done
        return [rows[name] for name in self._configs if name in rows and name not in lacking]

    def definitions(self) -> Mapping[str, Any]:
        """Return the user's own classes and functions in the trials, by their names in rows."""
        return self._remaining.definitions

    def propose(self) -> TrialConfig | None:
        """Return one more trial to run; None if there is none, or none now."""
        note = self._remaining.note
        trial = None if self.is_ending() else self._remaining.propose()
        if self._remaining.note and self._remaining.note != note:
            self._dispatcher.notify(self._remaining.note)
        if trial:
            self._configs[trial_id(trial)] = to_flat(trial)
        return trial

    def started(self, trial_id: str) -> None:
        """Pass on that a trial has started."""
        self._dispatcher.emit(events.TrialStarted(trial_id=trial_id, config=self._configs[trial_id]))

    def placed(self, trial_id: str, worker: str) -> None:
        """Pass on which worker runs a trial."""
        self._dispatcher.emit(events.TrialPlaced(trial_id=trial_id, worker=worker))

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Pass on a point of a learning curve."""
        self._dispatcher.emit(events.TrialEvaluated(trial_id=trial_id, evaluation=evaluation))

    def retried(self, trial_id: str, cause: str) -> None:
        """Pass on that a trial starts again."""
        self._dispatcher.emit(events.TrialRetried(trial_id=trial_id, config=self._configs[trial_id], cause=cause))

    def paused(self, trial_id: str) -> None:
        """Pass on that a scheduler has paused a trial."""
        self._dispatcher.emit(events.TrialPaused(trial_id=trial_id))

    def noted(self, trial_id: str | None, note: str) -> None:
        """Pass on what the user should know of a trial, or of the machines."""
        prefix = f"{label(self._configs[trial_id], self._remaining.fields)} ({trial_id}) " if trial_id else ""
        self._dispatcher.notify(prefix + note, trial_id)

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        """Write predictions; hold a model until its row comes."""
        if isinstance(item, Predictions):
            predictions.write(self._folder.path, trial_id, item)
        else:
            self._models.hold(trial_id, item)

    def finished(self, row: TrialRow) -> None:
        """Keep the model of a trial if need be, commit its row, only then remove other models, and pass it on."""
        digests = self._remaining.inputs.digests(self._remaining.trials[row.trial_id])
        row = dataclasses.replace(row, data_digest=digests.data, code_digest=digests.code)
        kept = self._models.finished(row)
        self._folder.commit(row)
        self._done.add(row.trial_id)
        self._models.remove_others(kept)
        lines = [*self._remaining.tell(row), *self._unlike_notes(row)]
        self._dispatcher.emit(events.RowCommitted(row=row))
        for line in lines:
            self._dispatcher.notify(line)
        if forecast := self._remaining.forecast(self._num_workers):
            self._dispatcher.emit(forecast)

    def _unlike_notes(self, row: TrialRow) -> Sequence[str]:
        """Return a note if the row is from an environment of another kind than the sweep's first, once for each."""
        if not row.environment:  # it failed before it trained
            return []
        self._first_trained = self._first_trained or next((one for one in self.rows() if one.environment), row)
        note = reproducibility.unlike_note(self._first_trained, row)
        if note is None or note in self._unlike:
            return []
        self._unlike.add(note)
        return [note]

    def measure(self) -> Measure:
        """Return what all trials of the sweep are judged by."""
        return self._remaining.measure

    def is_ending(self) -> bool:
        """Return whether the run is to end; the first time, let workers pause their trials."""
        if self._interrupts.stop_requested and self._storage.has_marker:
            self._storage.attempt("running trials cannot be paused", self._storage.remove_marker)
            self._dispatcher.emit(events.RunInterrupted(out_of_time=self._interrupts.out_of_time))
        return self._interrupts.stop_requested

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with contextlib.suppress(LedgerError):  # the next run removes a marker that stays
            self._storage.remove_marker()
        can_write = self._is_open and not isinstance(error, LedgerError)
        ended = events.RunEnded(num_run=self.num_run, error=error, can_write=can_write)
        with contextlib.ExitStack() as stack:
            stack.callback(self._dispatcher.emit, ended)  # also if a model cannot be removed
            if can_write and self.num_run:
                self._models.prune()
