"""The text of the user's own code by the file names that Python gives it, also where it came from no file."""

import inspect
import linecache
import os
import stat
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

STANDARD_INPUT, COMMAND = "<stdin>", "<string>"


def text_of(file: str) -> str:
    """Return the text of a file, a notebook's cell, a command or standard input by its name; empty if it is not kept.

    Python keeps the text of a notebook's cells, each run of a cell under another name, and that of `python -c`. What
    was piped to standard input is gone; a file that is redirected to it is read again.
    """
    words = sys.orig_argv
    if file == COMMAND and "-c" in words[:-1]:  # whose text Python 3.13 keeps changed
        return words[words.index("-c") + 1]
    if text := "".join(linecache.getlines(file)):
        return text
    if file == STANDARD_INPUT and sys.stdin is not None and stat.S_ISREG(os.fstat(0).st_mode):
        return os.pread(0, os.fstat(0).st_size, 0).decode(errors="replace")
    return ""


def codes_of(definition: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of the methods that a class itself defines; none for anything else."""
    for member in vars(definition).values() if isinstance(definition, type) else [definition]:
        function = getattr(member, "__func__", getattr(member, "fget", member))
        function = inspect.unwrap(function) if callable(function) else None
        if isinstance(function, FunctionType):
            yield function.__code__
