"""The observer of a run: commits every row, keeps the tables fresh, tidies up, and passes on what it hears."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import predictions, run_marker
from mnist_sweep.results import runs as provenance
from mnist_sweep.results.kept_models import KeptModels
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.saved_plan import SavedPlan
from mnist_sweep.results.tables import write_tables
from mnist_sweep.sweep.progress import Progress, Work
from mnist_sweep.sweep.work_queue import WorkQueue
from mnist_sweep.system.lock import Lock
from mnist_sweep.system.signals import Interrupts
from mnist_sweep.system.storage import storage
from mnist_sweep.text.names import label
from mnist_sweep.trackers.sync import TrackerSync
from mnist_sweep.trackers.tensorboard import hparams
from mnist_sweep.training import checkpoints
from mnist_sweep.trials import shared_prefix
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, TrialRow

SECONDS_BETWEEN_TABLES = 5.0
TABLES_SHARE = 0.05
ENDING = "ending: running trials write their checkpoints; interrupt once more to end at once"
OUT_OF_TIME = "the time budget is over: running trials write their checkpoints; the same command goes on"


class Provenance(NamedTuple):
    """What a run is made with, as far as its recorder does not see it.

    Attributes:
        runner: Where trials run.
        code: Folder of the sweep script, or None.
        planned: What was predicted of this sweep last, or None.
    """

    runner: str
    code: Path | None
    planned: SavedPlan | None = None


class Recorder:
    """Records a run in its results folder; a context that lasts as long as the run.

    Args:
        ledger: Where rows are committed.
        lock: The lock of the results folder.
        rows: The rows that are there; new ones are added.
        agenda: What there is to do.
        progress: What to pass on to.
        mirror: What sends rows to trackers.
        artifacts: What the trials leave behind.
        provenance: What the run is made with.
        interrupts: Whether the run is to end.

    Attributes:
        num_run: Trials that have had their rows from this run.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        lock: Lock,
        rows: dict[str, TrialRow],
        agenda: WorkQueue,
        progress: Progress,
        mirror: TrackerSync,
        artifacts: Artifacts,
        provenance: Provenance,
        interrupts: Interrupts,
    ) -> None:
        self._ledger, self._lock, self._rows = ledger, lock, rows
        self._progress, self._mirror = progress, mirror
        self._agenda, self._artifacts, self._interrupts = agenda, artifacts, interrupts
        self._flats = {name: to_flat(trial) for name, trial in agenda.trials.items()}
        self._provenance = provenance
        self._started, self._num_workers, self.num_run = time.time(), 0, 0
        self._storage = storage(artifacts.storage)
        self._models = KeptModels(ledger, artifacts, warn=progress.noted)
        self._fresh_until = 0.0
        self._is_open = self._is_marked = self._has_proposed = False

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        """Make the results folder and mark the run as going on."""
        self._ledger.open()
        if self._lock.acquire() and any(name in self._agenda.missing for name in self._ledger.rows(with_history=False)):
            raise LedgerError(f"another run has just written to {self._ledger.folder}: run the same command again.")
        self._is_open = True
        self._tidy()
        if self._artifacts.predictions:
            for source, dataset in self._agenda.datasets.items():
                flat = to_flat(TrialConfig(data=source))
                labels = Predictions(val=dataset.val.labels, test=dataset.test.labels)
                predictions.write_labels(self._ledger.folder, predictions.data_id(flat), labels)
        self._show_columns()
        if self._artifacts.run_marker:
            run_marker.write(self._storage, self._artifacts.run_marker)
            self._is_marked = True
        self._num_workers = min(num_workers, self._agenda.num_at_a_time)
        self._progress.begin(
            Work(
                flats=self._flats,
                done=self.rows(),
                num_trials=self._agenda.num_trials,
                num_workers=self._num_workers,
                names=self._agenda.names,
            )
        )
        for note in filter(None, (warning, self._agenda.note)):
            self._progress.noted(note)
        self._fresh_until = time.monotonic() + SECONDS_BETWEEN_TABLES

    def _tidy(self) -> None:
        """Remove what runs into this folder left that died, and checkpoints of trials that have their rows."""
        self._ledger.remove_unfinished()
        folder = self._ledger.folder
        done = {checkpoints.name(row.trial_id) for row in self.rows()}
        for name in self._storage.names(checkpoints.FOLDER):
            is_dead = run_marker.is_marker(name) and (
                self._artifacts.are_stored_in(folder) or run_marker.belongs_to(name, folder)
            )
            if is_dead or name in done:
                self._storage.delete(name)

    def rows(self) -> Sequence[TrialRow]:
        """Return the rows of the sweep that were there before."""
        known = self._flats.keys() - self._agenda.missing.keys()
        return [self._rows[name] for name in self._flats if name in known and name in self._rows]

    def propose(self) -> TrialConfig | None:
        """Return one more trial to run; None if there is none, or none now."""
        trial = None if self.is_ending() else self._agenda.propose()
        if trial:
            self._flats[trial_id(trial)] = to_flat(trial)
            self._has_proposed = True
        return trial

    def started(self, trial_id: str) -> None:
        """Pass on that a trial has started."""
        self._progress.started(trial_id)

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Pass on a point of a learning curve."""
        self._progress.evaluated(trial_id, evaluation)

    def noted(self, trial_id: str | None, note: str) -> None:
        """Pass on what the user should know of a trial, or of the machines."""
        named = f"{label(self._flats[trial_id], self._agenda.names)} ({trial_id}) " if trial_id else ""
        self._progress.noted(named + note)

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        """Write predictions; hold a model until its row comes."""
        if isinstance(item, Predictions):
            predictions.write(self._ledger.folder, trial_id, item)
        else:
            self._models.hold(trial_id, item)

    def finished(self, row: TrialRow) -> None:
        """Commit a row, and tell of it."""
        self._models.finished(row, self._rows.values())
        self._ledger.commit(row)
        self._rows[row.trial_id] = row
        self._agenda.tell(row)
        self.num_run += 1
        self._mirror.send(row)
        self._tried(f"the checkpoint of {row.trial_id} stays", self._storage.delete, checkpoints.name(row.trial_id))
        self._progress.finished(row)
        if time.monotonic() > self._fresh_until:
            self._write_tables()

    def is_ending(self) -> bool:
        """Return whether the run is to end; the first time, take the mark away, so that workers pause their trials."""
        if self._interrupts.stop_requested and self._is_marked:
            self._tried("running trials cannot be told to end", self._unmark)
            self._progress.noted(OUT_OF_TIME if self._interrupts.out_of_time else ENDING)
        return self._interrupts.stop_requested

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(LedgerError):  # the next run removes a mark that stays
            self._unmark()
        if not self._is_open or isinstance(error, LedgerError):
            return  # what cannot be written is told by the error that ends the run
        self._record_run()
        self._forget_shared_prefixes()
        if self._has_proposed:
            self._tried("TensorBoard's table lacks columns of trials that were proposed", self._show_columns)
        if self._rows:
            self._write_tables()

    def _forget_shared_prefixes(self) -> None:
        """Remove the ends of trials from which none starts any more."""
        if self._artifacts.keep_shared_prefixes and all(name in self._rows for name in self._agenda.trials):
            self._tried(
                "the ends of trials stay in the storage, where they only take space", self._empty, shared_prefix.FOLDER
            )

    def _empty(self, folder: str) -> None:
        """Remove the files of a folder of the storage."""
        for name in self._storage.names(folder):
            self._storage.delete(name)

    def _show_columns(self) -> None:
        """Write the columns of TensorBoard's table of hyperparameters."""
        if self._artifacts.summaries != "off":
            hparams.write(self._storage, self._flats.values())

    def _tried(self, otherwise: str, do: Callable[..., None], *arguments: Any) -> None:
        """Do what a run can do without; tell the user if the storage refuses."""
        try:
            do(*arguments)
        except LedgerError as error:
            self._progress.noted(f"{otherwise}, for {error}")

    def _record_run(self) -> None:
        ended = provenance.describe_run(
            started=self._started,
            runner=self._provenance.runner,
            num_workers=self._num_workers,
            num_run=self.num_run,
            data=_digests(self._agenda.datasets),
            script_folder=self._provenance.code,
            predicted_seconds=self._predicted_seconds(),
        )
        provenance.append(self._ledger.folder, ended)

    def _predicted_seconds(self) -> float | None:
        """Return what was predicted of this run, in seconds; None if it was of another, or this one ended early."""
        runner, planned = self._provenance.runner, self._provenance.planned
        if planned is None or self.num_run < len(self._agenda.work):
            return None
        is_of_this = planned.is_of(self._agenda.work, runner=runner, num_workers=self._num_workers)
        return planned.seconds if is_of_this else None

    def _unmark(self) -> None:
        if self._is_marked and self._artifacts.run_marker:
            self._is_marked = False
            self._storage.delete(self._artifacts.run_marker)

    def _write_tables(self) -> None:
        start = time.monotonic()
        write_tables(self._ledger.folder, self._rows.values())
        seconds = time.monotonic() - start
        self._fresh_until = start + max(SECONDS_BETWEEN_TABLES, seconds / TABLES_SHARE)


def _digests(datasets: Mapping[Any, Dataset]) -> dict[str, str]:
    """Return the SHA-256 of the images and labels of each split, by the name of the data set."""
    digests = {}
    for source, dataset in datasets.items():
        for split in ("train", "val", "test"):
            arrays = getattr(dataset, split)
            content = hashlib.sha256(arrays.images.tobytes() + arrays.labels.tobytes())
            digests[f"{getattr(source, '__name__', source)} {split}"] = content.hexdigest()
    return digests
