"""Standard output and error of the command line: lines of plain text, of which a stream may lose some.

A line quotes names from a results folder, which may hold sequences that control a terminal, so every character that
does not print is written as an escape.
"""

import contextlib
import io
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any, TextIO

import click

from mnist_sweep.text.lines import printable

STDOUT, STDERR = 1, 2


def echo(*values: object, err: bool = False) -> None:
    """Print each value on a line of its own."""
    for value in values:
        click.echo(printable(str(value)), err=err)


@contextlib.contextmanager
def tolerant_streams(on_loss: Callable[[OSError], None]) -> Iterator[None]:
    """Let standard output and error lose what cannot be written, such as to a full disk or a closed pipe.

    `on_loss` receives the first error of standard output. One that is closed altogether becomes the null device: a pipe
    that got its descriptor could not be handed to a process.
    """
    while (nowhere := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(nowhere, True)
    os.close(nowhere)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _tolerant(sys.stdout, on_loss), _tolerant(sys.stderr, lambda _: None)
    try:
        yield
    finally:
        if sys.stdout:
            sys.stdout.flush()
        sys.stdout, sys.stderr = streams


def has_reader(stream: IO[str]) -> bool:
    """Return whether what is written to a stream can still be read: False of a pipe whose reader has ended."""
    poll = select.poll()
    with contextlib.suppress(AttributeError, OSError, ValueError):  # a stream in memory has no descriptor
        poll.register(stream.fileno(), 0)
    return not poll.poll(0)


@contextlib.contextmanager
def output_on_stderr() -> Iterator[None]:
    """Send to standard error what is printed to standard output, by child processes and native code too."""
    if sys.stdout:
        sys.stdout.flush()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # the shell has closed one of them
            before = os.dup(STDOUT)
            stack.callback(os.close, before)
            stack.callback(os.dup2, before, STDOUT)
            os.dup2(STDERR, STDOUT)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


class _LossyFile(io.FileIO):
    """A file that drops all further output after its first write error."""

    def __init__(self, descriptor: int, on_loss: Callable[[OSError], None]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._on_loss, self._is_lost = on_loss, False

    def write(self, content: Any) -> int:
        """Write bytes; once that has failed, drop them."""
        if not self._is_lost:
            try:
                return super().write(content)
            except OSError as error:
                self._is_lost = True
                self._on_loss(error)
        return memoryview(content).nbytes


def _tolerant(stream: TextIO, on_loss: Callable[[OSError], None]) -> TextIO:
    """Return a stream to the same file; the stream itself if it has none, as in a test or a notebook."""
    try:
        file = _LossyFile(stream.fileno(), on_loss)
        stream.flush()
    except (AttributeError, OSError):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )
