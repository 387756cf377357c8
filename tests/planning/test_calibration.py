"""Laws of calibration: each kind is measured in processes of its own, and a trial that fails is named."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import Adam, GradientDescent, ResNet, Softmax, TrialConfig, grid
from mnist_sweep.errors import ResourceError
from mnist_sweep.planning import calibration
from mnist_sweep.planning.calibration import Way, calibrate, kind, way_here
from mnist_sweep.system import machine
from mnist_sweep.trials.config import from_flat, to_flat

Refused = Callable[..., AbstractContextManager[None]]
MODELS = """\
import os
import time
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep import Softmax


@dataclass(frozen=True)
class Meeting:
    mine: str
    other: str

    def build(self, image_shape, num_classes):
        Path(self.mine).touch()
        deadline = time.monotonic() + 100
        while not Path(self.other).exists():
            if time.monotonic() > deadline:
                raise TimeoutError("nobody came")
            time.sleep(0.01)
        return Softmax().build(image_shape, num_classes)


@dataclass(frozen=True)
class Broken:
    def build(self, image_shape, num_classes):
        print("a model may print")
        raise OSError("out of cheese")


@dataclass(frozen=True)
class Killed:
    def build(self, image_shape, num_classes):
        os.kill(os.getpid(), 9)
"""


def with_model(base: TrialConfig, name: str, **options: str) -> TrialConfig:
    """Return a trial with one of the user's models."""
    flat = {key: value for key, value in to_flat(base).items() if not key.startswith("model.")}
    fields = {f"model.{field}": value for field, value in options.items()}
    return from_flat(flat | {"model": f"users_models:{name}"} | fields)


def test_trials_of_a_kind_differ_in_numbers_alone() -> None:
    base = TrialConfig(model=Softmax(), optimizer=Adam())
    same: dict[str, Any] = {"optimizer": Adam(learning_rate=0.5), "seed": 3, "num_steps": 7, "evaluate_every": 3}
    others: dict[str, Any] = {
        "optimizer": GradientDescent(),
        "batch_size": 51,
        "precision": "mixed_bfloat16",
        "weight_decay": 0.1,
        "model": ResNet(),
        "augmentation": "pad_crop_flip",
    }
    for name, value in same.items():
        assert kind(replace(base, **{name: value})) == kind(base)
    for name, value in others.items():
        assert kind(replace(base, **{name: value})) != kind(base)


def test_as_many_run_as_fit_are_asked_for_and_are_there(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def workers(runner: str, threads: int = 1, most: int | None = None, trials: int = 9, gpus: float = 0.0) -> int:
        way = way_here(runner, threads=threads, gpus=gpus, xla=False, max_concurrent=most, num_trials=trials)
        return way.num_workers

    monkeypatch.setattr(machine, "num_cpus", lambda: 4)
    monkeypatch.setattr(machine, "num_gpus", lambda: 1)
    assert (workers("RayTune"), workers("RayTune", threads=2), workers("Local")) == (4, 2, 1)
    assert (workers("RayTune", most=3), workers("RayTune", trials=2), workers("RayTune", gpus=0.5)) == (3, 2, 2)
    with refused(ResourceError, "must fit one machine"):
        workers("RayTune", threads=5)


def test_every_kind_is_measured_beside_others_or_its_failure_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_models.py").write_text(MODELS)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=1e30))
    broken, killed = (with_model(base, name) for name in ("Broken", "Killed"))
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    meeting = [with_model(base, "Meeting", mine=mine, other=other) for mine, other in ((one, two), (two, one))]
    good = [*meeting, *grid(base, {"seed": [0, 1]})]
    found = calibrate([*good, broken, killed], Way(runner="Local", num_workers=2), code=[tmp_path])
    assert list(found.costs) == list(dict.fromkeys(map(kind, good)))
    assert min(cost.step for cost in found.costs.values()) > 0
    assert found.start > 0
    assert found.memory > 0
    assert found.failures[kind(broken)].startswith("OSError: out of cheese (users_models.py:")
    assert found.failures[kind(killed)] == "its process was ended by signal 9, as it is when memory runs out"


def test_a_kind_that_is_refused_is_named_and_those_after_it_are_measured() -> None:
    code = """
from mnist_sweep.planning import calibration, stopwatch
from mnist_sweep.errors import ConfigError

def refused(trial, dataset):
    raise ConfigError(f"no {trial.seed}")

stopwatch.cost = refused
calibration.main()
"""
    trials = [to_flat(TrialConfig(model=Softmax(), seed=seed)) for seed in (1, 2)]
    task = {"started": 0.0, "code": [], "options": {"threads": 1, "gpus": 0, "xla": False}, "trials": trials}
    ended = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(task), capture_output=True, text=True, timeout=100, check=True
    )
    _, *told = map(json.loads, ended.stdout.splitlines())
    assert told == [{"failure": "no 1"}, {"failure": "no 2"}]


def test_cards_are_shown_as_ray_would() -> None:
    assert calibration._cards(3, 0) == {}
    assert [calibration._cards(worker, 0.5)["CUDA_VISIBLE_DEVICES"] for worker in range(4)] == ["0", "0", "1", "1"]
    assert [calibration._cards(worker, 2)["CUDA_VISIBLE_DEVICES"] for worker in range(2)] == ["0,1", "2,3"]
