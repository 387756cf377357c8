"""Laws of the text of the user's own code: it is kept however it was given to Python."""

import linecache
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_sweep.trials.user_code import source_text

PROGRAM = """\
from functools import cache
from mnist_sweep.trials.user_code.source_text import codes_of, text_of

class Net:
    @property
    def width(self):
        return 3

    @staticmethod
    def build():
        return 4

@cache
def images():
    return 5

for definition in (Net, images.__wrapped__):
    (file,) = {code.co_filename for code in codes_of(definition)}
    print(text_of(file), end="--")
"""


@pytest.mark.parametrize("given", ["file", "-c", "standard input"])
def test_the_text_is_found_however_a_program_is_given(tmp_path: Path, given: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    words = {"file": ["program.py"], "-c": ["-c", PROGRAM], "standard input": ["-"]}[given]
    with (tmp_path / "program.py").open() as file:
        done = subprocess.run([sys.executable, *words], cwd=tmp_path, stdin=file, capture_output=True, text=True)
    assert done.stdout == f"{PROGRAM}--" * 2, done.stderr


def test_what_was_piped_is_not_kept(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-"], cwd=tmp_path, input=PROGRAM, capture_output=True, text=True)
    assert done.stdout == "----", done.stderr


def test_the_text_of_a_cell_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(linecache.cache, "cell 1", (6, None, ["a = 1\n"], "cell 1"))
    monkeypatch.setitem(linecache.cache, "cell 2", (6, None, ["a = 2\n"], "cell 2"))
    assert [source_text.text_of(f"cell {number}") for number in (1, 2, 3)] == ["a = 1\n", "a = 2\n", ""]
