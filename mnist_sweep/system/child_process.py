"""A child process that runs functions for this one, so that nothing that they do can end this one.

A fresh Python, not a fork: TensorFlow does not survive one after its first operation. It imports neither the main
script nor from the working folder, and has this process's `sys.path`, `sys.argv` and environment. What it prints is
printed here.
"""

import codecs
import contextlib
import itertools
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from mnist_sweep.errors import ProcessLostError
from mnist_sweep.system import machine
from mnist_sweep.system.signals import SIGNALS
from mnist_sweep.text.causes import fault_place

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SECONDS_BETWEEN_SIGNS = 1.0
SECONDS_TO_OBEY = 10.0
SECONDS_TO_END = 10.0
MAX_LAST_WORDS = 1 << 16
# The exit handler runs after all others, and instead of the teardown of modules, which for TensorFlow takes a second.
CODE = """\
import atexit, os, sys
atexit.register(lambda end=os._exit: (sys.stdout.flush(), sys.stderr.flush(), end(0)))
sys.path[:], sys.argv[:] = {path!r}, {argv!r}
from mnist_sweep.system.child_main import serve
serve({connection}, {last_words}, {parent}, {main_file!r})
"""


class ChildProcess:
    """A child of this process; a context manager that ends it on exit.

    Args:
        patience: Seconds to wait for each message of a run before it yields None; 0 where `connection` is waited for.
    """

    def __init__(self, patience: float = SECONDS_BETWEEN_SIGNS) -> None:
        from multiprocessing import Pipe

        self._patience = patience
        self._pipe, theirs = Pipe()
        self._closing = contextlib.ExitStack()
        self._closing.enter_context(self._pipe)
        self._last_words, name = tempfile.mkstemp()
        self._closing.callback(os.close, self._last_words)
        Path(name).unlink()
        self._numbers = itertools.count()
        with theirs, _signals_held():
            self._process = subprocess.Popen(  # noqa: S603 # no shell
                _command(theirs.fileno(), self._last_words),
                pass_fds=(theirs.fileno(), self._last_words),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        streams = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        self._printers = [threading.Thread(target=_print, args=one, daemon=True) for one in streams.items()]
        for printer in self._printers:
            printer.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def connection(self) -> "Connection[Any, Any]":
        """What is ready to be read when it has sent something, or ended."""
        return self._pipe

    @property
    def is_alive(self) -> bool:
        """Whether it can run something."""
        return not self._pipe.closed and self._process.poll() is None

    def run(self, function: Callable[..., Any], *arguments: Any) -> Generator[Any, None, Any]:
        """Run a function in the child, and yield (of a generator function) and return here what it does there.

        If nothing comes for `patience` seconds, None is yielded. What is thrown in here is thrown in there at one of
        the next items; those before it still come. If the function does not end within `SECONDS_TO_OBEY` then, the
        process does.

        Raises:
            ProcessLostError: The process has ended.
            SweepError: As raised there, as is what was thrown in; any other exception comes as a plain SweepError.
        """
        number = next(self._numbers)
        self._send("run", number, function, arguments)
        thrown, deadline = None, math.inf
        while True:
            kind, value = self._receive(number, self._patience)
            if kind == "result":
                return value
            if kind == "error":
                raise value
            if thrown and time.monotonic() > deadline:
                self.kill()
                thrown.add_note(f"it did not end within {SECONDS_TO_OBEY:g} s, so its process was killed")
                raise thrown
            try:
                yield value
            except GeneratorExit as error:
                self._abandon(number, error)
                raise
            except BaseException as error:  # whatever it is, it is thrown in there
                thrown, deadline = error, time.monotonic() + SECONDS_TO_OBEY
                self._send("throw", number, error)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function there, and return its result; items are dropped."""
        running = self.run(function, *arguments)
        while True:
            try:
                next(running)
            except StopIteration as end:
                return end.value

    def kill(self) -> None:
        """End the process at once, and what user code has started there, which nobody would wait for."""
        started = machine.descendants(self.pid) if self._process.poll() is None else []
        self._process.kill()
        self._process.wait()
        machine.kill(started)
        self._closing.close()
        for printer in self._printers:  # they end with the process, unless it has left others that still print
            printer.join(SECONDS_BETWEEN_SIGNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):  # not an interrupt, which waits for nothing
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # it has ended, or does not
                self._pipe.send(None)
                self._process.wait(SECONDS_TO_END)
        self.kill()

    def _send(self, *request: Any) -> None:
        try:
            self._pipe.send(request)
        except OSError:
            raise self._lost() from None

    def _receive(self, number: int, patience: float) -> tuple[str, Any]:
        """Return the next message of a run; if there is none for a while, an item that is None."""
        while True:
            has_ended = self._process.poll() is not None  # before the look, since it may send until then
            try:
                if self._pipe.poll(0 if has_ended else patience):
                    of, kind, value = self._pipe.recv()
                    if of == number:
                        return kind, value
                    continue
            except (EOFError, OSError):
                has_ended = True
            if has_ended:
                raise self._lost()
            return "item", None

    def _abandon(self, number: int, error: BaseException) -> None:
        deadline = time.monotonic() + SECONDS_TO_OBEY
        with contextlib.suppress(ProcessLostError):
            self._send("throw", number, error)
            while self._receive(number, SECONDS_BETWEEN_SIGNS)[0] == "item":
                if time.monotonic() > deadline:
                    self.kill()
                    return

    def _lost(self) -> ProcessLostError:
        if self._pipe.closed:
            return ProcessLostError("its process has been ended")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_END)
        status = self._process.poll()
        words = os.pread(self._last_words, MAX_LAST_WORDS, 0).decode(errors="replace")
        self.kill()
        return _cause(status, words)


def _cause(status: int | None, words: str) -> ProcessLostError:
    """Return the error for a process by its exit status, None if it still ran, and by what was written at its end."""
    if status is None:
        return ProcessLostError("its process closed the connection to the run", is_own_doing=True)
    if words.startswith("os."):
        return ProcessLostError(f"its process ended by {words}", is_own_doing=True)
    if status >= 0:
        return ProcessLostError(f"its process ended with exit status {status}", is_own_doing=True)
    place = fault_place(words)
    where = f" ({place})" if place else ", by someone or because memory ran out" if -status == signal.SIGKILL else ""
    known = {one.value: one.name for one in signal.Signals}  # without most real-time signals
    cause = f"its process was killed by {known.get(-status, f'signal {-status}')}{where}"
    return ProcessLostError(cause, is_own_doing=place is not None, trace=words or None)


def _command(connection: int, last_words: int) -> list[str]:
    from multiprocessing.spawn import get_command_line

    python = list(itertools.takewhile(lambda part: part != "-c", map(os.fsdecode, get_command_line())))
    code = CODE.format(
        path=[folder for folder in sys.path if isinstance(folder, str)],
        argv=sys.argv,
        connection=connection,
        last_words=last_words,
        parent=os.getpid(),
        main_file=getattr(sys.modules["__main__"], "__file__", None),
    )
    return [*python, "-P", "-c", code]


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back signals, also from a process that is started meanwhile and cannot handle them yet."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _print(name: str, stream: IO[bytes]) -> None:
    """Print what comes from a stream to this process's stream of a name, whatever that is at the time."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with stream:
        while printed := os.read(stream.fileno(), 1 << 16):
            with contextlib.suppress(AttributeError, OSError, ValueError):  # it is None, full or closed
                getattr(sys, name).write(decoder.decode(printed))
                getattr(sys, name).flush()
