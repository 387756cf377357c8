"""Exceptions in one line: what was raised, and where in the user's own code."""

import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from traceback import FrameSummary

from mnist_sweep.text.lines import one_line

STANDARD_INPUT = "<stdin>"
# A line of Python's faulthandler, which shows the innermost frame first.
FAULT = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in ', re.MULTILINE)


def first_cause(error: BaseException) -> str:
    """Return one line on an exception: its type, its message, and the line of the user's own code that raised it."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = own_frames(error) or traceback.extract_tb(error.__traceback__)
    where = f" ({place(frames[-1])})" if frames else ""
    return ": ".join(filter(None, [type(error).__name__, one_line(error)])) + where


def own_frames(error: BaseException) -> list[FrameSummary]:
    """Return the frames of an exception's traceback that are in the user's own code, the innermost last."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]


def own_place(frames: Iterable[FrameSummary]) -> str | None:
    """Return the innermost line of the user's own code in a stack, outermost frame first; None if there is none."""
    own = [frame for frame in frames if not _is_library(frame.filename)]
    return place(own[-1]) if own else None


def fault_place(dump: str) -> str | None:
    """Return the innermost line of the user's own code in a dump of Python's faulthandler; None if there is none.

    That is a line of the thread that ended its process, or of the main thread if it was none of Python's.
    """
    threads = dump.split("\n\n")
    thread = next((one for one in threads if one.startswith("Current thread")), threads[-1])
    frames = [FrameSummary(one["file"], int(one["line"]), "") for one in FAULT.finditer(thread)]
    return own_place(reversed(frames))


def place(frame: FrameSummary) -> str:
    """Return the file and line of a frame as a user knows them."""
    if "ipykernel_" in frame.filename:  # a file that exists for Python alone
        return f"a notebook's cell, line {frame.lineno}"
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _is_library(filename: str) -> bool:
    package = str(Path(__file__).parents[1])
    not_a_file = filename.startswith("<") and filename != STANDARD_INPUT
    return not_a_file or filename.startswith((package, sys.prefix, sys.base_prefix)) or "site-packages" in filename
