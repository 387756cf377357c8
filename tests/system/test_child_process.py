"""Laws of child processes; what runs in them is imported from here."""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.errors import ConfigError, ProcessLostError, SweepError
from mnist_sweep.system import child_process
from mnist_sweep.system.child_process import ChildProcess
from mnist_sweep.training.fitting import consume
from tests.system.test_child_main import wait_for_end

HERE = Path(__file__).name


class PausedError(BaseException):
    """What is thrown into a run."""


def counting(number: int) -> Generator[int, None, int]:
    yield from range(number)
    return os.getpid()


def endless() -> Generator[int, None, None]:
    try:
        while True:
            time.sleep(0.01)
            yield 1
    except PausedError as paused:
        paused.add_note("as far as 1")
        raise


def obeying_later() -> Generator[int, None, None]:
    """Yield some items more before what was thrown in is raised again."""
    thrown = None
    for _ in range(100):
        time.sleep(0.01)
        try:
            yield 1
        except PausedError as paused:
            thrown = paused
            break
    yield from (2, 3)
    if thrown:
        raise thrown


def deaf() -> Generator[int, None, None]:
    yield 1
    time.sleep(60)


def throw(running: Generator[Any, None, Any]) -> None:
    running.throw(PausedError())
    for _ in running:
        pass


def describing() -> tuple[list[str], list[str], int]:
    return sys.path, sys.argv, sys.flags.dont_write_bytecode


def printing() -> None:
    sys.stdout.write("to the output: ü\n")
    os.write(2, b"to the errors\n")


def registering() -> None:
    atexit.register(sys.stdout.write, "the end")
    threading.Timer(0.1, lambda: sys.stdout.write("a thread, ")).start()


def forking() -> int:
    if os.fork() == 0:
        return 0
    os.wait()
    return 1


def leaving_a_copy() -> int:
    if (copy := os.fork()) == 0:
        time.sleep(600)
    return copy


def starting() -> Generator[int, None, None]:
    program = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout
        yield started.pid
        yield int(started.stdout.readline())


def raising(error: BaseException) -> None:
    raise error


def aborting() -> None:
    os.abort()


def crashing() -> None:
    ctypes.string_at(0)


def alarmed() -> None:
    signal.alarm(1)
    time.sleep(60)


def killed() -> None:
    signal.raise_signal(signal.SIGKILL)


def killed_in_real_time() -> None:
    signal.raise_signal(signal.SIGRTMIN + 1)


def ending_in_a_thread() -> None:
    threading.Thread(target=lambda: os._exit(0)).start()
    time.sleep(60)


def ending_in_c() -> None:
    ctypes.CDLL(None).exit(0)


@pytest.fixture(scope="module")
def child() -> Iterator[ChildProcess]:
    with ChildProcess() as child:
        yield child


def test_items_and_result_come_from_another_process(child: ChildProcess) -> None:
    items: list[int | None] = []
    assert consume(child.run(counting, 3), items.append) == child.pid != os.getpid()
    assert [item for item in items if item is not None] == [0, 1, 2]  # None on a slow machine


def test_it_has_the_path_the_arguments_and_the_options_of_this_process(child: ChildProcess) -> None:
    assert child.call(describing) == (sys.path, sys.argv, sys.flags.dont_write_bytecode)


def test_what_is_thrown_in_arrives_and_comes_back_with_its_notes(child: ChildProcess) -> None:
    running = child.run(endless)
    next(running)
    with pytest.raises(PausedError) as caught:
        throw(running)
    assert caught.value.__notes__ == ["as far as 1"]
    assert child.call(counting, 0) == child.pid


def test_what_is_thrown_in_comes_back_after_other_items(child: ChildProcess) -> None:
    running = child.run(obeying_later)
    assert next(running) == 1
    with pytest.raises(PausedError):
        throw(running)
    assert next(child.run(counting, 1)) == 0


def test_a_run_that_is_closed_leaves_the_process_for_the_next_one(child: ChildProcess) -> None:
    running = child.run(endless)
    next(running)
    running.close()
    assert child.call(counting, 0) == child.pid


def test_errors_come_as_they_are_if_they_are_ours_and_as_one_line_if_not(child: ChildProcess) -> None:
    with pytest.raises(ConfigError, match=r"^a rule$"):
        child.call(raising, ConfigError("a rule"))
    for error in (ValueError("a value"), SystemExit("a value"), KeyboardInterrupt("a value")):
        with pytest.raises(SweepError, match=rf"^{type(error).__name__}: a value \({HERE}:\d+\)$"):
            child.call(raising, error)
    assert child.call(counting, 0) == child.pid


def test_a_forked_copy_is_not_heard(child: ChildProcess) -> None:
    assert child.call(forking) == 1
    assert child.call(counting, 0) == child.pid


def test_a_forked_copy_ends_with_it() -> None:
    with ChildProcess() as child:
        copy = child.call(leaving_a_copy)
        assert child.call(counting, 0) == child.pid
        os.kill(copy, 0)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{copy}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_it_prints_is_printed_here(capfd: pytest.CaptureFixture[str]) -> None:
    with ChildProcess() as child:
        child.call(printing)
    assert capfd.readouterr() == ("to the output: ü\n", "to the errors\n")


def test_it_ends_when_its_threads_and_exit_handlers_have(capfd: pytest.CaptureFixture[str]) -> None:
    with ChildProcess() as child:
        child.call(registering)
    assert capfd.readouterr() == ("a thread, the end", "")


@pytest.mark.parametrize(
    ("function", "cause", "is_own_doing"),
    [
        (aborting, rf"was killed by SIGABRT \({HERE}:\d+\)", True),
        (crashing, rf"was killed by SIGSEGV \({HERE}:\d+\)", True),
        (alarmed, rf"was killed by SIGALRM \({HERE}:\d+\)", True),
        (killed, "was killed by SIGKILL, by someone or because memory ran out", False),
        (killed_in_real_time, f"was killed by signal {signal.SIGRTMIN + 1}", False),
        (ending_in_a_thread, rf"ended by os._exit\(0\) \({HERE}:\d+\)", True),
        (ending_in_c, "ended with exit status 0", True),
    ],
)
def test_an_end_is_told_with_its_cause_and_place(function: Callable[[], Any], cause: str, is_own_doing: bool) -> None:
    with ChildProcess() as child:
        with pytest.raises(ProcessLostError, match=f"^its process {cause}$") as caught:
            child.call(function)
        assert (caught.value.is_own_doing, child.is_alive) == (is_own_doing, False)


def test_silence_is_told_and_a_run_that_does_not_obey_ends_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "SECONDS_TO_OBEY", 0.2)
    with ChildProcess(patience=0.05) as child:
        running = child.run(deaf)
        assert next(item for item in running if item is not None) == 1
        assert next(running) is None
        with pytest.raises(PausedError) as caught:
            throw(running)
        assert "did not end within 0.2 s" in caught.value.__notes__[0]
        assert not child.is_alive


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children of a process")
def test_programs_that_it_has_started_end_with_it_if_it_is_killed() -> None:
    with ChildProcess() as child:
        started = (pid for pid in child.run(starting) if pid)
        pids = [next(started), next(started)]
        child.kill()
    for pid in pids:
        wait_for_end(pid)


def test_an_interrupt_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "SECONDS_TO_END", 3600.0)

    def interrupted(child: ChildProcess) -> None:
        with child:
            child._send("run", 0, time.sleep, [100])
            raise KeyboardInterrupt

    child = ChildProcess()
    with pytest.raises(KeyboardInterrupt):
        interrupted(child)
    assert child._process.returncode == -signal.SIGKILL
