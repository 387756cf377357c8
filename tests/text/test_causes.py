"""Laws of exceptions in one line."""

import subprocess
import sys
from pathlib import Path
from traceback import FrameSummary

import pytest

from mnist_sweep.text import causes


def raised(message: str) -> Exception:
    try:
        try:
            raise KeyError(message)
        except KeyError as error:
            raise RuntimeError("wrapped") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (raised("gone"), f"KeyError: 'gone' ({Path(__file__).name}:{raised.__code__.co_firstlineno + 3})"),
    ],
)
def test_the_first_cause_is_one_line_with_the_users_own_place(error: Exception, line: str) -> None:
    assert causes.first_cause(error) == line


def test_a_line_of_a_program_from_standard_input_is_the_users_own() -> None:
    program = "from mnist_sweep.text.causes import first_cause\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
    program += "    print(first_cause(error))\n"
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True)
    assert done.stdout == "ZeroDivisionError: division by zero (<stdin>:3)\n", done.stderr


def test_a_cell_of_a_notebook_is_named_as_one() -> None:
    assert causes.place(FrameSummary("/somewhere/ipykernel_12/345.py", 4, "build")) == "a notebook's cell, line 4"
