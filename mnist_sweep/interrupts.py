"""Ctrl-C and SIGTERM: the first one asks a run to end in order, the second one ends it at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context in which the first signal is noted only; at its end the signal does what it did before.

    A signal that is ignored, as SIGINT is in a background job of a shell, stays ignored.

    Attributes:
        asked: Whether a signal has come.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Return whether a signal has come."""
        return self._first is not None

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
        if self._first is not None:
            raise KeyboardInterrupt
        self._first = number
