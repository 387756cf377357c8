"""Laws of the names of types."""

import importlib
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep.errors import ConfigError, ScriptError, UnknownNameError
from mnist_sweep.trials.registry import name_of, resolve
from tests.conftest import Refused

REGISTRY: dict[str, Any] = {"whole": int, "real": float}


class Own:
    class Inner:
        pass


def own() -> None:
    pass


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Put a module `broken_module` with this source on the import path."""

    def write(source: str) -> None:
        (tmp_path / "broken_module.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        importlib.invalidate_caches()

    return write


@pytest.mark.parametrize(("thing", "name"), [(int, "whole"), (float, "real"), (Fraction, "fractions:Fraction")])
def test_name_is_the_registered_one_or_the_import_path(thing: Any, name: str) -> None:
    assert name_of(thing, REGISTRY) == name


@pytest.mark.parametrize("thing", [int, float, Fraction, Own, own, Path])
def test_name_resolves_to_what_it_names(thing: Any) -> None:
    assert resolve(name_of(thing, REGISTRY), REGISTRY, kind="model") is thing


def test_name_of_a_class_in_the_running_script_is_the_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/some/folder/my_sweep.py", raising=False)
    assert name_of(type("Net", (), {"__module__": "__main__"}), REGISTRY) == "my_sweep:Net"


def local() -> Any:
    class Hidden:
        pass

    return Hidden


@pytest.mark.parametrize("thing", [lambda: None, local(), Own.Inner])
def test_thing_without_an_import_path_has_no_name(refused: Refused, thing: Any) -> None:
    with refused(ConfigError, thing.__qualname__, "top level of a module"):
        name_of(thing, REGISTRY)


def test_unknown_name_lists_the_known_ones(refused: Refused) -> None:
    with refused(UnknownNameError, "unknown model 'wholes'", "known are real, whole", "package.module:Name"):
        resolve("wholes", REGISTRY, kind="model")


@pytest.mark.parametrize("name", ["no_such_module:Net", "fractions:Net", "fractions:", ":Net", "..fractions:Net", ":"])
def test_import_path_that_leads_nowhere_is_named_with_a_way_out(refused: Refused, name: str) -> None:
    with refused(ScriptError, f"the model {name!r} cannot be imported", "PYTHONPATH"):
        resolve(name, REGISTRY, kind="model")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module", "no_such_module"),
        ("raise ImportError('two\\nlines')", "two"),
        ("1 / 0", "division by zero"),
        ("this is no Python", "invalid syntax"),
    ],
)
def test_import_path_into_a_broken_module_is_told_in_one_line(
    refused: Refused, broken: Callable[[str], None], source: str, cause: str
) -> None:
    broken(source)
    with refused(ScriptError, "broken_module:Net", cause):
        resolve("broken_module:Net", REGISTRY, kind="model")


def test_import_path_into_a_module_that_starts_a_run_names_the_guard(
    refused: Refused, broken: Callable[[str], None]
) -> None:
    broken("import mnist_sweep\nmnist_sweep.run(None)")
    with refused(ScriptError, "broken_module:Net", "calls run() whenever it is imported", 'if __name__ == "__main__":'):
        resolve("broken_module:Net", REGISTRY, kind="model")
