import threading
import time
from typing import Any

import pytest

from mnist_sweep.sweep.dispatcher import Dispatcher
from mnist_sweep.trials.events import Event, Notice, WorkersReady

EVENT = WorkersReady(num_workers=2)


class Raising:
    """A listener that fails at every event."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.num_calls = error, 0

    def on_event(self, event: Event) -> None:
        self.num_calls += 1
        raise self.error


def test_every_listener_receives_every_event_the_runs_own_first() -> None:
    received: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def on_event(self, event: Event) -> None:
            received.append(self.name)

    dispatcher = Dispatcher([Named("c"), Named("d")])
    dispatcher.add(Named("a"), Named("b"))
    dispatcher.emit(EVENT)
    assert received == ["a", "b", "c", "d"]


def test_a_listener_that_fails_is_reported_once_and_keeps_nobody_from_an_event(events: Any) -> None:
    failing = Raising(ValueError("no\nway"))
    dispatcher = Dispatcher([failing, events])
    for _ in range(3):
        dispatcher.emit(EVENT)
    [notice] = events.of(Notice)
    assert notice.text.startswith("the listener Raising failed, the run continues: ValueError: no way (test_dispatcher")
    assert events.of(WorkersReady) == [EVENT] * 3
    assert failing.num_calls == 4  # the notice, too: it may work again


def test_a_listener_that_fails_with_nobody_to_tell_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher = Dispatcher([Raising(ValueError("no way"))])
    for _ in range(3):
        dispatcher.emit(EVENT)
    [record] = caplog.records
    assert (record.levelname, "Raising failed" in record.message) == ("WARNING", True)


@pytest.mark.parametrize("error", [ValueError("own"), KeyboardInterrupt()])
def test_an_error_of_the_runs_own_listener_is_raised_when_all_have_the_event(events: Any, error: Any) -> None:
    dispatcher, later = Dispatcher([events]), Raising(OSError("later"))
    dispatcher.add(Raising(error))
    with pytest.raises(type(error)):
        dispatcher.emit(EVENT)
    assert events.all == [EVENT]
    dispatcher.add(later)
    with pytest.raises(OSError, match="later"):
        dispatcher.emit(EVENT)
    assert later.num_calls == 1


def test_an_interrupt_is_not_an_error_of_the_listener_that_it_comes_in(events: Any) -> None:
    dispatcher = Dispatcher([Raising(KeyboardInterrupt()), events])
    with pytest.raises(KeyboardInterrupt):
        dispatcher.emit(EVENT)
    assert events.all == [EVENT]


def test_events_of_several_threads_come_one_at_a_time() -> None:
    class Slow:
        is_busy, overlaps = False, 0

        def on_event(self, event: Event) -> None:
            self.overlaps += self.is_busy
            self.is_busy = True
            time.sleep(0.001)
            self.is_busy = False

    slow = Slow()
    dispatcher = Dispatcher([slow])
    threads = [threading.Thread(target=dispatcher.notify, args=["note"]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert slow.overlaps == 0
