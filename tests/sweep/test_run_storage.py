from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import PBT, Search, Sweep, Uniform
from mnist_sweep.results import run_marker
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from mnist_sweep.sweep.results_folder import ResultsFolder
from mnist_sweep.sweep.run_storage import RunStorage
from mnist_sweep.system.storage import Folder
from mnist_sweep.trackers.tensorboard import hparams
from mnist_sweep.training import checkpoints
from mnist_sweep.trials import shared_prefix
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.events import RowCommitted, RunEnded
from tests.conftest import MakeRow

ENDED = RunEnded(num_run=3, error=None, can_write=True)


class Case:
    """A run of a sweep whose trials write to a folder beside the results."""

    def __init__(self, folder: ResultsFolder, sweep: Sweep, make_row: MakeRow) -> None:
        self.folder, self.files = folder, Folder(folder.path.parent / "storage")
        self.artifacts = Artifacts(storage=str(self.files.path), run_marker=run_marker.new_name(folder.path))
        self.remaining = RemainingTrials(sweep, folder=folder.path, rows={})
        self.rows = [make_row(trial) for trial in sweep.trials]
        self.notices: list[str] = []

    def storage(self, **changed: Any) -> RunStorage:
        return RunStorage(replace(self.artifacts, **changed), self.folder, self.remaining, notify=self.notices.append)

    def place(self, *names: str) -> None:
        for name in names:
            self.files.write(name, b"", "file")


@pytest.fixture
def case(tmp_path: Path, sweep: Sweep, make_row: MakeRow) -> Iterator[Case]:
    folder = ResultsFolder(tmp_path / "rates")
    with folder.lock:
        folder.open()
        yield Case(folder, sweep, make_row)


def test_the_marker_lies_there_from_the_opening_until_it_is_removed(case: Case) -> None:
    storage = case.storage()
    storage.remove_marker()
    storage.open([])
    assert case.files.names(checkpoints.FOLDER) == [case.artifacts.run_marker]
    assert storage.has_marker
    storage.remove_marker()
    assert (case.files.names(checkpoints.FOLDER), storage.has_marker) == ([], False)


def test_what_dead_runs_left_is_removed_and_what_others_need_is_not(case: Case, tmp_path: Path) -> None:
    first, second, _ = (checkpoints.name(row.trial_id) for row in case.rows)
    theirs = run_marker.new_name(tmp_path / "elsewhere")
    case.place(first, second, run_marker.new_name(case.folder.path), theirs)
    case.storage(run_marker=None).open(case.rows[:1])
    assert set(case.files.names(checkpoints.FOLDER)) == {second, theirs}


@pytest.mark.parametrize("others", [(), ("checkpoints/run-of-another",)])
def test_what_is_half_written_is_removed_unless_another_run_may_write_it(case: Case, others: tuple[str, ...]) -> None:
    halves = ["checkpoints/.a.ckpt-1", "models/.b.keras-2"]
    case.place(*halves, *others)
    case.storage().open([])
    assert [case.files.exists(name) for name in halves] == [bool(others)] * 2


def test_a_checkpoint_is_removed_when_its_row_is_there_or_the_user_is_told(case: Case) -> None:
    storage, row = case.storage(), case.rows[0]
    case.place(checkpoints.name(row.trial_id))
    storage.on_event(RowCommitted(row=row))
    assert (case.files.names(checkpoints.FOLDER), case.notices) == ([], [])
    (case.files.path / checkpoints.name(row.trial_id)).mkdir(parents=True)
    storage.on_event(RowCommitted(row=row))
    [notice] = case.notices
    assert notice.startswith(f"the checkpoint of {row.trial_id} cannot be removed: ")


@pytest.mark.parametrize(("num_rows", "can_write", "is_kept"), [(2, True, True), (3, True, False), (3, False, True)])
def test_shared_beginnings_are_removed_when_every_trial_has_its_row(
    case: Case, num_rows: int, can_write: bool, is_kept: bool
) -> None:
    case.place(f"{shared_prefix.FOLDER}/abc")
    for row in case.rows[:num_rows]:
        case.folder.commit(row)
    case.storage(keep_shared_prefixes=True).on_event(replace(ENDED, can_write=can_write))
    assert bool(case.files.names(shared_prefix.FOLDER)) == is_kept


def test_shared_beginnings_stay_for_the_next_round_of_a_population(case: Case, make_row: MakeRow, sweep: Sweep) -> None:
    axes = {"optimizer.learning_rate": Uniform(low=0.1, high=1.0)}
    search = Search(base=sweep.trials[0], axes=axes, num_trials=4, algorithm=PBT(population=2))
    case.remaining = RemainingTrials(Sweep(name="rates", search=search), folder=case.folder.path, rows={})
    case.place(f"{shared_prefix.FOLDER}/abc")
    for num_left in (1, 0):
        for trial in [*case.remaining.missing.values()][-2:]:
            case.folder.commit(row := make_row(trial))
            case.remaining.tell(row)
        case.storage(keep_shared_prefixes=True).on_event(ENDED)
        assert len(case.files.names(shared_prefix.FOLDER)) == num_left
        while case.remaining.propose():
            pass


@pytest.mark.parametrize(("summaries", "is_there"), [("scalars", True), ("off", False)])
def test_tensorboards_table_has_its_columns_if_there_are_summaries(case: Case, summaries: str, is_there: bool) -> None:
    case.storage(summaries=summaries).open([])
    assert case.files.exists(hparams.FILE) == is_there
