"""What a child process does: it runs the functions that its parent names, until the parent is gone.

It ends with its parent, even if that is killed. Ctrl-C and SIGTERM, which a terminal or a cluster sends to all
processes of a group, are left to the parent, which pauses what runs here. What ends this process is written down first.
"""

import contextlib
import faulthandler
import functools
import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from mnist_sweep.errors import SweepError
from mnist_sweep.system import machine, refused_exits
from mnist_sweep.system.signals import SIGNALS, handle_all
from mnist_sweep.text.causes import first_cause

# What ends a process that does not handle it, besides the signals that faulthandler knows.
ENDING = (signal.SIGALRM, signal.SIGQUIT, signal.SIGSYS, signal.SIGTRAP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
SECONDS_BETWEEN_LOOKS = 1.0
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl


def serve(connection: int, last_words: int, parent: int, main_file: str | None) -> None:
    """Run what comes through a duplex connection to the parent, until it ends.

    `connection` and `last_words`, to which goes what ends this process, are file descriptors, and `parent` is a process
    id. Classes of the parent's main script are named after `main_file`; None if there is none.
    """
    handle_all(lambda number, frame: None)  # they are left to the parent
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _end_with_parent(connection, parent)
    faulthandler.enable(last_words)
    for ending in ENDING:
        faulthandler.register(ending, last_words, chain=True)
    refused_exits.refuse(lambda call: os.write(last_words, call.encode()), (*refused_exits.ENDING, "kill"))
    if main_file:
        sys.modules["__main__"].__file__ = main_file
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    for number in (connection, last_words):
        os.set_inheritable(number, False)
    with contextlib.suppress(EOFError, OSError), Connection(connection) as pipe:
        os.register_at_fork(after_in_child=functools.partial(_leave, pipe, os.getpid()))
        while request := pipe.recv():
            kind, *arguments = request
            if kind == "run":  # what is thrown into a generator may come too late
                _run(pipe, *arguments)


def _run(pipe: "Connection[Any, Any]", number: int, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """Send the items of a generator, then its result or error; throw into it what the parent sends."""
    pid = os.getpid()

    def send(kind: str, value: Any) -> None:
        refused_exits.end_copy(pid)
        pipe.send((number, kind, value))

    thrown: BaseException | None = None
    received: list[BaseException] = []  # which may be raised again after other items
    try:
        running = _items(function, arguments)
        while True:
            send("item", running.throw(thrown) if thrown else next(running))
            thrown = pipe.recv()[-1] if pipe.poll() else None
            received += [thrown] if thrown else []
    except StopIteration as end:
        send("result", end.value)
    except BaseException as error:  # of whatever kind, the parent raises it
        crosses = any(error is one for one in received) or isinstance(error, SweepError)
        send("error", error if crosses else SweepError(first_cause(error)))


def _items(function: Callable[..., Any], arguments: Sequence[Any]) -> Generator[Any, None, Any]:
    """Yield what a generator function yields, and nothing of another one; return what it returns."""
    result = function(*arguments)
    return (yield from result) if isinstance(result, Generator) else result


def _end_with_parent(connection: int, parent: int) -> None:
    """End this process with its parent, of which it has a connection and the process id, however that ends.

    On Linux it ends 16 seconds later even where native code holds the GIL for ever, since `SIGSTKFLT` has that number.
    """
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None)
        libc.signal(signal.SIGSTKFLT, libc.alarm)
        libc.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGSTKFLT)
    if os.getppid() != parent:
        os._exit(refused_exits.FAILED)
    threading.Thread(target=_watch, args=(connection, os._exit), daemon=True).start()


def _watch(connection: int, end: Callable[[int], object]) -> None:
    """End this process and its own when the other side of the connection is closed, whatever the main thread does."""
    closed = select.poll()
    closed.register(connection, 0)
    closed.poll()
    machine.kill(machine.descendants(os.getpid()))
    end(refused_exits.FAILED)


def _leave(pipe: "Connection[Any, Any]", copied: int) -> None:
    """Make a forked copy of this process one like any other, apart from its end, which is not after this one's."""
    pipe.close()
    threading.Thread(target=_end_after, args=(copied,), daemon=True).start()
    faulthandler.disable()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _end_after(process: int) -> None:
    """End this process soon after another one, such as a worker of a pool that nobody has closed."""
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(process, 0)
            time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(refused_exits.FAILED)
