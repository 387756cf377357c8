"""What a run does in the storage that its trials write to: its marker, and removing what is no longer needed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import run_marker
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.system.atomic_files import remove_unfinished
from mnist_sweep.system.storage import Folder, storage
from mnist_sweep.trackers.tensorboard import hparams
from mnist_sweep.training import checkpoints
from mnist_sweep.trials import shared_prefix
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.events import Event, RowCommitted, RunEnded
from mnist_sweep.trials.row import TrialRow

if TYPE_CHECKING:
    from mnist_sweep.sweep.remaining_trials import RemainingTrials


class RunStorage:
    """The storage of a run's trials, as the driver sees it; a listener.

    `artifacts` are what the trials leave behind; while the marker of the run is there (`has_marker`), workers write
    checkpoints. What it refuses and the run can do without is reported to the user by `notify`; the rest raises
    LedgerError.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        folder: ResultsFolder,
        remaining: "RemainingTrials",
        *,
        notify: Callable[[str], None],
    ) -> None:
        self.artifacts, self._folder, self._remaining, self._notify = artifacts, folder, remaining, notify
        self._storage = storage(artifacts.storage)
        self._num_described = 0
        self.has_marker = False

    def open(self, done: Sequence[TrialRow]) -> None:
        """Remove what dead runs left, describe the trials to TensorBoard, and place the marker of this run.

        Markers of runs into this folder that were killed are removed, and checkpoints of trials whose rows are `done`;
        and what is half written, unless another run writes there.
        """
        names, is_ours = {*self._storage.names(checkpoints.FOLDER)}, self.artifacts.are_stored_in(self._folder.path)
        markers = {*filter(run_marker.is_marker, names)}
        dead = {name for name in markers if is_ours or run_marker.belongs_to(name, self._folder.path)}
        for name in dead | names & {checkpoints.name(row.trial_id) for row in done}:
            self._storage.delete(name)
        if markers == dead and isinstance(self._storage, Folder):
            remove_unfinished(self._storage.path)
        self._describe_trials()
        if self.artifacts.run_marker:
            run_marker.write(self._storage, self.artifacts.run_marker)
            self.has_marker = True

    def remove_marker(self) -> None:
        """Remove the marker of this run, so that workers pause their trials."""
        if self.has_marker and self.artifacts.run_marker:
            self.has_marker = False
            self._storage.delete(self.artifacts.run_marker)

    def attempt(self, otherwise: str, action: Callable[..., None], *arguments: Any) -> None:
        """Do what the run can do without; report it if the storage refuses."""
        try:
            action(*arguments)
        except LedgerError as error:
            self._notify(f"{otherwise}: {error}")

    def on_event(self, event: Event) -> None:
        """Remove the checkpoint of a trial that has its row; at the end, what no later trial starts from."""
        match event:
            case RowCommitted(row=row):
                name = checkpoints.name(row.trial_id)
                self.attempt(f"the checkpoint of {row.trial_id} cannot be removed", self._storage.delete, name)
            case RunEnded(can_write=True):
                has_all = (
                    not self._remaining.num_proposals and self._remaining.trials.keys() <= self._folder.rows.keys()
                )
                if self.artifacts.keep_shared_prefixes and has_all:
                    self.attempt("shared beginnings of trials cannot be removed", self._remove_shared_prefixes)
                if len(self._remaining.trials) > self._num_described:
                    self.attempt("TensorBoard's table lacks columns of proposed trials", self._describe_trials)

    def _remove_shared_prefixes(self) -> None:
        for name in self._storage.names(shared_prefix.FOLDER):
            self._storage.delete(name)

    def _describe_trials(self) -> None:
        self._num_described = len(self._remaining.trials)
        if self.artifacts.summaries != "off":
            hparams.write(self._storage, map(to_flat, self._remaining.trials.values()), self._remaining.measure)
