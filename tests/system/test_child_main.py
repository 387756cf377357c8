import contextlib
import os
import signal
import subprocess
import sys
import time
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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_however_that_ends(how: int) -> None:
    code = """
import time
from mnist_sweep.system.child_process import ChildProcess

child = ChildProcess()
child._send("run", 0, time.sleep, [100])
print(child.pid, flush=True)
time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(how)
    wait_for_end(pid)
