"""Laws of the source code: which modules are the user's own, read without imports, and what their names stand for."""

import ast
import importlib
import linecache
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mnist_sweep.sweep.script import import_script
from mnist_sweep.trials.user_code.user_modules import (
    SourceModule,
    Target,
    bound_names,
    changed_names,
    source_module,
    text_of,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path."""
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def only(code: str) -> ast.stmt:
    (statement,) = ast.parse(code).body
    return statement


def test_a_module_is_read_and_not_imported(folder: Path) -> None:
    (folder / "own_and_fatal.py").write_text("raise SystemExit\nX = 1\n")
    module = source_module("own_and_fatal")
    assert module is not None
    assert (module.label, [*module.bindings]) == ("own_and_fatal", ["X"])
    assert "own_and_fatal" not in sys.modules


@pytest.mark.parametrize(
    "name", ["json", "json.decoder", "numpy", "numpy.linalg", "mnist_sweep.data", "sys", "absent", "a.b"]
)
def test_installed_modules_are_not_the_users(name: str) -> None:
    assert source_module(name) is None


def test_an_installed_package_that_defines_a_part_is_the_users() -> None:
    assert source_module("pytest", frozenset({"pytest"})) is not None


def test_packages_with_and_without_an_init_are_found(folder: Path) -> None:
    for name in ("own_pack/__init__.py", "own_pack/inner/deep.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("from . import other\n")
    for name in ("own_pack", "own_pack.inner", "own_pack.inner.deep"):
        assert source_module(name) is not None, name
    deep = source_module("own_pack.inner.deep")
    assert deep is not None
    assert deep.imports == {"other": [Target("own_pack.inner", ("other",))]}


def test_a_file_that_is_not_source_is_one_content(folder: Path) -> None:
    (folder / "own_broken.py").write_bytes(b"def \xff\n")
    module = source_module("own_broken")
    assert module is not None
    assert module.content == b"def \xff\n"


def test_the_script_is_named_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_sweep.py").write_text("X = 1\n")
    main = ModuleType("__main__")
    main.__file__ = str(tmp_path / "my_sweep.py")
    monkeypatch.setitem(sys.modules, "__main__", main)
    module = source_module("__main__")
    assert module is not None
    assert (module.label, [*module.bindings]) == ("my_sweep", ["X"])


def test_of_a_notebook_the_cell_that_ran_last_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("__main__")
    cells = ["", "def f(): return 1", "this is no code", "X = 1", "def f(): return 2"]
    vars(main).update(get_ipython=None, In=cells)
    monkeypatch.setitem(sys.modules, "__main__", main)
    module = source_module("__main__")
    assert module is not None
    assert {name: [*map(ast.unparse, found)] for name, found in module.bindings.items()} == {
        "f": ["def f():\n    return 2"],
        "X": ["X = 1"],
    }


def test_code_on_the_command_line_is_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    monkeypatch.setattr(sys, "orig_argv", ["python", "-c", "X = 1", "--quiet"])
    module = source_module("__main__")
    assert module is not None
    assert [*module.bindings] == ["X"]


def test_a_program_from_a_file_on_standard_input_is_source(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "from mnist_sweep.trials.user_code.user_modules import source_module\n"
        "print(*source_module('__main__').bindings)\nX = 1\n"
    )
    with (tmp_path / "program.py").open() as file:
        done = subprocess.run([sys.executable, "-"], stdin=file, capture_output=True, text=True)
    assert done.stdout == "X\n", done.stderr


def test_a_script_in_a_package_is_relative_to_it_whatever_its_name(folder: Path) -> None:
    package = folder / "lab_of_scripts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "nets.py").write_text("Net = 3\n")
    (package / "packaged_script.py").write_text("from .nets import Net\n")
    import_script(package / "packaged_script.py")
    module = source_module("packaged_script")
    assert module is not None
    assert module.imports == {"Net": [Target("lab_of_scripts.nets", ("Net",))]}


def test_blocks_that_no_import_runs_are_left_out() -> None:
    module = SourceModule("m", "")
    guarded = "if __name__ == '__main__':\n    X = 1\nif TYPE_CHECKING:\n    import a\n"
    module.add(ast.parse(f"{guarded}try:\n    import b\nexcept E:\n    b = 0").body)
    assert ([*module.bindings], [*module.imports]) == (["b"], ["b"])


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(x): y = 1", {"f"}),
        ("class A:\n    b = 1", {"A"}),
        ("a, (b, *c) = d", {"a", "b", "c"}),
        ("for a in b:\n    def f(): c = 1", {"a", "f"}),
        ("with a as b: import c.d as e, f.g", {"b", "e", "f"}),
        ("a[0] = b.c = 1", set()),
        ("a = [b for b, c in d if (e := b)]", {"a", "e"}),
    ],
)
def test_statements_bind_names_of_their_own_scope(code: str, names: set[str]) -> None:
    assert bound_names(only(code)) == names


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a.b = 1", {"a"}),
        ("a['b'].c += 1", {"a"}),
        ("a.update(b)", {"a"}),
        ("for x in y:\n    a[x] = 1", {"a"}),
        ("f(a)", set()),
        ("a = b.copy()", set()),
    ],
)
def test_statements_change_what_names_stand_for(code: str, names: set[str]) -> None:
    assert changed_names(only(code)) == names


PROGRAM = """\
from functools import cache
from mnist_sweep.trials.user_code.user_modules import codes_of, text_of

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
    assert [text_of(f"cell {number}") for number in (1, 2, 3)] == ["a = 1\n", "a = 2\n", ""]
