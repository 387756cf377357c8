import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.system.child_process import ChildProcess


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended, which nobody may be there to wait for."""
    deadline = time.monotonic() + 60
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def handlers() -> list[Any]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # under nohup the last one is ignored, which is as good
    return [signal.getsignal(number) is not signal.SIG_DFL for number in numbers]


def main_file() -> Any:
    return getattr(sys.modules["__main__"], "__file__", None)


def handlers_of_a_copy() -> int:
    if (pid := os.fork()) == 0:
        signal.pause()
    time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_signals_to_the_whole_group_are_left_to_the_parent() -> None:
    with ChildProcess() as child:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(child.pid, number)
        assert child.call(handlers) == [True, True, True]
        assert child.call(handlers_of_a_copy) == -signal.SIGTERM


def test_classes_of_the_main_script_are_named_after_its_file() -> None:
    with ChildProcess() as child:
        assert child.call(main_file) == getattr(sys.modules["__main__"], "__file__", None)


def sleeping() -> Generator[int, None, None]:
    yield subprocess.Popen(["sleep", "600"]).pid
    time.sleep(600)


def holding_the_gil() -> Generator[int, None, None]:
    yield os.getpid()
    re.match("(a+)+$", "a" * 100 + "b")


@pytest.mark.parametrize(
    ("function", "how"),
    [
        (sleeping, signal.SIGKILL),
        (sleeping, signal.SIGTERM),
        pytest.param(holding_the_gil, signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_it_and_its_own_end_with_its_parent_however_that_ends(function: Callable[[], Any], how: int) -> None:
    code = f"""
from mnist_sweep.system.child_process import ChildProcess
from tests.system import test_child_main

child = ChildProcess()
running = child.run(test_child_main.{function.__name__})
print(child.pid, next(running), flush=True)
while True: next(running)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = map(int, parent.stdout.readline().split())
        parent.send_signal(how)
    for pid in pids:
        wait_for_end(pid)
