"""Refusal of calls by which user code would end this process silently, such as `os._exit(0)`.

In the main thread such a call raises `ProcessExitError`, a SystemExit that names it. No other thread can be stopped
like that: there the process does end, after a report and with a status other than 0. Copies of the process that
`os.fork` makes may call what they like.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from mnist_sweep.text.causes import own_place

FAILED = 2
ENDING = ("_exit", "execv", "execve")
KILLS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class ProcessExitError(SystemExit):
    """User code called a function that would end this process."""


class _Refusal:
    """A function of `os` that would end this process."""

    def __init__(self, name: str, report: Callable[[str], object], end: Callable[[int], object]) -> None:
        self.name, self.original, self._report, self._end = name, getattr(os, name), report, end
        self._pid = os.getpid()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        is_other_kill = self.name == "kill" and (arguments[0] != self._pid or arguments[1] not in KILLS)
        if os.getpid() != self._pid or is_other_kill:
            return self.original(*arguments, **options)
        first, *_ = given = *arguments, *options.values()
        shown = f"{signal.Signals(given[1]).name} to itself" if self.name == "kill" else repr(first)
        call = f"os.{self.name}({shown})"
        if threading.current_thread() is threading.main_thread():
            raise ProcessExitError(call)
        place = own_place(traceback.extract_stack()[:-1])
        self._report(f"{call} ({place})" if place else call)
        return self._end((self.name == "_exit" and first) or FAILED)


def refuse(report: Callable[[str], object] | None = None, names: Iterable[str] = ENDING) -> bool:
    """Refuse such calls from now on; return whether they were allowed before.

    `report` receives, in one line, the call by which a thread ends the process all the same; None prints it. `names`
    are functions of `os`; of `kill`, only what would kill this process is refused.
    """
    if isinstance(os._exit, _Refusal):
        return False
    refusals = [_Refusal(name, report or _print, os._exit) for name in names]
    for refusal in refusals:
        setattr(os, refusal.name, refusal)
    return True


def allow() -> None:
    """Allow such calls again."""
    for name, function in vars(os).copy().items():
        if isinstance(function, _Refusal):
            setattr(os, name, function.original)


def end_process(line: str) -> None:
    """End this process from a thread, with an error in one line, since its main thread hangs.

    What is being written is lost; files that are written whole or not at all, such as rows and checkpoints, are as they
    were, and the next run writes tables and removes the marker of this one.
    """
    for stream, text in ((sys.stdout, ""), (sys.stderr, f"error: {line}\n")):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # it is None, full or closed
            stream.write(text)
            stream.flush()
    getattr(os._exit, "original", os._exit)(FAILED)


def end_copy(pid: int) -> None:
    """End this process if it is a forked copy of the one with this id, in which the user's code has returned."""
    if os.getpid() != pid:
        os._exit(FAILED)


def _print(call: str) -> None:
    sys.stderr.write(f"error: a thread of your code ends this process with {call}\n")
    sys.stderr.flush()
