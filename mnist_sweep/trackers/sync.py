"""What sends rows to trackers while a sweep runs, without making it wait and without ending it.

Each tracker has a thread of its own. One that goes away is tried again now and then and once more at the end; what it
lacks then, the same command sends, since a row that a tracker lacks is found by asking it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from mnist_sweep.errors import TrackerError
from mnist_sweep.text.numbers import counted
from mnist_sweep.trackers.protocol import Session
from mnist_sweep.trials.row import TrialRow

SECONDS_BETWEEN_TRIES = 30.0
SECONDS_AFTER_AN_INTERRUPT = 10.0
SECONDS_BETWEEN_LOOKS = 0.1
THE_SAME_COMMAND = "the same command sends the rest later"


class TrackerSync:
    """Sends rows to trackers in the background; a context, at whose end it waits until they are sent.

    Args:
        sessions: The trackers.
        noted: Told in one line when a tracker goes away.
        is_ending: Whether the run is to end, so that there is little time left.
    """

    def __init__(
        self, sessions: Sequence[Session], *, noted: Callable[[str], None], is_ending: Callable[[], bool]
    ) -> None:
        self._senders = [_Sender(session, noted) for session in sessions]
        self._is_ending = is_ending

    def ask(self, rows: Iterable[TrialRow]) -> None:
        """Send those of some rows that a tracker lacks.

        Raises:
            TrackerError: A tracker cannot be asked.
        """
        rows = list(rows)
        for sender in self._senders:
            sender.send(sender.session.lacks(rows))

    def send(self, row: TrialRow) -> None:
        """Send a row that has just been committed."""
        for sender in self._senders:
            sender.send([row])

    def unsent(self) -> tuple[str, ...]:
        """Return what each tracker lacks, in one line each; nothing for those that have all rows."""
        return tuple(line for sender in self._senders for line in sender.unsent())

    def __enter__(self) -> Self:
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sender in self._senders:
            sender.close()
        deadline: float | None = None
        while any(sender.is_alive() for sender in self._senders):
            if deadline is None and (kind is not None or self._is_ending()):
                deadline = time.monotonic() + SECONDS_AFTER_AN_INTERRUPT
            if deadline is not None and time.monotonic() > deadline:
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)


class _Sender(threading.Thread):
    """Sends rows to one tracker, in their order."""

    def __init__(self, session: Session, noted: Callable[[str], None]) -> None:
        super().__init__(name=session.name, daemon=True)
        self.session, self._noted = session, noted
        self._rows: deque[TrialRow] = deque()
        self._changed = threading.Condition()
        self._cause: str | None = None
        self._retry_at = 0.0
        self._is_closing = self._has_given_up = False

    def send(self, rows: Iterable[TrialRow]) -> None:
        """Note rows that are to be sent."""
        with self._changed:
            self._rows.extend(rows)
            self._changed.notify()

    def close(self) -> None:
        """Let the thread end when all is sent, or cannot be."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()

    def unsent(self) -> list[str]:
        """Return how many rows the tracker lacks, why, and what to do, in one line; no line if it lacks none."""
        if not self._rows:
            return []
        why = f" ({self._cause})" if self._cause else ""
        return [f"{self.session.name} lacks {counted(len(self._rows), 'trial')}{why}: {THE_SAME_COMMAND}."]

    def run(self) -> None:
        """Send rows until there is none left, or the last try has failed."""
        while row := self._next():
            try:
                self.session.log(row)
            except TrackerError as error:
                self._fail(str(error))
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
            self._rows.rotate(-1)  # one that is refused is not to stand before the others
            self._retry_at = time.monotonic() + SECONDS_BETWEEN_TRIES
            self._has_given_up = self._is_closing
        if is_new and not self._has_given_up:
            self._noted(f"{self.session.name} takes no runs ({cause}): rows are kept, and tried again")
