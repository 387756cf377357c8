"""Exceptions in one line: what was raised, and where in the user's own code."""

import sys
import traceback
from pathlib import Path
from traceback import FrameSummary

from mnist_sweep.text.lines import one_line

STANDARD_INPUT = "<stdin>"


def first_cause(error: BaseException) -> str:
    """Return one line on an exception: its type, its message, and the line of the user's own code that raised it."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = own_frames(error) or traceback.extract_tb(error.__traceback__)
    where = f" ({place(frames[-1])})" if frames else ""
    return f"{type(error).__name__}: {one_line(error)}{where}"


def own_frames(error: BaseException) -> list[FrameSummary]:
    """Return the frames of an exception's traceback that are in the user's own code, the innermost last."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]


def place(frame: FrameSummary) -> str:
    """Return the file and line of a frame as a user knows them."""
    if "ipykernel_" in frame.filename:  # a file that exists for Python alone
        return f"a notebook's cell, line {frame.lineno}"
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _is_library(filename: str) -> bool:
    package = str(Path(__file__).parents[1])
    not_a_file = filename.startswith("<") and filename != STANDARD_INPUT
    return not_a_file or filename.startswith((package, sys.prefix, sys.base_prefix)) or "site-packages" in filename
