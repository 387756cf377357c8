import subprocess
import sys
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.system.driver_lock import Lock

HOLD = """
import sys, time
from pathlib import Path
from mnist_sweep.system.driver_lock import Lock
with Lock(Path(sys.argv[1])) as lock:
    lock.acquire()
    print("held", flush=True)
    time.sleep(600)
"""


def holder(folder: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_comes_second_is_told_who_is_there_and_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with (
            Lock(tmp_path) as lock,
            pytest.raises(LedgerError, match=rf"by process {process.pid} on .* since 2"),
        ):
            lock.acquire()
    finally:
        process.kill()
        process.communicate()
    with Lock(tmp_path) as lock:
        assert lock.acquire()
        assert not lock.acquire()


def test_a_lock_that_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with Lock(tmp_path) as lock:
            assert lock.acquire()
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == []


def test_a_lock_that_is_not_asked_for_touches_nothing(tmp_path: Path) -> None:
    with Lock(tmp_path / "none"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_holder_is_still_a_holder(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        (tmp_path / ".driver.json").write_text("{")
        with Lock(tmp_path) as lock, pytest.raises(LedgerError, match="in use by another process: wait"):
            lock.acquire()
    finally:
        process.kill()
        process.communicate()
