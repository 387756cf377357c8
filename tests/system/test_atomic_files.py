"""Laws of atomic writes: the old content or the new, never a part, and nothing left behind."""

import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.atomic_files import (
    is_file,
    is_folder,
    make_folder,
    read_json,
    read_regular,
    remove_unfinished,
    replacing,
    unused,
    write_atomically,
    write_json,
)
from tests.conftest import Refused


@pytest.mark.parametrize("durable", [False, True])
def test_old_content_stays_until_the_body_has_succeeded(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    with replacing(path, durable=durable) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cause", [errno.EINVAL, errno.EIO])
def test_a_file_system_without_fsync_of_folders_is_used_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: int
) -> None:
    flush = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(cause, os.strerror(cause))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with contextlib.nullcontext() if cause == errno.EINVAL else pytest.raises(LedgerError, match="repair the disk"):
        write_atomically(tmp_path / "a.json", b"{}", "row")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_body_that_fails_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fails() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fails()
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"a.csv": b"old"}


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with replacing(path) as outer:
        outer.write(b"outer")
        write_atomically(path, b"inner", "table")
        assert path.read_bytes() == b"inner"
    assert path.read_bytes() == b"outer"


def test_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "nowhere" / "a.csv"
    with refused(LedgerError, f"table {path} cannot be written (No such file or directory)"):
        write_atomically(path, b"new", "table")


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from mnist_sweep.system.atomic_files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path / "a.json")], check=False)
    assert ended.returncode == -signal.SIGKILL
    others = [".nfs0001", ".lock", "b.json-77", ".c.txt-77"]
    inner = tmp_path / "rows" / ".inner.json-77"
    inner.parent.mkdir()
    for path in (inner, *(tmp_path / name for name in [".older.json-77", *others])):
        path.touch()
    assert len(list(tmp_path.iterdir())) == len(others) + 3
    remove_unfinished(tmp_path)
    inner.parent.rmdir()
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(others)


def test_fields_come_back_from_json_and_a_file_that_holds_others_is_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "new" / "plan.json"
    assert read_json(path, dict, max_bytes=100, way_out="delete it") is None
    write_json(path, {"a": 1, "b.c": [0.5, None]}, "plan")
    assert read_json(path, dict, max_bytes=100, way_out="delete it") == {"a": 1, "b.c": [0.5, None]}
    for content in (b"{", b"[1]", b"\xff", b"[" * 90):
        path.write_bytes(content)
        with refused(LedgerError, str(path), "damaged", "delete it."):
            read_json(path, dict, max_bytes=100, way_out="delete it")
    with refused(LedgerError, str(path), "cannot be read", "90 B"):
        read_json(path, dict, max_bytes=10, way_out="delete it")


def test_folder_that_cannot_be_made_is_an_error_of_one_line(tmp_path: Path, refused: Refused) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with refused(LedgerError, f"{tmp_path / 'file' / 'c'} cannot be made (Not a directory)"):
        make_folder(tmp_path / "file" / "c")


def test_regular_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(path)
    assert read_regular(path) == read_regular(path, 5) == read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="it has 5 B, more than the 4 B allowed"):
        read_regular(path, 4)
    with pytest.raises(OSError, match="symbolic link"):
        read_regular(tmp_path / "link", follow_links=False)


def test_what_might_never_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="it is a special file"):
            read_regular(path)
    assert read_regular("/proc/self/mounts") == b""  # a file of the system's own has no size, and may have no end
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "make space, then run the same command to resume"),
        (errno.EROFS, "make the file system writable, then"),
        (errno.EACCES, "change the permissions of the folder, then"),
        (errno.ENOENT, "make or restore the folder, which is not there, then"),
        (errno.ENAMETOOLONG, "choose a shorter path, then"),
        (errno.EIO, "repair the disk, then"),
    ],
)
def test_error_of_a_write_names_the_remedy_of_its_cause(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    with refused(LedgerError, f"({os.strerror(number)}): {says}"):
        write_atomically(tmp_path / "a.csv", b"new", "table")


def test_a_name_that_is_too_long_exists_nowhere(tmp_path: Path) -> None:
    assert not is_folder(tmp_path / ("a" * 300))
    assert not is_file(tmp_path / ("a" * 300))
    assert is_folder(tmp_path)


def test_an_unused_name_is_the_given_one_or_the_first_with_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    assert unused(path, "-") == path
    path.symlink_to("nowhere")
    (tmp_path / "rows-2").touch()
    assert unused(path, "-") == tmp_path / "rows-3"
