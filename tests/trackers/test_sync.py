import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from mnist_sweep import TrialConfig, TrialRow
from mnist_sweep.errors import TrackerError
from mnist_sweep.trackers import sync
from mnist_sweep.trackers.sync import TrackerSync
from mnist_sweep.trials.events import RowCommitted, WorkersReady
from tests.conftest import MakeRow


class Kept:
    """A tracker's session that keeps rows, apart from one that it refuses."""

    name = "kept"

    def __init__(self, refused: TrialRow | None = None, error: BaseException | None = None) -> None:
        self.rows: list[TrialRow] = []
        self.error = error or TrackerError("out of order")
        self.refused = refused
        self.has_refused = threading.Event()

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        return [row for row in rows if row not in self.rows]

    def log(self, row: TrialRow, fields: Sequence[str]) -> None:
        self.fields = fields
        if row is self.refused:
            self.has_refused.set()
            raise self.error
        self.rows.append(row)


@pytest.fixture
def rows(make_row: MakeRow) -> list[TrialRow]:
    return [make_row(TrialConfig(seed=seed)) for seed in range(3)]


def started(session: Any, notices: list[str], *, is_ending: bool = False) -> TrackerSync:
    return TrackerSync([session], notify=notices.append, is_ending=lambda: is_ending)


@pytest.mark.parametrize(
    ("error", "cause"),
    [(SystemExit(0), "SystemExit: 0 (test_sync.py:"), (ValueError("mine"), "ValueError: mine (test_sync.py:")],
)
def test_a_tracker_that_fails_in_any_way_gets_the_other_rows(
    rows: list[TrialRow], error: BaseException, cause: str
) -> None:
    session, notices = Kept(refused=rows[0], error=error), list[str]()
    with started(session, notices, is_ending=True) as trackers:
        for row in rows:
            trackers.on_event(RowCommitted(row=row))
        assert session.has_refused.wait(10)
    (line,) = trackers.unsent()
    assert line.startswith("kept lacks ")
    assert cause in line


def test_a_tracker_gets_what_it_lacks_and_every_row_that_is_committed(rows: list[TrialRow]) -> None:
    session, notices = Kept(), list[str]()
    session.rows += rows[:1]
    with started(session, notices) as trackers:
        trackers.send_missing(rows[:2], ["seed"])
        trackers.on_event(WorkersReady(num_workers=1))
        trackers.on_event(RowCommitted(row=rows[2]))
    assert (session.rows, trackers.unsent(), notices) == (rows, (), [])
    assert session.fields == ("seed",)


def test_a_row_that_a_tracker_refuses_blocks_no_other_and_is_reported_once(rows: list[TrialRow]) -> None:
    session, notices = Kept(refused=rows[0]), list[str]()
    with started(session, notices) as trackers:
        trackers.on_event(RowCommitted(row=rows[0]))
        assert session.has_refused.wait(60)
        while not notices:
            assert session.has_refused.is_set()
        trackers.on_event(RowCommitted(row=rows[1]))
    assert notices == ["kept accepts no runs (out of order): rows are kept and sent again later"]
    [line] = trackers.unsent()
    assert line.startswith("kept lacks ")
    assert line.endswith(" (out of order): the same command sends the rest later.")


def test_a_tracker_that_hangs_does_not_hold_up_a_run_that_is_to_end(
    rows: list[TrialRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    class Hanging(Kept):
        def log(self, row: TrialRow, fields: Sequence[str]) -> None:
            released.wait(60)

    monkeypatch.setattr(sync, "SECONDS_AFTER_AN_INTERRUPT", 0.0)
    with started(Hanging(), [], is_ending=True) as trackers:
        trackers.send_missing(rows, [])
    unsent = trackers.unsent()
    released.set()
    assert unsent == ("kept lacks 3 trials: the same command sends the rest later.",)
