"""The dispatcher of a run, which passes its events to listeners."""

import contextlib
import logging
import os
import threading
from collections.abc import Iterable

from mnist_sweep.system import refused_exits
from mnist_sweep.text.causes import first_cause
from mnist_sweep.trials import events


class Dispatcher:
    """Passes events to listeners, one event at a time, whichever thread it comes from.

    An exception in one of the user's `listeners` is reported in a notice, once, and ends nothing.
    """

    def __init__(self, listeners: Iterable[events.Listener]) -> None:
        self._own: list[events.Listener] = []
        self._users = list(listeners)
        self._failed: set[int] = set()
        self._lock, self._pid = threading.RLock(), os.getpid()

    def add(self, *listeners: events.Listener) -> None:
        """Add listeners that belong to the run: they receive an event before the user's, and their errors end it."""
        self._own += listeners

    def emit(self, event: events.Event) -> None:
        """Pass an event to every listener; then raise what one of the run's own has raised."""
        with self._lock, contextlib.ExitStack() as stack:
            for listener in reversed(self._users):
                stack.callback(self._emit_safely, listener, event)
            for listener in reversed(self._own):
                stack.callback(listener.on_event, event)

    def notify(self, text: str, trial_id: str | None = None) -> None:
        """Pass a notice to every listener."""
        self.emit(events.Notice(text=text, trial_id=trial_id))

    def _emit_safely(self, listener: events.Listener, event: events.Event) -> None:
        try:
            listener.on_event(event)
        except (Exception, SystemExit) as error:  # a listener may raise anything: that costs no row
            refused_exits.end_copy(self._pid)
            if id(listener) not in self._failed:
                self._failed.add(id(listener))
                report = self.notify if len(self._users) > 1 else logging.getLogger(__name__).warning
                report(f"the listener {type(listener).__name__} failed, the run continues: {first_cause(error)}")
        refused_exits.end_copy(self._pid)
