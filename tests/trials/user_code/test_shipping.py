"""Laws of definitions on their way to workers: each name has one, and those that cannot be imported arrive by value."""

import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Dataset, Digits, Softmax, TrialConfig
from mnist_sweep.errors import ConfigError, ScriptError
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.user_code.shipping import own_definitions
from tests.conftest import Refused

PROGRAM = """
import sys
from dataclasses import dataclass, field
from pathlib import Path
from mnist_sweep import VARIABLE, Digits, Softmax, TrialConfig, to_flat, trial_id
from mnist_sweep.trials.user_code import shipping

FACTOR = 3

def times(number):
    return FACTOR * number

@dataclass(frozen=True)
class Net:
    units: int
    rate: float = field(default=0.5, metadata=VARIABLE)

    def build(self, image_shape, num_classes):
        return times(self.units)

@dataclass(frozen=True, slots=True)
class Slim(Net):
    def build(self, image_shape, num_classes):
        return Net.build(self, image_shape, num_classes) + 1

def images():
    return Digits().load()

trials = [TrialConfig(model=Net(4)), TrialConfig(model=Slim(5), data=images)]
"""
SEND = """
import json
Path("sent").write_bytes(shipping.pack(shipping.own_definitions(trials)))
Path("flats").write_text(json.dumps([[trial_id(one), to_flat(one)] for one in trials]))
"""
RECEIVE = """
import dataclasses, inspect, json
from pathlib import Path
from mnist_sweep import *
from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.graph_sharing import model_signature

content = Path("sent").read_bytes()
shipping.unpack(content)
for name, flat in json.loads(Path("flats").read_text()):
    trial = from_flat(flat)
    assert to_flat(trial) == flat and trial_id(trial) == name
    shipping.unpack(bytes(bytearray(content)))
    assert from_flat(flat) == trial and hash(from_flat(flat)) == hash(trial)
    assert "rate" not in dict(model_signature(trial.model)[1:])
    print(trial.model, trial.model.build(None, None), "def build" in inspect.getsource(trial.model.build))
try:
    from_flat({"model": flat["model"].replace("Slim", "Net")})
except ConfigError as error:
    print(error)
"""


@dataclass(frozen=True)
class Net:
    units: int = 4

    def build(self, image_shape: Any, num_classes: int) -> Any:
        raise NotImplementedError


def images() -> Dataset:
    return Digits().load()


TRIALS = [TrialConfig(model=Net(units), data=images) for units in (4, 8)]


def test_own_classes_and_functions_are_found_once_by_their_names() -> None:
    named = {f"{__name__}:Net": Net, f"{__name__}:images": images}
    assert own_definitions([*TRIALS, TrialConfig(model=Softmax())]) == named


def test_what_a_registry_holds_is_nobodys_own() -> None:
    assert own_definitions([TrialConfig(), TrialConfig(model=Softmax())]) == {}


def test_trials_of_a_definition_that_was_made_again_are_refused(
    monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    again = type("Net", (Net,), {"__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Net", again)
    with refused(ConfigError, f"`{__name__}:Net` was redefined", "create the trials and the sweep again"):
        own_definitions(TRIALS)
    newer: Any = dataclass(frozen=True)(again)
    monkeypatch.setattr(sys.modules[__name__], "Net", newer)
    assert own_definitions([TrialConfig(model=newer())]) == {f"{__name__}:Net": newer}
    with refused(ConfigError, "was redefined"):
        own_definitions([TrialConfig(model=newer()), *TRIALS])


@dataclass(frozen=True)
class Loose:
    flag: Any = 0
    path: str = field(default="", compare=False)

    def load(self) -> Dataset:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("one", "other"), [(Loose(1), Loose(True)), (Loose((1, 2)), Loose((1, 2.0))), (Loose(), Loose(path="b"))]
)
def test_values_that_python_takes_for_equal_and_rows_do_not_are_refused(one: Any, other: Any, refused: Refused) -> None:
    own_definitions([TrialConfig(data=one), TrialConfig(data=one, seed=1), TrialConfig(data=Loose("a"))])
    with refused(ConfigError, "`data` is Loose(", "which Python takes for equal", "let `==` tell them apart"):
        own_definitions([TrialConfig(data=one), TrialConfig(data=other)])


@pytest.mark.parametrize("words", [["program.py"], ["-"]])
def test_definitions_of_a_program_arrive_by_value(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM + SEND)
    with (tmp_path / "program.py").open() as file:
        subprocess.run([sys.executable, *words], cwd=tmp_path, stdin=file, check=True)
    (tmp_path / "program.py").unlink()
    done = subprocess.run([sys.executable, "-c", RECEIVE], cwd=tmp_path, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Net(units=4, rate=0.5) 12 True", "Slim(units=5, rate=0.5) 16 True"], done.stderr
    assert "has no default for units" in lines[2]


def test_definitions_of_a_module_are_sent_by_name_with_the_folders_to_import_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    _, texts, sent = pickle.loads(content := shipping.pack(own_definitions(TRIALS)))
    assert (texts, pickle.loads(sent)) == ({}, {})
    monkeypatch.setattr(sys, "path", ["before"])
    shipping.unpack(content)
    assert sys.path[0] == "before"
    assert str(tmp_path) in sys.path


def test_nothing_is_sent_for_built_in_parts() -> None:
    assert shipping.pack({}) == b""
    shipping.unpack(b"")


def test_what_cannot_be_sent_is_named_with_a_way_out(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    definitions = own_definitions(TRIALS)
    module = sys.modules[TRIALS[0].model.__module__]
    monkeypatch.setattr(module, "__spec__", None)
    assert sorted(pickle.loads(pickle.loads(shipping.pack(definitions))[2])) == sorted(definitions)
    monkeypatch.setattr(module, "Digits", threading.Lock())  # `images` refers to it
    with refused(ScriptError, f"cannot import `{module.__name__}:images` and", "cannot pickle", "Local(in_process"):
        shipping.pack(definitions)
