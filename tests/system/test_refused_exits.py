import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from mnist_sweep.system import refused_exits
from mnist_sweep.system.refused_exits import FAILED, ProcessExitError


@pytest.fixture
def _refused() -> Iterator[None]:
    assert refused_exits.refuse()
    yield
    refused_exits.allow()


@pytest.mark.usefixtures("_refused")
@pytest.mark.parametrize(
    ("name", "arguments", "call"),
    [
        ("_exit", {"status": 0}, "os._exit(0)"),
        ("_exit", (0,), "os._exit(0)"),
        ("execv", ("/bin/true", ["true"]), "os.execv('/bin/true')"),
        ("execve", ("/bin/true", ["true"], {}), "os.execve('/bin/true')"),
    ],
)
def test_a_call_that_would_end_the_process_raises_its_name(name: str, arguments: Any, call: str) -> None:
    with pytest.raises(ProcessExitError) as caught:
        getattr(os, name)(**arguments) if isinstance(arguments, dict) else getattr(os, name)(*arguments)
    assert str(caught.value) == call


def test_a_refusal_is_made_once_and_undone() -> None:
    before = os._exit, os.execv, os.execve
    assert refused_exits.refuse()
    assert not refused_exits.refuse()
    refused_exits.allow()
    assert (os._exit, os.execv, os.execve) == before


def test_only_what_kills_this_process_is_refused() -> None:
    assert refused_exits.refuse(names=["kill"])
    try:
        with pytest.raises(ProcessExitError, match=r"os.kill\(SIGKILL to itself\)"):
            os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), 0)
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
            os.kill(other.pid, signal.SIGKILL)
        assert other.returncode == -signal.SIGKILL
    finally:
        refused_exits.allow()


def ended(code: str) -> "subprocess.CompletedProcess[str]":
    head = "import os, sys, threading\nfrom mnist_sweep.system import refused_exits\n"
    return subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=False)


def test_a_thread_ends_the_process_with_a_word_and_not_with_0() -> None:
    process = ended(
        "refused_exits.refuse()\nthreading.Thread(target=lambda: os._exit(0)).start()\nthreading.Event().wait()"
    )
    word = "error: a thread of your code ends this process with os._exit(0)\n"
    assert (process.returncode, process.stderr) == (FAILED, word)


def test_a_forked_copy_may_end() -> None:
    process = ended("refused_exits.refuse()\nos.fork() or os._exit(7)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))")
    assert (process.returncode, process.stdout) == (0, "7\n")


def test_a_forked_copy_that_returns_is_ended_and_this_process_is_not() -> None:
    code = "pid = os.getpid()\nos.fork()\nrefused_exits.end_copy(pid)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))"
    process = ended(code)
    assert (process.returncode, process.stdout) == (0, f"{FAILED}\n")


def test_an_exit_handler_does_not_change_the_status() -> None:
    process = ended("import atexit\natexit.register(lambda: os._exit(0))\nrefused_exits.refuse()\nsys.exit(3)")
    assert process.returncode == 3


@pytest.mark.parametrize("streams", ["None", "open('/dev/full', 'w')", "open(os.devnull)"])
def test_a_thread_can_end_the_process_whatever_its_streams_are(streams: str) -> None:
    code = f"sys.stdout = sys.stderr = {streams}\nrefused_exits.end_process('the main thread hangs')"
    assert ended(code).returncode == FAILED
