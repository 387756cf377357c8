"""Laws of the ledger: a committed row survives, and nothing else is ever taken for one."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_sweep import Adam
from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.damaged_rows import move_damaged
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.row_json import to_json
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.conftest import MakeRow, Refused
from tests.other_user import printed_as_its_owner
from tests.results.test_row_json import forged, of_format_1

WAY_OUT = "moves damaged files to"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path / "results" / "sweep")
    opened.open()
    return opened


def commit_in_child(ledger: Ledger, row: TrialRow, *, before: str) -> "subprocess.CompletedProcess[str]":
    """Commit a row in a process of its own, in which these statements run first."""
    code = (
        "import os, pathlib, resource, signal, sys\n"
        "from mnist_sweep.results.ledger import Ledger\n"
        "from mnist_sweep.results.row_json import from_json\n"
        f"{before}\n"
        "Ledger(pathlib.Path(sys.argv[1])).commit(from_json(sys.stdin.read()))\n"
    )
    # Python 3.11 keeps the cut-off bytecode of a module that it compiles while files are limited, hence -B.
    command = [sys.executable, "-B", "-P", "-c", code, str(ledger.folder)]
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


def test_a_ledger_is_opened_by_several_at_a_time(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ledger.open(), range(1000)))
    assert files(ledger) == []


def test_committed_rows_come_back_by_id_in_the_order_of_ids(ledger: Ledger, make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(num_steps=steps, seed=seed)) for steps in (5, 6, 7) for seed in (1, 0)]
    for row in rows:
        ledger.commit(row)
    assert ledger.rows() == {row.trial_id: row for row in rows}
    assert list(ledger.rows()) == sorted(row.trial_id for row in rows)


def test_changes_are_rows_that_are_new_replaced_damaged_or_gone_since_the_last_look(
    ledger: Ledger, make_row: MakeRow
) -> None:
    seen: dict[str, int] = {}
    failed, good = make_row(status=Status.FAILED, error="no luck"), make_row()
    assert list(ledger.changes(seen)) == []
    ledger.commit(failed)
    assert list(ledger.changes(seen)) == [(failed.trial_id, failed)]
    assert list(ledger.changes(seen)) == []
    ledger.commit(good)
    assert list(ledger.changes(seen)) == [(good.trial_id, replace(good, history=()))]
    path = ledger.rows_folder / f"{good.trial_id}.json"
    path.unlink()
    path.with_name("torn.json").write_text("{")
    (name, row), (torn, bad) = ledger.changes(seen)
    assert (name, row, torn, getattr(bad, "fault", "")) == (good.trial_id, None, "torn", "damaged")


def test_one_row_is_read_with_its_curve_or_refused_by_name(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    row = make_row()
    with refused(RowError, f"{row.trial_id}.json", "No such file"):
        ledger.row(row.trial_id)
    ledger.commit(row)
    assert ledger.row(row.trial_id) == row


def test_row_lies_alone_under_its_own_name(ledger: Ledger, make_row: MakeRow) -> None:
    row = make_row()
    ledger.commit(row)
    assert files(ledger) == [f"{row.trial_id}.json"]
    assert (ledger.rows_folder / f"{row.trial_id}.json").read_text(encoding="utf-8") == to_json(row)


def test_a_kept_model_lies_under_the_name_of_its_trial_and_is_no_row(ledger: Ledger, make_row: MakeRow) -> None:
    row = make_row()
    ledger.commit(row)
    path = ledger.write_model(row.trial_id, b"old")
    assert ledger.write_model(row.trial_id, b"content") == path
    assert ledger.models() == {row.trial_id: path}
    assert path.read_bytes() == b"content"
    assert list(ledger.rows()) == [row.trial_id]
    assert [one.name for one in ledger.models_folder.iterdir()] == [path.name]


def test_a_model_that_cannot_be_written_is_an_error_of_one_line(ledger: Ledger, refused: Refused) -> None:
    ledger.models_folder.write_text("in the way")
    with refused(LedgerError, str(ledger.models_folder)):
        ledger.write_model("x", b"content")


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
    assert re.fullmatch(r"error: .*: row .* cannot be written \(File too large\): make space, .*\n", ended.stderr)
    assert "make space, then run the same command" in ended.stderr.splitlines()[-1]
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
    with refused(RowError, f"1 of 2 files in {ledger.rows_folder} is not a row: {name} (it is ", WAY_OUT):
        ledger.rows()


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (Path.mkdir, "it is a directory"),
        (lambda path: path.symlink_to("nowhere"), "it is a link to nothing"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a special file"),
        (os.mkfifo, "it is a special file"),
    ],
    ids=["folder", "link to nowhere", "link to a device", "pipe"],
)
def test_what_is_no_file_among_the_rows_is_named_and_not_waited_for(
    ledger: Ledger, make_row: MakeRow, refused: Refused, make: Callable[[Path], None], cause: str
) -> None:
    ledger.commit(make_row())
    make(ledger.rows_folder / "0123456789ab-0.json")
    with refused(RowError, f"0123456789ab-0.json ({cause})", WAY_OUT):
        ledger.rows()


@pytest.mark.parametrize("name", ["{} (1).json", "{}.JSON", "{}", "{}.json~", "copy of {}.json"])
def test_row_under_another_name_than_its_own_is_named_with_its_trial(
    ledger: Ledger, make_row: MakeRow, refused: Refused, name: str
) -> None:
    row = make_row()
    ledger.commit(row)
    copy = ledger.rows_folder / name.format(row.trial_id)
    copy.write_text(to_json(replace(row, val_accuracy=0.95)), encoding="utf-8")
    with refused(RowError, f"{copy.name} (it holds the row of trial {row.trial_id})", WAY_OUT):
        ledger.rows()


def test_row_whose_config_spells_a_number_otherwise_than_its_id_is_named(
    ledger: Ledger, make_row: MakeRow, refused: Refused
) -> None:
    row = make_row(TrialConfig(optimizer=Adam(learning_rate=1.0)))
    text = forged(row, config={**row.config, "optimizer.learning_rate": 1})
    (ledger.rows_folder / f"{row.trial_id}.json").write_text(text, encoding="utf-8")
    with refused(RowError, f"its config does not match its id {row.trial_id}", WAY_OUT):
        ledger.rows()


def test_all_bad_files_are_counted_and_the_first_three_named(
    ledger: Ledger, make_row: MakeRow, refused: Refused
) -> None:
    ledger.commit(make_row())
    for number in range(1200):
        (ledger.rows_folder / f"note-{number:04}.txt").touch()
    with refused(RowError, "1,200 of 1,201 files", "note-0000.txt (", "note-0002.txt (", "), 1,197 more; ", WAY_OUT):
        ledger.rows()
    with pytest.raises(RowError) as caught:
        ledger.rows()
    assert "note-0003" not in str(caught.value)


def test_good_rows_are_told_from_bad_files_without_an_error(ledger: Ledger, make_row: MakeRow) -> None:
    ledger.commit(make_row())
    (ledger.rows_folder / "notes.txt").write_text("a note")
    rows, bad = ledger.inspect()
    assert rows == {make_row().trial_id: make_row()}
    assert [(one.path, one.fault) for one in bad] == [(ledger.rows_folder / "notes.txt", "damaged")]


@pytest.mark.parametrize("name", ["two\nlines.json", "\x1b[31mred.json", "caf\udce9.json"])
def test_name_that_does_not_print_is_written_out(ledger: Ledger, refused: Refused, name: str) -> None:
    (ledger.rows_folder / name).touch()
    with refused(RowError, ascii(name)[1:-1], WAY_OUT):
        ledger.rows()


def test_cause_that_quotes_the_file_is_short_and_prints(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    text = forged(make_row(), status="\n\x1b[31m" * 100_000)
    (ledger.rows_folder / "0123456789ab-0.json").write_text(text, encoding="utf-8")
    with refused(RowError, "its fields are not those of a row", WAY_OUT):
        ledger.rows()
    with pytest.raises(RowError) as caught:
        ledger.rows()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


NEWER = [
    pytest.param({"version": "99.0.0", "temperature": 20.5}, id="a field more"),
    pytest.param({"version": version("mnist-sweep"), "temperature": 20.5}, id="a field more, in the same version"),
    pytest.param({"version": "99.0.0", "status": "pruned"}, id="another status"),
    pytest.param({"version": "99.0.0", "history": {"step": [], "val_top5": []}}, id="another curve"),
    pytest.param({"version": "99.0.0", "steps": 10.5}, id="another kind of figure"),
]


@pytest.mark.parametrize("changed", NEWER)
def test_row_of_a_newer_version_is_named_and_kept_for_it(
    ledger: Ledger, make_row: MakeRow, refused: Refused, changed: dict[str, Any]
) -> None:
    row = make_row()
    path = ledger.rows_folder / f"{row.trial_id}.json"
    path.write_text(forged(row, **changed), encoding="utf-8")
    with refused(RowError, path.name, "need that version: upgrade it"):
        ledger.rows()
    with pytest.raises(RowError) as caught:
        ledger.rows()
    assert "mend" not in str(caught.value)
    assert move_damaged(ledger.folder) == []
    assert path.exists()


def test_row_of_an_older_version_with_a_field_that_no_version_knew_is_moved_away(
    ledger: Ledger, make_row: MakeRow, refused: Refused
) -> None:
    row = make_row()
    path = ledger.rows_folder / f"{row.trial_id}.json"
    path.write_text(forged(row, version="0.1.0", temperature=20.5), encoding="utf-8")
    with refused(RowError, path.name, "does not know: temperature", "mnist-sweep mend"):
        ledger.rows()
    assert [moved.source for moved in move_damaged(ledger.folder)] == [path]
    assert ledger.rows() == {}


def test_format_of_a_newer_version_is_told_from_a_damaged_number(ledger: Ledger, make_row: MakeRow) -> None:
    row, path = make_row(version=version("mnist-sweep")), ledger.rows_folder / "0123456789ab-0.json"
    faults = []
    for made_by in (row, replace(row, version="99.0.0")):
        path.write_text(to_json(made_by).replace('"format": 2', '"format": 3'), encoding="utf-8")
        faults += [bad.fault for bad in ledger.inspect()[1]]
    assert faults == ["damaged", "newer"]


def test_row_of_an_older_version_lacks_fields_and_is_read(ledger: Ledger, make_row: MakeRow) -> None:
    row, other = make_row(), make_row(TrialConfig(seed=1))
    lacking = dict.fromkeys(("num_test", "worker", "environment", "error", "traceback"), ...)
    (ledger.rows_folder / f"{row.trial_id}.json").write_text(forged(row, **lacking), encoding="utf-8")
    (ledger.rows_folder / f"{other.trial_id}.json").write_text(json.dumps(of_format_1(other)), encoding="utf-8")
    assert ledger.rows() == {row.trial_id: replace(row, num_test=None, worker=None), other.trial_id: other}


def as_its_owner(folder: Path, code: str) -> list[str]:
    """Run code on a ledger in a folder, in a process that may do there what its owner may."""
    head = (
        "import pathlib\n"
        "from mnist_sweep.errors import LedgerError, RowError\n"
        "from mnist_sweep.results.ledger import Ledger\n"
        "from mnist_sweep.results.damaged_rows import move_damaged\n"
        "ledger = Ledger(pathlib.Path('sweep'))\n"
    )
    return printed_as_its_owner(folder, head, code)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a new folder that another user could reach, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_row_that_may_not_be_read_is_named_and_stays(reachable: Path, make_row: MakeRow) -> None:
    ledger = Ledger(reachable / "sweep")
    ledger.open()
    ledger.commit(make_row())
    path = ledger.rows_folder / f"{make_row().trial_id}.json"
    path.chmod(0)
    read = "try:\n    ledger.rows()\nexcept RowError as error:\n    print(error)\nprint(move_damaged(ledger.folder))\n"
    message, moved = as_its_owner(reachable, read)
    assert f"{path.name} (" in message
    assert "Permission denied" in message
    assert "need other permissions, or the disk repaired" in message
    assert moved == "[]"
    assert path.exists()


def test_row_that_the_disk_does_not_give_is_named_and_stays(ledger: Ledger, refused: Refused) -> None:
    path = ledger.rows_folder / "0123456789ab-0.json"
    path.symlink_to(path.name)
    with refused(RowError, "symbolic links", "need other permissions, or the disk repaired"):
        ledger.rows()
    assert move_damaged(ledger.folder) == []
    assert path.is_symlink()


def digested(content: dict[str, Any]) -> str:
    """Return the text of a row of version 0.1.0 with the digest that fits."""
    kept = {name: value for name, value in content.items() if name != "digest" and value is not ...}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return json.dumps({**kept, "digest": hashlib.sha256(text.encode()).hexdigest()[:16]})


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
POINT = st.fixed_dictionaries(dict.fromkeys(Evaluation._fields, SCALARS))
COLUMNS = st.fixed_dictionaries(dict.fromkeys(Evaluation._fields, st.lists(SCALARS, min_size=1, max_size=1)))
CHANGES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from([*(item.name for item in fields(TrialRow)), "unheard_of"]), JSON | st.just(...), max_size=3
) | st.builds(dict, history=COLUMNS | st.lists(POINT, max_size=2) | JSON)


@st.composite
def contents(draw: st.DrawFn, row: TrialRow) -> bytes:
    """Draw what a row's file might hold: anything, the row with a piece replaced, or other fields with their digest."""
    text = to_json(row).encode()
    place, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return draw(
        st.binary(max_size=50)
        | st.binary(max_size=5).map(lambda piece: text[:place] + piece + text[end:])
        | CHANGES.map(lambda changed: forged(row, **changed).encode())
        | CHANGES.map(lambda changed: digested(of_format_1(row) | changed).encode())
    )


@pytest.mark.parametrize("max_examples", [60, pytest.param(150, marks=pytest.mark.slow)])
def test_whatever_a_file_holds_it_is_told_in_one_line_or_is_a_row_that_fits_the_tables(
    ledger: Ledger, make_row: MakeRow, max_examples: int
) -> None:
    row = make_row(TrialConfig(seed=1))

    @settings(max_examples=max_examples, deadline=None, derandomize=True)
    @given(content=contents(row), with_history=st.booleans())
    def hold(content: bytes, with_history: bool) -> None:
        (ledger.rows_folder / f"{row.trial_id}.json").write_bytes(content)
        rows, bad = ledger.inspect(with_history=with_history)
        assert len(rows) + len(bad) == 1
        assert all(one.cause.isprintable() and one.fault in {"damaged", "newer"} for one in bad)
        assert all(read.config == row.config for read in rows.values())
        if rows:
            write_tables(ledger.folder, rows.values())

    hold()


SHARE, FIGURE = st.floats(0, 1), st.none() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = (FIGURE, st.none() | SHARE, FIGURE, st.none() | SHARE, FIGURE, st.floats(0, 1e10))
POINTS = st.builds(Evaluation, st.integers(0, 2**63 - 1), *VALUES, FIGURE)
ROWS = st.fixed_dictionaries(
    {
        "val_accuracy": SHARE,
        "val_loss": FIGURE,
        "test_accuracy": SHARE,
        "parameters": st.none() | st.integers(0, 2**63 - 1),
        "error": st.none() | st.text(st.characters()),
        "history": st.lists(POINTS, max_size=3, unique_by=lambda point: point.step).map(sorted).map(tuple),
    }
)


COMMITS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(list(Status)), ROWS), min_size=1, max_size=6)


@pytest.mark.parametrize("max_examples", [30, pytest.param(50, marks=pytest.mark.slow)])
def test_the_last_row_committed_of_each_trial_comes_back_bit_for_bit(
    make_row: MakeRow, tmp_path_factory: pytest.TempPathFactory, max_examples: int
) -> None:
    @settings(max_examples=max_examples, deadline=None, derandomize=True)
    @given(commits=COMMITS)
    def hold(commits: list[tuple[int, Status, dict[str, Any]]]) -> None:
        ledger = Ledger(tmp_path_factory.mktemp("ledger"))
        ledger.open()
        last = {}
        for seed, status, figures in commits:
            row = make_row(TrialConfig(seed=seed), status, **figures)
            ledger.commit(row)
            last[row.trial_id] = row
        assert repr(ledger.rows()) == repr({trial_id: last[trial_id] for trial_id in sorted(last)})

    hold()


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


def test_folder_that_ray_removes_after_its_job_is_refused(refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "working_dir_files" / "_ray_pkg_1" / "results" / "digits"
    with refused(LedgerError, str(folder), "this Ray job", "--results"):
        Ledger(folder).open()
    assert not folder.exists()


def test_file_in_the_place_of_the_rows_is_told(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("in the way")
    with refused(LedgerError, str(tmp_path), "Not a directory"):
        Ledger(tmp_path).rows()
    with refused(LedgerError, str(tmp_path), "move away what is in its place, or choose another"):
        Ledger(tmp_path).open(", or choose another")


def test_folder_that_may_not_be_written_is_told(reachable: Path) -> None:
    reachable.chmod(0o500)
    (message,) = as_its_owner(reachable, "try:\n    ledger.open()\nexcept LedgerError as error:\n    print(error)\n")
    assert "(Permission denied: " in message
    assert message.endswith(": change the permissions of the folder.")


@pytest.mark.parametrize("name", ["rows", "models", "predictions"])
def test_folder_that_only_another_user_may_write_is_named_before_a_trial_trains(reachable: Path, name: str) -> None:
    Ledger(reachable / "sweep").open()
    (reachable / "sweep" / name).mkdir(exist_ok=True)
    (reachable / "sweep" / name).chmod(0o555)
    code = "os.geteuid = lambda: -1\ntry:\n    ledger.open()\nexcept LedgerError as error:\n    print(error)\n"
    (message,) = as_its_owner(reachable, code)
    assert f"(Permission denied: sweep/{name} belongs to {reachable.owner()}): change the permissions" in message


def test_commit_into_a_folder_that_vanished_is_told(ledger: Ledger, make_row: MakeRow, refused: Refused) -> None:
    ledger.rows_folder.rmdir()
    with refused(LedgerError, str(ledger.rows_folder / make_row().trial_id)):
        ledger.commit(make_row())


def test_file_that_is_too_large_for_a_row_is_named_and_not_read(ledger: Ledger, refused: Refused) -> None:
    with (ledger.rows_folder / "a-0.json").open("wb") as file:
        file.truncate(10 << 30)
    with refused(RowError, "a-0.json (it has 11 GB, more than the 34 MB allowed)", WAY_OUT):
        ledger.rows()


def test_row_that_could_not_be_read_again_is_not_committed(
    ledger: Ledger, make_row: MakeRow, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_sweep.results.ledger.MAX_BYTES", 1000)
    with refused(LedgerError, "more than the 1 kB allowed: evaluate or log less often"):
        ledger.commit(make_row())
    assert files(ledger) == []
