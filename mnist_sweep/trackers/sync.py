"""The listener that sends rows to trackers in the background, so that they neither delay a run nor end it.

Each tracker has a thread of its own. One that cannot be reached is retried from time to time, and once more at the
end. What it lacks then, the same command sends later, since a tracker is asked which rows it lacks.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from mnist_sweep.errors import TrackerError
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.numbers import counted
from mnist_sweep.trackers.protocol import Session
from mnist_sweep.trials.events import Event, RowCommitted
from mnist_sweep.trials.row import TrialRow

SECONDS_BETWEEN_RETRIES = 30.0
SECONDS_AFTER_AN_INTERRUPT = 10.0
SECONDS_BETWEEN_CHECKS = 0.1


class TrackerSync:
    """Sends rows to trackers in the background; a context, at whose end it waits until they are sent.

    `notify` is called in other threads. Once the run `is_ending`, there is little time left.
    """

    def __init__(
        self, sessions: Sequence[Session], *, notify: Callable[[str], None], is_ending: Callable[[], bool]
    ) -> None:
        self._senders = [_Sender(session, notify) for session in sessions]
        self._is_ending = is_ending

    def send_missing(self, rows: Iterable[TrialRow], fields: Sequence[str]) -> None:
        """Send the rows that a tracker lacks, of a sweep whose trials differ in these fields.

        Raises:
            TrackerError: A tracker cannot be asked.
        """
        rows = list(rows)
        for sender in self._senders:
            sender.fields = tuple(fields)
            sender.send(sender.session.lacks(rows))

    def on_event(self, event: Event) -> None:
        """Send a row that has been committed."""
        if isinstance(event, RowCommitted):
            for sender in self._senders:
                sender.send([event.row])

    def unsent(self) -> tuple[str, ...]:
        """Return one line for each tracker that lacks rows."""
        return tuple(line for sender in self._senders for line in sender.unsent())

    def __enter__(self) -> Self:
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        for sender in self._senders:
            sender.close()
        deadline = math.inf
        while any(sender.is_alive() for sender in self._senders) and time.monotonic() <= deadline:
            if deadline == math.inf and (kind is not None or self._is_ending()):
                deadline = time.monotonic() + SECONDS_AFTER_AN_INTERRUPT
            time.sleep(SECONDS_BETWEEN_CHECKS)


class _Sender(threading.Thread):
    """Sends rows to one tracker, in their order; once closed, it ends when all are sent or cannot be."""

    def __init__(self, session: Session, notify: Callable[[str], None]) -> None:
        super().__init__(name=session.name, daemon=True)
        self.session, self.fields, self._notify = session, tuple[str, ...](), notify
        self._rows: deque[TrialRow] = deque()
        self._changed = threading.Condition()
        self._cause: str | None = None
        self._retry_at = 0.0
        self._is_closing = self._has_given_up = False

    def send(self, rows: Iterable[TrialRow]) -> None:
        with self._changed:
            self._rows.extend(rows)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify()

    def unsent(self) -> list[str]:
        if not self._rows:
            return []
        lacks = f"lacks {counted(len(self._rows), 'trial')}" + (f" ({self._cause})" if self._cause else "")
        return [f"{self.session.name} {lacks}: the same command sends the rest later."]

    def run(self) -> None:
        while row := self._next():
            try:
                self.session.log(row, self.fields)
            except TrackerError as error:
                self._fail(str(error))
            except (Exception, SystemExit) as error:  # a tracker of the user's own may raise anything
                self._fail(first_cause(error))
            else:
                with self._changed:
                    self._rows.popleft()
                    self._cause = None

    def _next(self) -> TrialRow | None:
        with self._changed:
            while not self._is_closing:
                pause = self._retry_at - time.monotonic()
                if self._rows and pause <= 0:
                    return self._rows[0]
                self._changed.wait(pause if self._rows else None)
            return self._rows[0] if self._rows and not self._has_given_up else None

    def _fail(self, cause: str) -> None:
        with self._changed:
            is_new, self._cause = self._cause is None, cause
            self._rows.rotate(-1)  # a row that is refused must not block the others
            self._retry_at = time.monotonic() + SECONDS_BETWEEN_RETRIES
            self._has_given_up = self._is_closing
        if is_new and not self._has_given_up:
            self._notify(f"{self.session.name} accepts no runs ({cause}): rows are kept and sent again later")
