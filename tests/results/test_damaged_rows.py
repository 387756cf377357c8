"""Laws of repairing a results folder: damaged rows are moved away, nothing is lost, and nothing else is touched."""

import os
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.results.damaged_rows import move_damaged
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.folder_lock import Lock
from mnist_sweep.trials.config import TrialConfig
from tests.conftest import MakeRow, Refused


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path / "results" / "sweep")
    opened.open()
    return opened


def files(ledger: Ledger) -> list[str]:
    return sorted(path.name for path in ledger.rows_folder.iterdir())


def test_repaired_folder_has_the_good_rows_and_the_next_run_misses_the_others(
    ledger: Ledger, make_row: MakeRow, refused: Refused
) -> None:
    good, damaged = make_row(), make_row(TrialConfig(seed=1))
    ledger.commit(good)
    ledger.commit(damaged)
    path = ledger.rows_folder / f"{damaged.trial_id}.json"
    content = path.read_text(encoding="utf-8").replace("0.91", "0.99")
    path.write_text(content, encoding="utf-8")
    with refused(RowError, path.name, "digest", f"`mnist-sweep mend {ledger.folder}`"):
        ledger.rows()
    (moved,) = move_damaged(ledger.folder)
    assert (moved.source, moved.target) == (path, ledger.damaged_folder / path.name)
    assert "digest" in moved.cause
    assert moved.target.read_text(encoding="utf-8") == content
    assert ledger.rows() == {good.trial_id: good}


def test_repairing_twice_moves_nothing_more(ledger: Ledger, make_row: MakeRow) -> None:
    ledger.commit(make_row())
    (ledger.rows_folder / "notes.txt").write_text("a note")
    assert len(move_damaged(ledger.folder)) == 1
    assert move_damaged(ledger.folder) == []
    assert files(ledger) == [f"{make_row().trial_id}.json"]


def test_repairing_loses_no_file_of_the_same_name(ledger: Ledger) -> None:
    for content in ("first", "second", "third"):
        (ledger.rows_folder / "notes.txt").write_text(content)
        move_damaged(ledger.folder)
    kept = {path.name: path.read_text() for path in ledger.damaged_folder.iterdir()}
    assert kept == {"notes.txt": "first", "notes.txt.2": "second", "notes.txt.3": "third"}


def test_repairing_moves_folders_and_links_as_they_are(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (ledger.rows_folder / "old").mkdir()
    (ledger.rows_folder / "old" / "note").touch()
    (ledger.rows_folder / "gone").symlink_to("nowhere")
    (ledger.rows_folder / "link").symlink_to(tmp_path / "elsewhere")
    assert len(move_damaged(ledger.folder)) == 3
    assert (ledger.damaged_folder / "old" / "note").is_file()
    assert [(ledger.damaged_folder / name).is_symlink() for name in ("gone", "link")] == [True, True]
    assert (tmp_path / "elsewhere").read_text() == "kept"


def test_undamaged_folder_is_left_as_it_is(ledger: Ledger, make_row: MakeRow) -> None:
    ledger.commit(make_row())
    assert move_damaged(ledger.folder) == []
    assert not ledger.damaged_folder.exists()


def test_folder_that_is_no_results_folder_is_refused(tmp_path: Path, refused: Refused) -> None:
    with refused(LedgerError, f"{tmp_path} holds no rows"):
        move_damaged(tmp_path)


def test_folder_that_a_run_is_using_is_not_repaired(ledger: Ledger, refused: Refused) -> None:
    (ledger.rows_folder / "notes.txt").touch()
    with Lock(ledger.folder) as lock, refused(LedgerError, f"in use by process {os.getpid()}", "wait for it to end."):
        lock.acquire()
        move_damaged(ledger.folder)
    assert files(ledger) == ["notes.txt"]
    assert len(move_damaged(ledger.folder)) == 1


def test_file_in_the_place_of_the_damaged_folder_is_an_error(ledger: Ledger, refused: Refused) -> None:
    (ledger.rows_folder / "notes.txt").touch()
    ledger.damaged_folder.write_text("in the way")
    with refused(LedgerError, str(ledger.damaged_folder), "File exists"):
        move_damaged(ledger.folder)
    assert files(ledger) == ["notes.txt"]


def test_nothing_is_moved_from_a_folder_that_is_linked(ledger: Ledger, refused: Refused, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    ledger.rows_folder.rename(elsewhere)
    (elsewhere / "letter.txt").touch()
    ledger.rows_folder.symlink_to(elsewhere)
    with refused(LedgerError, f"({ledger.rows_folder} is a link)"):
        move_damaged(ledger.folder)
    assert [path.name for path in elsewhere.iterdir()] == ["letter.txt"]


def test_nothing_is_moved_through_a_link(ledger: Ledger, refused: Refused, tmp_path: Path) -> None:
    (ledger.rows_folder / "notes.txt").touch()
    (tmp_path / "elsewhere").mkdir()
    ledger.damaged_folder.symlink_to(tmp_path / "elsewhere")
    with refused(LedgerError, f"cannot be moved to {ledger.damaged_folder} ({ledger.damaged_folder} is a link)"):
        move_damaged(ledger.folder)
    assert files(ledger) == ["notes.txt"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
