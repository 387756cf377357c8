import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_sweep.errors import ConfigError, ScriptError, SweepError
from mnist_sweep.sweep.script import load


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the scripts of a test, as a new process would."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


HEAD = "from dataclasses import dataclass\nfrom mnist_sweep import *\n"


def write(folder: Path, text: str, name: str = "some_sweep.py") -> Path:
    path = folder / name
    path.write_text(HEAD + text)
    return path


def test_the_sweep_of_a_script_is_returned(tmp_path: Path) -> None:
    assert load(write(tmp_path, "SWEEP = Sweep(name='a', trials=[TrialConfig()])", "first_sweep.py")).name == "a"


def test_a_model_defined_in_the_script_is_named_by_the_script(tmp_path: Path) -> None:
    text = """
@dataclass(frozen=True)
class Mine:
    def build(self, image_shape, num_classes): ...
SWEEP = Sweep(name='a', trials=[TrialConfig(model=Mine())])
assert to_flat(SWEEP.trials[0])['model'] == 'own_model:Mine'
assert from_flat(to_flat(SWEEP.trials[0])) == SWEEP.trials[0]
"""
    load(write(tmp_path, text, "own_model.py"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must define SWEEP, a mnist_sweep.Sweep, but it defines nothing"),
        ("SWEEP = [TrialConfig()]", "it defines a list under that name"),
        ("1 / 0", "some_sweep.py:3: ZeroDivisionError: division by zero"),
        ("\nx = missing", "some_sweep.py:4: NameError: name 'missing' is not defined"),
        ("def", "some_sweep.py:3: SyntaxError"),
        ("import no_such_module", "some_sweep.py:3: ModuleNotFoundError"),
        ("TrialConfig(num_step=3)", "some_sweep.py:3: TypeError"),
    ],
)
def test_a_mistake_in_a_script_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_config_error_keeps_its_kind_and_gains_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"some_sweep.py:3: `num_steps >= 1` must hold, but got num_steps=0"):
        load(write(tmp_path, "TrialConfig(num_steps=0)"))


@pytest.mark.parametrize("name", ["missing.py", "folder.py", "notes.txt"])
def test_what_is_no_script_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "notes.txt").write_text("SWEEP")
    with pytest.raises(ScriptError, match=name):
        load(tmp_path / name)


def test_a_script_may_not_take_the_name_of_another_module(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="rename the script"):
        load(write(tmp_path, "", "json.py"))


def test_a_script_that_failed_can_be_mended_and_loaded_again(tmp_path: Path) -> None:
    with pytest.raises(SweepError):
        load(write(tmp_path, "1 / 0", "mended.py"))
    assert load(write(tmp_path, "SWEEP = Sweep(name='a', trials=[TrialConfig()])", "mended.py"))
