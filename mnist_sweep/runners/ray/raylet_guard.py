"""A shell that outlives this process, to end the raylet's agents and to print why native code has ended this process.

The agents would live on for a minute. Where the raylet ends while this process connects to it, Ray's native code prints
a line of its log and ends this process with status 1, so nothing in this process could print anything.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

# Prints the last line that it got if the raylet had ended before this process.
SCRIPT = """
while read -r line; do last=$line; done
state=$(cat "/proc/$1/stat" 2> /dev/null)
kill -s KILL -- "-$1" 2> /dev/null
case $state in "" | *") Z "*) [ -z "$last" ] || echo "$last" >&2 ;; esac
"""


class RayletGuard(contextlib.ExitStack):
    """The guard of the raylet with this process id, which leads a group; a context, at whose end it has ended."""

    def __init__(self, raylet: int, popen: Callable[..., Any]) -> None:
        super().__init__()
        self._process = popen(
            ["sh", "-c", SCRIPT, "sh", str(raylet)], stdin=subprocess.PIPE, bufsize=0, process_group=0
        )
        self.enter_context(self._process)
        self.callback(self._process.kill)
        self._stderr: int | None = None  # while standard error goes nowhere

    @contextlib.contextmanager
    def printing(self, line: str) -> Iterator[None]:
        """Print a line, and nothing that native code prints, if that ends this process in the body."""
        self._send(line)
        if sys.__stderr__ is not None:
            self._stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        try:
            yield
        finally:
            self.print_nothing()

    def print_nothing(self) -> None:
        """Leave it to this process to print why it ends."""
        self._send("")
        if self._stderr is not None:
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            self._stderr = None

    def _send(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
