"""What ends a run in order: Ctrl-C or SIGTERM, of which a second one ends it at once, and a time budget."""

import math
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context in which the first signal is noted only; at its end the signal does what it did before.

    A signal that is ignored, as SIGINT is in a background job of a shell, stays ignored.

    Args:
        seconds: After which the run is stop_requested to end without a signal; None means never.

    Attributes:
        stop_requested: Whether a signal has come, or the time is over.
        out_of_time: Whether the time is over and no signal has come.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self._first: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def stop_requested(self) -> bool:
        """Return whether a signal has come, or the time is over."""
        return self._first is not None or self.out_of_time

    @property
    def out_of_time(self) -> bool:
        """Return whether the time is over and no signal has come."""
        return self._first is None and time.monotonic() > self._deadline

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread hear of signals
            heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._first is not None and kind is None:
            signal.raise_signal(self._first)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._first is None:
            self._first = number
            return
        before = self._before[number]
        if callable(before):
            before(number, frame)
        raise KeyboardInterrupt
