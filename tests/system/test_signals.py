import operator
import os
import pty
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_sweep.system.signals import SIGNALS, Interrupts


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Signals do what they do in a foreground process, wherever the tests run."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with Interrupts() as interrupts:
        signal.raise_signal(number)
        assert not interrupts.stop_requested


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_requests_a_stop(number: signal.Signals) -> None:
    heard = []
    signal.signal(number, lambda number, _: heard.append(number))
    with Interrupts() as interrupts:
        signal.raise_signal(number)
        assert interrupts.stop_requested
        assert heard == []
    assert heard == [number]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_at_once_what_has_nothing_to_save(number: signal.Signals) -> None:
    heard = []

    def end(number: int, _: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    def wait() -> None:
        with Interrupts() as interrupts, interrupts.at_once():
            signal.raise_signal(number)
            pytest.fail("it continues")

    signal.signal(number, end)
    with pytest.raises(KeyboardInterrupt):
        wait()
    assert heard == [number]  # by which the exit status is known


def test_a_signal_after_what_has_nothing_to_save_requests_a_stop() -> None:
    signal.signal(signal.SIGINT, lambda *_: None)
    with Interrupts() as interrupts:
        with interrupts.at_once():
            pass
        signal.raise_signal(signal.SIGINT)
        assert interrupts.stop_requested


def test_a_closed_terminal_takes_what_is_written_without_an_error(tmp_path: Path) -> None:
    body = """
import sys
from pathlib import Path
from mnist_sweep.system.signals import Interrupts

with Interrupts() as interrupts:
    print("ready", flush=True)
    while not interrupts.stop_requested:
        pass
    print("to a terminal", flush=True)
    print("that has gone", file=sys.stderr, flush=True)
    Path(sys.argv[1]).touch()
"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", body, str(tmp_path / "written")])
    assert os.read(terminal, 5) == b"ready"
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGHUP
    assert (tmp_path / "written").exists()


def test_the_second_signal_ends_the_body_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # whose own handler is that of the system
        pytest.fail("went on")


def test_the_handlers_of_before_are_back_afterwards() -> None:
    before = list(map(signal.getsignal, SIGNALS))
    with Interrupts():
        assert all(map(operator.ne, map(signal.getsignal, SIGNALS), before))
    assert list(map(signal.getsignal, SIGNALS)) == before


def test_an_error_of_the_body_is_not_hidden_by_a_signal() -> None:
    with pytest.raises(ValueError, match="first"), Interrupts():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        raise ValueError("first")


def test_a_thread_runs_without_signals() -> None:
    asked = []

    def body() -> None:
        with Interrupts() as interrupts:
            asked.append(interrupts.stop_requested)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert asked == [False]


def test_the_second_signal_does_what_it_did_before() -> None:
    heard = []

    def terminate(number: int, _: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    with pytest.raises(KeyboardInterrupt), Interrupts():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
        signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
