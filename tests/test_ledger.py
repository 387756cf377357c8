"""Laws of the ledger: a committed row survives, and nothing else is ever taken for one."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.config import TrialConfig
from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.ledger import Ledger
from mnist_sweep.rows import Status, TrialRow, to_json

Refused = Callable[..., AbstractContextManager[None]]
MakeRow = Callable[..., TrialRow]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path / "results" / "sweep")
    opened.open()
    return opened


def commit_in_child(ledger: Ledger, row: TrialRow, *, before: str) -> "subprocess.CompletedProcess[str]":
    """Commit a row in a process of its own, in which these statements run first."""
    code = (
        "import os, pathlib, resource, signal, sys\n"
        "from mnist_sweep.ledger import Ledger\n"
        "from mnist_sweep.rows import from_json\n"
        f"{before}\n"
        "Ledger(pathlib.Path(sys.argv[1])).commit(from_json(sys.stdin.read()))\n"
    )
    command = [sys.executable, "-P", "-c", code, str(ledger.folder)]
    return subprocess.run(command, input=to_json(row), capture_output=True, text=True, check=False)


def files(ledger: Ledger) -> list[str]:
    return sorted(path.name for path in ledger.rows_folder.iterdir())


def test_ledger_without_a_folder_has_no_rows(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "nowhere").rows() == {}
    assert list(tmp_path.iterdir()) == []


def test_opened_ledger_is_an_empty_folder_and_opens_again(ledger: Ledger) -> None:
    ledger.open()
    assert ledger.rows() == {}
    assert files(ledger) == []


def test_committed_rows_come_back_by_id_in_the_order_of_ids(ledger: Ledger, make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(num_steps=steps, seed=seed)) for steps in (5, 6, 7) for seed in (1, 0)]
    for row in rows:
        ledger.commit(row)
    assert ledger.rows() == {row.trial_id: row for row in rows}
    assert list(ledger.rows()) == sorted(row.trial_id for row in rows)


def test_row_lies_alone_under_its_own_name(ledger: Ledger, make_row: MakeRow) -> None:
    row = make_row()
    ledger.commit(row)
    assert files(ledger) == [f"{row.trial_id}.json"]
    assert (ledger.rows_folder / f"{row.trial_id}.json").read_text(encoding="utf-8") == to_json(row)


def test_a_kept_model_lies_under_the_name_of_its_trial_and_is_no_row(ledger: Ledger, make_row: MakeRow) -> None:
    row = make_row()
    ledger.commit(row)
    path = ledger.keep_model(row.trial_id, b"old")
    assert ledger.keep_model(row.trial_id, b"content") == path
    assert ledger.models() == {row.trial_id: path}
    assert path.read_bytes() == b"content"
    assert list(ledger.rows()) == [row.trial_id]
    assert [one.name for one in ledger.models_folder.iterdir()] == [path.name]


def test_a_model_that_cannot_be_written_is_an_error_of_one_line(ledger: Ledger, refused: Refused) -> None:
    ledger.models_folder.write_text("in the way")
    with refused(LedgerError, str(ledger.models_folder)):
        ledger.keep_model("x", b"content")


def test_row_committed_again_replaces_the_one_before(ledger: Ledger, make_row: MakeRow) -> None:
    failed, good = make_row(status=Status.FAILED, error="no luck"), make_row()
    ledger.commit(failed)
    ledger.commit(good)
    assert ledger.rows() == {good.trial_id: good}
    assert len(files(ledger)) == 1


def test_rows_can_be_moved_to_another_folder(ledger: Ledger, make_row: MakeRow, tmp_path: Path) -> None:
    ledger.commit(make_row())
    shutil.copytree(ledger.folder, tmp_path / "elsewhere")
    assert Ledger(tmp_path / "elsewhere").rows() == ledger.rows()


@pytest.mark.parametrize("earlier", [False, True])
def test_crash_between_writing_and_renaming_leaves_the_ledger_as_it_was(
    ledger: Ledger, make_row: MakeRow, earlier: bool
) -> None:
    if earlier:
        ledger.commit(make_row(status=Status.FAILED))
    before = ledger.rows()
    kill = "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    assert commit_in_child(ledger, make_row(), before=kill).returncode == -signal.SIGKILL
    assert len(files(ledger)) == len(before) + 1
    assert ledger.rows() == before
    ledger.commit(make_row())
    assert ledger.rows() == {make_row().trial_id: make_row()}


def test_row_is_on_the_disk_before_it_has_its_name(ledger: Ledger, make_row: MakeRow) -> None:
    spy = (
        "def tell(name, real):\n"
        "    def told(*given):\n"
        "        print(name)\n"
        "        return real(*given)\n"
        "    return told\n"
        "os.fsync = tell('fsync', os.fsync)\n"
        "pathlib.Path.replace = tell('rename', pathlib.Path.replace)\n"
    )
    assert commit_in_child(ledger, make_row(), before=spy).stdout.split() == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize("earlier", [False, True])
def test_full_disk_is_told_and_leaves_the_ledger_as_it_was(ledger: Ledger, make_row: MakeRow, earlier: bool) -> None:
    if earlier:
        ledger.commit(make_row(status=Status.FAILED))
    before, names = ledger.rows(), files(ledger)
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    ended = commit_in_child(ledger, make_row(), before=limit)
    assert ended.stderr.splitlines()[-1].startswith("mnist_sweep.errors.LedgerError: row ")
    assert "make space" in ended.stderr.splitlines()[-1]
    assert (ledger.rows(), files(ledger)) == (before, names)


@pytest.mark.parametrize("name", [".0123456789ab-0.json-77", ".nfs0001", ".probe-7", ".DS_Store"])
def test_file_with_a_leading_dot_is_no_row(ledger: Ledger, make_row: MakeRow, name: str) -> None:
    ledger.commit(make_row())
    before = ledger.rows()
    (ledger.rows_folder / name).write_text('{"half a row')
    assert ledger.rows() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("0123456789ab-0.json", b""),
        ("0123456789ab-0.json", b'{"half a row'),
        ("0123456789ab-0.json", b"\xff\xfe\x00"),
        ("0123456789ab-0.json", b"[" * 100_000),
        ("0123456789ab-0.json", b"{}"),
        ("0123456789ab-0.json", b"NaN"),
        ("notes.txt", b"a note"),
        ("0123456789ab-0 (copy).json", b"3"),
    ],
)
def test_file_that_is_no_row_is_named_with_a_way_out(
    ledger: Ledger, make_row: MakeRow, refused: Refused, name: str, content: bytes
) -> None:
    ledger.commit(make_row())
    (ledger.rows_folder / name).write_bytes(content)
    with refused(RowError, str(ledger.rows_folder / name), "is not a row", "move it away"):
        ledger.rows()


def test_folder_among_the_rows_is_named_with_a_way_out(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    ledger.commit(make_row())
    (ledger.rows_folder / "old").mkdir()
    with refused(RowError, str(ledger.rows_folder / "old"), "directory", "move it away"):
        ledger.rows()


def test_link_to_nowhere_among_the_rows_is_named_with_a_way_out(ledger: Ledger, refused: Refused) -> None:
    (ledger.rows_folder / "0123456789ab-0.json").symlink_to("nowhere")
    with refused(RowError, "0123456789ab-0.json", "move it away"):
        ledger.rows()


def test_second_file_of_a_trial_is_named_with_the_trial(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    row = make_row()
    ledger.commit(row)
    copy = ledger.rows_folder / "copy.json"
    copy.write_text(to_json(replace(row, val_accuracy=0.95)), encoding="utf-8")
    with refused(RowError, str(copy), f"row of trial {row.trial_id}", "move it away"):
        ledger.rows()


def test_damaged_row_runs_again_once_it_is_moved_away(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    good, damaged = make_row(), make_row(TrialConfig(seed=1))
    ledger.commit(good)
    ledger.commit(damaged)
    path = ledger.rows_folder / f"{damaged.trial_id}.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.91", "0.99"), encoding="utf-8")
    with refused(RowError, str(path), "digest", "move it away, and the next run runs its trial again"):
        ledger.rows()
    path.rename(ledger.folder / "damaged.json")
    assert ledger.rows() == {good.trial_id: good}


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda ledger, row: ledger.open(), id="open"),
        pytest.param(lambda ledger, row: ledger.commit(row), id="commit"),
        pytest.param(lambda ledger, row: ledger.rows(), id="rows"),
    ],
)
def test_folder_that_cannot_be_is_told(
    make_row: MakeRow, refused: Refused, tmp_path: Path, use: Callable[..., Any]
) -> None:
    (tmp_path / "file").write_text("in the way")
    with refused(LedgerError, str(tmp_path / "file" / "sweep"), "Not a directory"):
        use(Ledger(tmp_path / "file" / "sweep"), make_row())


def test_file_in_the_place_of_the_rows_is_told(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("in the way")
    with refused(LedgerError, str(tmp_path), "Not a directory"):
        Ledger(tmp_path).rows()
    with refused(LedgerError, str(tmp_path), "--results"):
        Ledger(tmp_path).open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_may_not_be_written_is_told(refused: Refused, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with refused(LedgerError, "Permission denied", "--results"):
        Ledger(tmp_path / "sweep").open()


def test_commit_into_a_folder_that_vanished_is_told(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    ledger.rows_folder.rmdir()
    with refused(LedgerError, str(ledger.rows_folder / make_row().trial_id)):
        ledger.commit(make_row())
