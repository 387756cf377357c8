import signal
import threading
from collections.abc import Iterator

import pytest

from mnist_sweep.system.signals import Interrupts


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Signals do what they do in a foreground process, wherever the tests run."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert not interrupts.stop_requested


def test_the_first_signal_is_noted_and_comes_at_the_end() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:  # noqa: PT012 (where it comes is the point)
        assert not interrupts.stop_requested
        signal.raise_signal(signal.SIGINT)
        assert interrupts.stop_requested
        reached = True
    assert reached


def test_the_second_signal_ends_the_body_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_the_handlers_of_before_are_back_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


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
