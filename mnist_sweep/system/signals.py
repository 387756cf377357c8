"""Requests to stop a run: a first Ctrl-C, SIGTERM or SIGHUP, or the end of its time budget.

A second signal ends the run at once.
"""

import contextlib
import math
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """A context in which the first signal only requests a stop; it is raised again when the context exits.

    Args:
        seconds: Time budget in seconds, after which a stop is requested without a signal; None means no limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self._first: int | None = None
        self._before: dict[int, Any] = {}
        self._is_at_once = False

    @property
    def stop_requested(self) -> bool:
        """Whether a signal has arrived, or the time budget is used up."""
        return self._first is not None or self.out_of_time

    @property
    def out_of_time(self) -> bool:
        """Whether the time budget is used up and no signal has arrived."""
        return self._first is None and time.monotonic() > self._deadline

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._before = handle_all(self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._first is not None and (kind is None or self._is_at_once):
            signal.raise_signal(self._first)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a first signal end the body at once, with KeyboardInterrupt: nothing in it has to be saved."""
        self._is_at_once = True
        yield
        self._is_at_once = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        leave_closed_terminal()
        if self._first is None:
            self._first = number
            if self._is_at_once:
                raise KeyboardInterrupt
            return
        before = self._before[number]
        if callable(before):
            before(number, frame)
        raise KeyboardInterrupt


def handle_all(handler: Callable[[int, FrameType | None], object]) -> dict[int, Any]:
    """Set the handler of each signal that requests a stop, and return the handlers before.

    A signal that is ignored, such as SIGHUP under nohup, or SIGINT in a background job of a shell, stays ignored.
    """
    handled = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in handled}


def leave_closed_terminal() -> None:
    """Write standard output and error to the null device if their terminal was closed, where each write would fail."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # it is closed altogether
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
