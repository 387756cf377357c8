"""Laws of the thread in which a user's training code runs."""

import threading
from typing import Any

import pytest

from mnist_sweep.training import own_training_thread
from mnist_sweep.training.fitting import consume
from mnist_sweep.training.own_training_thread import Halted, Session
from mnist_sweep.training.trial_progress import Heartbeat, Paused


def items_of(session: Session, code: Any) -> Any:
    return session.run(lambda: code(session))


def test_code_waits_while_an_item_is_consumed_and_its_result_is_returned() -> None:
    order: list[str] = []

    def code(session: Session) -> str:
        for number in range(3):
            session.send(session.heartbeat(str(number)))
            order.append(f"code after {number}")
        return "result"

    result = consume(items_of(Session(None, None), code), lambda item: order.append(f"item {item.note}"))
    assert result == "result"
    assert order == [text for number in range(3) for text in (f"item {number}", f"code after {number}")]


def test_silent_code_gives_heartbeats_and_may_be_paused_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_training_thread, "SECONDS_BETWEEN_HEARTBEATS", 0.01)
    go_on = threading.Event()

    def code(session: Session) -> bool:
        go_on.wait()
        return session.paused is not None

    session = Session(None, None)
    running = items_of(session, code)
    assert next(running) == Heartbeat(0, None)
    assert running.throw(Paused()) == Heartbeat(0, None)
    go_on.set()
    assert consume(running, lambda _: None) is True


def test_code_that_is_closed_is_halted_at_each_call_and_its_thread_ends() -> None:
    halted = []

    def code(session: Session) -> None:
        for _ in range(3):
            try:
                session.go_on()
                session.send(session.heartbeat())
            except Halted:
                halted.append(True)

    before = threading.active_count()
    running = items_of(Session(None, None), code)
    next(running)
    running.close()
    assert halted == [True] * 3
    assert threading.active_count() == before
