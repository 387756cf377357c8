import time
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig, TrialRow
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import csv_io
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.sweep.results_folder import MAX_TIME_SHARE, MIN_SECONDS_BETWEEN, ResultsFolder
from mnist_sweep.trials.events import RowCommitted, RunEnded, WorkersReady
from tests.conftest import MakeRow, Refused


def written(path: Path, *rows: TrialRow) -> Path:
    ledger = Ledger(path)
    ledger.open()
    for row in rows:
        ledger.commit(row)
    return path


def test_reading_a_folder_that_is_not_there_creates_nothing(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path / "new")
    with folder.lock:
        folder.read()
        assert folder.rows == {}
        assert list(tmp_path.iterdir()) == []
        folder.open()
        assert folder.path.is_dir()


def test_a_committed_row_is_on_the_disk_and_among_the_rows(tmp_path: Path, make_row: MakeRow) -> None:
    first, second = make_row(TrialConfig()), make_row(TrialConfig(seed=1))
    folder = ResultsFolder(written(tmp_path / "one", first))
    with folder.lock:
        folder.read()
        folder.open()
        folder.commit(second)
        assert list(folder.rows.values()) == [first, second]
        assert Ledger(folder.path).rows() == folder.rows


def test_a_folder_has_one_run_at_a_time(tmp_path: Path, refused: Refused) -> None:
    written(tmp_path / "one")
    first, second, third = (ResultsFolder(tmp_path / "one") for _ in range(3))
    with first.lock:
        first.read()
        with second.lock, refused(LedgerError, "is in use by process", "or choose another folder with --results."):
            second.read()
    with third.lock:
        third.read()


def test_what_another_run_has_written_meanwhile_is_not_done_again(tmp_path: Path, make_row: MakeRow) -> None:
    folder = ResultsFolder(tmp_path / "one")
    with folder.lock:
        folder.read()
        written(tmp_path / "one", make_row(TrialConfig()))
        with pytest.raises(LedgerError, match="another run has just written"):
            folder.open()


class Clock:
    """Time that passes as told; writing the tables takes a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.num_written = 100.0, 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(csv_io, "write_tables", self._write)

    def _write(self, *_: object) -> None:
        self.num_written += 1
        self.now += 1.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_tables_are_written_now_and_then_and_take_a_twentieth_of_the_time_at_most(
    clock: Clock, tmp_path: Path, make_row: MakeRow
) -> None:
    row, folder = make_row(TrialConfig()), ResultsFolder(tmp_path)
    folder.rows, written = {row.trial_id: row}, []
    folder.on_event(WorkersReady(num_workers=1))
    for _ in range(100):
        clock.now += 1.0
        folder.on_event(RowCommitted(row=row))
        written.append(clock.num_written)
    assert written[: int(MIN_SECONDS_BETWEEN) + 1] == [0] * 5 + [1]
    assert max(written) <= 1 + 100 * MAX_TIME_SHARE


def test_tables_are_written_at_the_end_unless_the_folder_cannot_be(
    clock: Clock, tmp_path: Path, make_row: MakeRow
) -> None:
    row = make_row(TrialConfig())
    for rows, can_write, num in [({row.trial_id: row}, True, 1), ({row.trial_id: row}, False, 1), ({}, True, 1)]:
        folder = ResultsFolder(tmp_path)
        folder.rows = rows
        folder.on_event(RunEnded(num_run=0, error=None, can_write=can_write))
        assert clock.num_written == num
