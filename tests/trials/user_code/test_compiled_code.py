"""Laws of compiled code: the digest of a program from a pipe changes with what its trials reach, and only with it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.trials.user_code.code_digest import CodeDigests

PROGRAM = """
import time
from dataclasses import dataclass
import nets
from mnist_sweep import TrialConfig
from mnist_sweep.trials.user_code.code_digest import CodeDigests

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
