"""The source text of the user's own classes and functions, wherever they were defined.

Python keeps the text of files and of a notebook's cells; `inspect` finds the text of a class by its module's file,
which a notebook has not, so a class is found by the code of its methods. An edited cell that runs again is another file
to Python, and so the class that it defined before keeps its own text.
"""

import ast
import inspect
import linecache
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

STANDARD_INPUT, COMMAND = "<stdin>", "<string>"


def source_of(definition: Any) -> str | None:
    """Return the text of a class or function, decorators included, as it was defined; None where no text is kept.

    There is no text of code that was typed or piped to standard input, or made by `exec`.
    """
    definition = inspect.unwrap(definition)
    for file, line in _places(definition):
        text = text_of(file)
        if found := text and _definition(text, definition.__name__, line):
            return found
    return None


def text_of(file: str) -> str:
    """Return the text of a file by the name that code gives it, a cell or a command; empty if it is not kept."""
    if text := "".join(linecache.getlines(file)):
        return text
    words = sys.orig_argv
    if file == COMMAND and "-c" in words[:-1]:
        return words[words.index("-c") + 1]
    if file == STANDARD_INPUT and sys.stdin is not None and stat.S_ISREG(os.fstat(0).st_mode):
        return os.pread(0, os.fstat(0).st_size, 0).decode(errors="replace")
    return ""


def files_of(definition: Any) -> list[str]:
    """Return the names of the files that a class or function may be defined in, the likeliest first."""
    return list(dict.fromkeys(file for file, _ in _places(definition)))


def _places(definition: Any) -> Iterator[tuple[str, int | None]]:
    """Yield files that may define a class or function, each with a line inside of the definition or None."""
    for code in _codes(definition):
        if code.co_filename != COMMAND:  # which also the methods that `dataclass` writes are said to be from
            yield code.co_filename, code.co_firstlineno
    if file := getattr(sys.modules.get(definition.__module__), "__file__", None):
        yield str(file), None
    elif definition.__module__ == "__main__":  # a class without a method: the last cell that defines one of its name
        yield from ((file, None) for file in reversed(linecache.cache) if not Path(file).is_file())
    yield COMMAND, None


def _codes(definition: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of the methods that a class itself defines."""
    members = [definition] if isinstance(definition, FunctionType) else vars(definition).values()
    for member in members:
        function = getattr(member, "__func__", getattr(member, "fget", member))
        function = inspect.unwrap(function) if callable(function) else None
        if isinstance(function, FunctionType) and function.__module__ == definition.__module__:
            yield function.__code__


def _definition(text: str, name: str, line: int | None) -> str | None:
    """Return the text of the definition of a name at the top level of a text: around a line, or else the last one."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:  # such as a cell with a magic, whose text is not Python
        return None
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in nodes if isinstance(node, kinds) and node.name == name]
    around = [node for node in found if line is None or _first_line(node) <= line <= (node.end_lineno or 0)]
    if not around:
        return None
    node = max(around, key=_first_line)
    return "\n".join(text.splitlines()[_first_line(node) - 1 : node.end_lineno])


def _first_line(node: Any) -> int:
    first: int = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first
