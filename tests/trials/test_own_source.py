"""Laws of the source of definitions: it is what was run, however it was given to Python."""

import linecache
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mnist_sweep.trials.own_source import source_of

METHOD = """\
@dataclass(frozen=True)
class Tiny:
    units: int = 4

    def build(self, image_shape, num_classes):
        return self.units"""
BARE = """\
@dataclass(frozen=True)
class Wide(Tiny):
    units: int = 64"""
FUNCTION = """\
def images():
    return 3"""
PROGRAM = "\n".join(["from dataclasses import dataclass", METHOD, BARE, FUNCTION, ""])
SHOW = f"""{PROGRAM}
from mnist_sweep.trials.own_source import source_of
print(source_of(Tiny), source_of(Wide), source_of(images), sep="\\n")
"""


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A `__main__` without a file, as in a notebook."""
    module, before = ModuleType("__main__"), set(linecache.cache)
    monkeypatch.setitem(sys.modules, "__main__", module)
    yield module
    for name in set(linecache.cache) - before:
        del linecache.cache[name]


def run_cell(main: ModuleType, number: int, text: str) -> None:
    name = f"/nowhere/ipykernel/{number}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), vars(main))


@pytest.mark.parametrize("given", ["file", "-c", "standard input"])
def test_source_is_found_however_a_program_is_given(tmp_path: Path, given: str) -> None:
    (tmp_path / "program.py").write_text(SHOW)
    words = {"file": ["program.py"], "-c": ["-c", SHOW], "standard input": ["-"]}[given]
    with (tmp_path / "program.py").open() as file:
        done = subprocess.run([sys.executable, *words], cwd=tmp_path, stdin=file, capture_output=True, text=True)
    assert done.stdout == "\n".join([METHOD, BARE, FUNCTION, ""]), done.stderr


def test_source_from_a_pipe_is_not_kept(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-"], cwd=tmp_path, input=SHOW, capture_output=True, text=True)
    assert done.stdout == "None\nNone\nNone\n", done.stderr


def test_a_cell_that_is_edited_and_run_again_is_other_source_and_the_old_class_keeps_its_own(main: Any) -> None:
    run_cell(main, 1, PROGRAM)
    old, bare = main.Tiny, main.Wide
    run_cell(main, 2, PROGRAM.replace("4", "5"))
    assert (source_of(old), source_of(main.Tiny)) == (METHOD, METHOD.replace("4", "5"))
    assert source_of(bare) == BARE.replace("4", "5")  # without a method of its own it is taken from the last cell


def test_a_class_that_another_one_of_its_name_hides_is_found_by_its_line(main: Any) -> None:
    run_cell(main, 1, f"{PROGRAM}old = Tiny\n{METHOD.replace('4', '5')}\n")
    assert (source_of(main.old), source_of(main.Tiny)) == (METHOD, METHOD.replace("4", "5"))
