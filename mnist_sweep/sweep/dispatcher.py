"""Passes the events of a run to its listeners, so that none of the user's can end it."""

import contextlib
import logging
import threading
from collections.abc import Iterable

from mnist_sweep.training.row_builder import first_cause
from mnist_sweep.trials.events import Event, Listener, Notice


class Dispatcher:
    """Passes events to listeners, one event at a time, whichever thread it comes from.

    Args:
        listeners: The user's. An exception in one is reported in a notice, once, and ends nothing.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._own: list[Listener] = []
        self._users = list(listeners)
        self._failed: set[int] = set()
        self._lock = threading.RLock()

    def add(self, *listeners: Listener) -> None:
        """Add listeners that belong to the run: they receive an event before the user's, and their errors end it."""
        self._own += listeners

    def emit(self, event: Event) -> None:
        """Pass an event to every listener; then raise what one of the run's own has raised."""
        with self._lock, contextlib.ExitStack() as stack:
            for listener in reversed(self._users):
                stack.callback(self._emit_safely, listener, event)
            for listener in reversed(self._own):
                stack.callback(listener.on_event, event)

    def notify(self, text: str, trial_id: str | None = None) -> None:
        """Pass a notice to every listener."""
        self.emit(Notice(text=text, trial_id=trial_id))

    def _emit_safely(self, listener: Listener, event: Event) -> None:
        try:
            listener.on_event(event)
        except Exception as error:  # a user's listener may raise anything: no row is worth less than its error
            if id(listener) not in self._failed:
                self._failed.add(id(listener))
                report = self.notify if len(self._users) > 1 else logging.getLogger(__name__).warning
                report(f"the listener {type(listener).__name__} failed, the run continues: {first_cause(error)}")
