import contextlib
import errno
import fcntl
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.folder_lock import Lock, held_since
from tests.conftest import Refused

HOLD = """
import sys, time
from pathlib import Path
from mnist_sweep.system.folder_lock import Lock
with Lock(Path(sys.argv[1])) as lock:
    lock.acquire()
    print("held", flush=True)
    time.sleep(600)
"""
SINCE = "2026-01-01T00:00:00+00:00"
HELD = '{"host": "HOST", "pid": %s, "since": "SINCE"}'


@contextlib.contextmanager
def holder(folder: Path) -> Iterator[int]:
    """Let another process hold the lock, until it is killed; give its id."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process.pid
        finally:
            process.kill()


def test_who_comes_second_is_told_who_is_there_and_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    with (
        holder(tmp_path) as pid,
        Lock(tmp_path) as lock,
        pytest.raises(LedgerError, match=rf"by process {pid} on .* since 2"),
    ):
        lock.acquire()
    with Lock(tmp_path) as lock:
        assert lock.acquire()
        assert not lock.acquire()


def test_a_lock_that_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with Lock(tmp_path) as lock:
            assert lock.acquire()
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == []


def test_a_file_system_without_locks_is_named_with_the_way_out(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)
    with refused(LedgerError, "(No locks available): let its file system lock files (flock)"), Lock(tmp_path) as lock:
        lock.acquire()


def test_a_lock_that_is_not_asked_for_touches_nothing(tmp_path: Path) -> None:
    with Lock(tmp_path / "none"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_holder_is_still_a_holder(tmp_path: Path) -> None:
    with holder(tmp_path), Lock(tmp_path) as lock:
        (tmp_path / ".driver.json").write_text("{")
        with pytest.raises(LedgerError, match="in use by another process: wait"):
            lock.acquire()


def test_a_lock_of_another_user_needs_no_right_to_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".lock").touch(mode=0o444)
    opened = os.open

    def denied(path: "os.PathLike[str]", flags: int, *rest: int) -> int:
        if flags & os.O_RDWR and Path(path).name == ".lock":  # root may write all the same
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *rest)

    monkeypatch.setattr(os, "open", denied)
    with Lock(tmp_path) as lock:
        assert lock.acquire()
        with Lock(tmp_path) as other, pytest.raises(LedgerError, match="in use by process"):
            other.acquire()


@pytest.mark.parametrize(("folder", "file"), [(0o755, 0o644), (0o775, 0o664), (0o777, 0o666)])
def test_who_may_write_to_the_folder_may_write_the_lock(tmp_path: Path, folder: int, file: int) -> None:
    tmp_path.chmod(folder)
    with Lock(tmp_path) as lock:
        lock.acquire()
    assert (tmp_path / ".lock").stat().st_mode & 0o777 == file


@pytest.mark.parametrize("name", [".lock", ".driver.json"])
def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / name).symlink_to(victim)
    with Lock(tmp_path / "sweep") as lock, contextlib.suppress(LedgerError):
        lock.acquire()
    assert victim.read_text() == "precious"


def test_a_lock_excludes_earlier_versions_which_lock_the_same_file(tmp_path: Path) -> None:
    with Lock(tmp_path) as lock, (tmp_path / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="in use by another process"):
            lock.acquire()


def test_a_lock_seems_held_as_long_as_its_holder_lives_and_is_not_touched(tmp_path: Path) -> None:
    assert not held_since(tmp_path)
    with holder(tmp_path):
        assert held_since(tmp_path)
    assert not held_since(tmp_path)
    with Lock(tmp_path) as lock:
        assert lock.acquire()
        assert abs((held_since(tmp_path) or 0.0) - time.time()) < 60
    assert not held_since(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"since": "SINCE"}', *(HELD % pid for pid in ('"x"', "1e30"))])
def test_a_damaged_record_of_the_holder_is_that_of_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".driver.json").write_text(text.replace("HOST", platform.node()).replace("SINCE", SINCE))
    assert not held_since(tmp_path)
