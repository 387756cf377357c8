import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig, TrialRow
from mnist_sweep.sweep import table_writer
from mnist_sweep.sweep.table_writer import MAX_TIME_SHARE, MIN_SECONDS_BETWEEN, TableWriter
from mnist_sweep.trials.events import RowCommitted, RunEnded, WorkersReady

ENDED = RunEnded(num_run=1, error=None, can_write=True)


class Clock:
    """Time that passes as told; writing the tables takes a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.num_written = 100.0, 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(table_writer, "write_tables", self._write)

    def _write(self, *_: object) -> None:
        self.num_written += 1
        self.now += 1.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_tables_are_written_now_and_then_and_take_a_twentieth_of_the_time_at_most(
    clock: Clock, tmp_path: Path, make_row: Callable[..., TrialRow]
) -> None:
    row = make_row(TrialConfig())
    writer, written = TableWriter(tmp_path, {row.trial_id: row}), []
    writer.on_event(WorkersReady(num_workers=1))
    for _ in range(100):
        clock.now += 1.0
        writer.on_event(RowCommitted(row=row))
        written.append(clock.num_written)
    assert written[: int(MIN_SECONDS_BETWEEN) + 1] == [0] * 5 + [1]
    assert max(written) <= 1 + 100 * MAX_TIME_SHARE


def test_tables_are_written_at_the_end_unless_the_folder_cannot_be(
    clock: Clock, tmp_path: Path, make_row: Callable[..., TrialRow]
) -> None:
    row = make_row(TrialConfig())
    for rows, can_write, num in [({row.trial_id: row}, True, 1), ({row.trial_id: row}, False, 1), ({}, True, 1)]:
        TableWriter(tmp_path, rows).on_event(RunEnded(num_run=0, error=None, can_write=can_write))
        assert clock.num_written == num
