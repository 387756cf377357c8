"""Laws of the normal form: how code is written does not count, what it means does."""

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.trials.user_code.reachable_code import CodeDigests
from mnist_sweep.trials.user_code.source_digest import normal_form

CODE = """
class Net(Base):
    rate: float = 0.5

    def build(self, shape, number):
        name = f"{self.rate!r:>10} of {number}"
        return [layer(name, 'relu', -1)]
"""


def form(code: str) -> str:
    return normal_form(ast.parse(code))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rate: float = 0.5\n", 'rate: float = 0.5\n    # a comment\n    "of dropout"\n'),
        ("def build", "def build"),
        ("number):", 'number: int) -> "list[str]":\n        """Builds it."""\n'),
        ("name = f", "name: str = f"),
        ("'relu'", '"relu"'),
        ("[layer(name, 'relu', -1)]", "[\n            (layer)(name, ('re' 'lu'), (-1),),\n        ]"),
        ('of {number}"', 'of " f"{number}" \'\''),
        ("name = f", "pass\n        other: int\n        name = f"),
    ],
)
def test_how_code_is_written_does_not_count(one: str, other: str) -> None:
    assert one in CODE
    assert form(CODE.replace(one, other)) == form(CODE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rate: float", "rate: int"),
        ("0.5", "1.0"),
        ("0.5", "'0.5'"),
        ("-1", "-1.0"),
        ("-1", "True"),
        ("'relu'", "'tanh'"),
        ("'relu'", "b'relu'"),
        (">10", ">11"),
        ("!r", ""),
        ("(Base)", ""),
        ("def build(self, shape, number)", "def build(self, number, shape)"),
        ("def build", "@cached\n    def build"),
        ("    rate: float = 0.5", "    rate = 0.5"),
    ],
)
def test_what_code_means_counts(one: str, other: str) -> None:
    assert one in CODE
    assert form(CODE.replace(one, other)) != form(CODE)


def test_it_is_the_same_on_every_version_of_python() -> None:
    wanted = (
        "Module(body=[Assign(targets=[Name(id='x')], value=Call(func=Name(id='f'), args=[int(1), JoinedStr([str('a'), "
    )
    assert form("x: int = f(1, 'a' f'{y}')").startswith(wanted)


PROGRAM = """
import time
from dataclasses import dataclass
import nets
from mnist_sweep import TrialConfig
from mnist_sweep.trials.user_code.reachable_code import CodeDigests

FACTOR, UNUSED, NOW = 3, 4, time.time()

def times(number, by=2):
    return FACTOR * number if number in {"a", "b", "c"} else by

@dataclass(frozen=True)
class Base:
    units: int = 8

    @property
    def width(self):
        return times(self.units)

@dataclass(frozen=True)
class Net(Base):
    def build(self, image_shape, num_classes):
        return [nets.layer(self.width) for _ in range(2)]

print(CodeDigests().of(TrialConfig(model=Net())))
"""


def digest(folder: Path, old: str = "", new: str = "") -> str:
    assert old in PROGRAM
    program = PROGRAM.replace(old, new) if old else PROGRAM
    done = subprocess.run([sys.executable, "-"], cwd=folder, input=program, capture_output=True, text=True)
    assert len(done.stdout.strip()) > 8, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text("def layer(width):\n    return width\n")
    return tmp_path


def test_a_piped_program_has_a_digest_of_what_its_trials_reach(folder: Path) -> None:
    before = digest(folder)
    for old, new in [("UNUSED, NOW = 3, 4", "UNUSED, NOW = 3, 5"), ("@dataclass", "# a comment\n@dataclass")]:
        assert digest(folder, old, new) == before
    changes = [("= 3, 4", "= 5, 4"), ("by=2", "by=1"), ("= 8", "= 9"), ("range(2)", "range(3)"), ('"c"', '"d"')]
    assert before not in (others := [digest(folder, old, new) for old, new in changes])
    assert len(set(others)) == len(changes)
    (folder / "nets.py").write_text("def layer(width):\n    return width + 1\n")
    assert digest(folder) not in (before, *others)


def test_a_class_that_came_to_a_worker_by_value_has_no_digest_there() -> None:
    came: Any = dataclass(frozen=True)(type("Came", (), {"__module__": "__main__", "build": digest}))
    assert CodeDigests().of(TrialConfig(model=came())) is None
