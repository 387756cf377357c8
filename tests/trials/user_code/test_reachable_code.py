"""Laws of the code that a trial reaches: all of it counts in the digest, and nothing else."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mnist_sweep
from mnist_sweep import CNN, MNIST, Softmax, TrialConfig
from mnist_sweep.trials.user_code.reachable_code import CodeDigests, own_parts, reached

FILES = {
    "net.py": '''
"""A model."""
import json
from dataclasses import dataclass
import widths
from helpers import base as bases, STRENGTH
from helpers.deep import *
import mnist_sweep

SCALES = {"a": 1.0}
SCALES["b"] = widths.hidden()
units = 4

def unused(): return 1

def scaled(value: float = 1.0) -> float:
    widths = value
    return starred(SCALES["a"]) * widths

@dataclass(frozen=True)
class Net(bases.Base):
    units: int = 8

    def build(self, image_shape, num_classes):
        import keras, lazy
        from widths import other as o
        return scaled(o()), lazy.Layer.size, STRENGTH

NAMES = [name for name in ("a", "b")]
SWEEP = mnist_sweep.run(Net())
if __name__ == "__main__":
    print(SWEEP)
''',
    "widths.py": "def hidden(): return 8\ndef other(): return [third for third in ()] or third()\n"
    "def third(): return 1\ndef fourth(): return 1\n",
    "lazy.py": "import tensorflow\nclass Layer:\n    size = 1\n",
    "helpers/__init__.py": "from . import base\nfrom .constants import STRENGTH\n",
    "helpers/constants.py": "STRENGTH = 5\n",
    "helpers/base.py": "from .constants import STRENGTH as S\nclass Base:\n    def strength(self): return S\n",
    "helpers/deep.py": "def starred(x): return x\ndef not_starred(x): return x\n",
}
PART: Any = SimpleNamespace(__module__="net", __name__="Net")
Reach = Callable[..., dict[str, str] | None]


@pytest.fixture
def reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """Return what the model reaches after an edit of one of the files."""
    monkeypatch.syspath_prepend(tmp_path)

    def reach(file: str = "net.py", old: str = "", new: str = "") -> dict[str, str] | None:
        assert old in FILES[file]
        for name, text in (FILES | {file: FILES[file].replace(old, new, 1)}).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        importlib.invalidate_caches()
        return reached((PART,))

    return reach


def test_everything_of_the_users_own_that_a_part_reaches_is_found_and_nothing_imported(reach: Reach) -> None:
    found = reach()
    assert found is not None
    assert found.keys() - {"net:dataclass", "net:widths", "net:bases", "net:STRENGTH"} == {
        "net:Net",
        "net:SCALES",
        "net:scaled",
        "widths:hidden",
        "widths:other",
        "widths:third",
        "lazy:Layer",
        "helpers:base",
        "helpers:STRENGTH",
        "helpers.base:Base",
        "helpers.base:S",
        "helpers.constants:STRENGTH",
        "helpers.deep:starred",
    }
    assert not {"net", "widths", "lazy", "helpers"} & sys.modules.keys()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", "return scaled(o())", "return scaled(o() + 1)"),
        ("net.py", "units: int = 8", "units: int = 9"),
        ("net.py", "(bases.Base)", ""),
        ("net.py", '{"a": 1.0}', '{"a": 2.0}'),
        ("net.py", 'SCALES["b"] =', 'SCALES["c"] ='),
        ("net.py", "value: float = 1.0", "value: float = 2.0"),
        ("net.py", "NAMES =", "Net.rate = 1\nNAMES ="),
        ("net.py", "NAMES =", "for name in 'ab': SCALES[name] = 1\nNAMES ="),
        ("widths.py", "return 8", "return 64"),
        ("widths.py", "def third(): return 1", "def third(): return 2"),
        ("lazy.py", "size = 1", "size = 2"),
        ("helpers/constants.py", "5", "6"),
        ("helpers/base.py", "return S", "return -S"),
        ("helpers/deep.py", "def starred(x): return x", "def starred(x): return -x"),
    ],
)
def test_an_edit_of_what_is_reached_counts(reach: Reach, file: str, old: str, new: str) -> None:
    assert reach() != reach(file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", '"""A model."""', '"""Another text."""  # and a comment'),
        ("net.py", "value: float = 1.0) -> float", "value: int = 1.0)"),
        ("net.py", "def unused(): return 1", "def unused(): return 2"),
        ("net.py", "units = 4", "units = 5"),
        ("net.py", '("a", "b")', '("a", "b", "c")'),
        ("net.py", "run(Net())", "run(Net(units=9))"),
        ("net.py", "    print(SWEEP)", "    Net.units = 1"),
        ("widths.py", "def fourth(): return 1", ""),
        ("helpers/deep.py", "def not_starred(x): return x", ""),
        ("lazy.py", "import tensorflow", ""),
    ],
)
def test_an_edit_of_anything_else_does_not(reach: Reach, file: str, old: str, new: str) -> None:
    assert reach() == reach(file, old, new)


def test_an_unguarded_run_of_the_sweep_is_not_code_of_the_model(reach: Reach) -> None:
    assert reach() == reach("net.py", "SWEEP = mnist_sweep.run", "mnist_sweep.run")


def test_code_that_cannot_be_found_is_unknown(reach: Reach) -> None:
    reach()
    assert reached((SimpleNamespace(__module__="absent", __name__="Net"),)) is None
    assert reached((SimpleNamespace(__module__="net", __name__="Absent"),)) is None


def test_built_in_parts_have_the_digest_of_no_code() -> None:
    digests = {CodeDigests().of(config) for config in (TrialConfig(), TrialConfig(model=Softmax(), data=MNIST()))}
    assert digests == {"44136fa355b3678a"}
    assert own_parts(TrialConfig(model=CNN())) == ()


def test_digests_are_the_same_on_every_version_of_python(reach: Reach, tmp_path: Path) -> None:
    expected = reach()
    code = "import json; from types import SimpleNamespace as N; "
    code += "from mnist_sweep.trials.user_code.reachable_code import reached; "
    code += "print(json.dumps(reached((N(__module__='net', __name__='Net'),))))"
    others = [found for minor in (11, 12, 13, 14) if (found := shutil.which(f"python3.{minor}"))]
    path = f"{tmp_path}:{Path(mnist_sweep.__file__).parents[1]}"
    for python in others:  # of which some may be stubs
        done = subprocess.run([python, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
        assert done.returncode or json.loads(done.stdout) == expected, python
    assert expected is not None
    assert (expected["net:Net"], expected["net:scaled"]) == ("ff5eeac49f9fe465", "5b4b495dece1a2b7")
