"""Laws of calibration: each kind is measured in processes of its own, and a trial that fails is named."""

import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mnist_sweep import GradientDescent, Local, RayTune, Softmax, TrialConfig
from mnist_sweep.errors import ConfigError, ProcessLostError, ResourceError
from mnist_sweep.planning import calibration_processes, trial_measurement
from mnist_sweep.planning.calibration_processes import calibrate
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.runners import trial_process
from mnist_sweep.trials.config import from_flat, to_flat

COST = TrialCost(start=0.5, step=1.0, image=0.1, overhead=2.0, tracing=3.0, saving=0.5, memory=7, shared_memory=5)
MODELS = """\
import multiprocessing
import os
import signal
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
class Helped:
    def build(self, image_shape, num_classes):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(os.getenv, ["PYTHONSAFEPATH"]) == [None]
        return Softmax().build(image_shape, num_classes)


@dataclass(frozen=True)
class Broken:
    def build(self, image_shape, num_classes):
        print("a model may print")
        raise OSError("out of cheese")


@dataclass(frozen=True)
class Killed:
    def build(self, image_shape, num_classes):
        signal.raise_signal(signal.SIGKILL)
"""


def with_model(base: TrialConfig, name: str, **options: str) -> TrialConfig:
    """Return a trial with one of the user's models."""
    flat = {key: value for key, value in to_flat(base).items() if not key.startswith("model.")}
    fields = {f"model.{field}": value for field, value in options.items()}
    return from_flat(flat | {"model": f"users_models:{name}"} | fields)


@pytest.mark.slow
def test_every_kind_is_measured_beside_others_or_its_failure_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "users_models.py").write_text(MODELS)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=1e30))
    broken, killed = (with_model(base, name) for name in ("Broken", "Killed"))
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    meeting = [with_model(base, "Meeting", mine=mine, other=other) for mine, other in ((one, two), (two, one))]
    good = [*meeting, with_model(base, "Helped"), base]
    *costs, failure, death = calibrate([*good, broken, killed], Local(), 2)
    for cost in costs:
        assert isinstance(cost, TrialCost)
        assert min(cost.start, cost.step, cost.memory) > 0
    assert str(failure).startswith("OSError: out of cheese (users_models.py:")
    assert death == "its process was killed by SIGKILL, by someone or because memory ran out"
    assert capfd.readouterr() == ("", "")


class Process:
    """A process that has sent something at any time: that it is ready, and a cost of each trial unless it has died."""

    tasks: ClassVar[list[tuple[Any, ...]]] = []
    death: ClassVar[Exception | None] = None

    def __init__(self, patience: float) -> None:
        self.connection, self.other_side = multiprocessing.Pipe()
        self.other_side.send(None)

    def run(self, function: object, *task: Any) -> Iterator[Any]:
        self.tasks.append(task)
        yield from (None, COST)
        if self.death:
            raise self.death
        yield from [COST] * (len(task[0]) - 1)

    def kill(self) -> None:
        self.other_side.close()


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """Let no real process start; return what each was asked for."""
    monkeypatch.setattr(calibration_processes, "ChildProcess", Process)
    yield Process.tasks
    Process.tasks.clear()


def test_processes_are_as_nice_as_workers_of_ray_and_see_the_same_gpus(
    tasks: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    monkeypatch.delenv(calibration_processes.NICENESS, raising=False)
    calibrate([TrialConfig()], Local(), 1)
    calibrate([TrialConfig()], RayTune(), 1)
    monkeypatch.setenv(calibration_processes.NICENESS, "3")
    calibrate([TrialConfig()], RayTune(gpus_per_trial=0.5), 3)
    assert [(niceness, card) for _, niceness, *_, card in tasks] == [
        *((0, None), (15, None)),
        *((3, "5"), (3, "5"), (3, "7")),
    ]


@pytest.mark.usefixtures("tasks")
def test_the_death_of_a_process_is_the_failure_of_all_that_it_had_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [TrialConfig(batch_size=batch) for batch in (50, 60, 70)]
    monkeypatch.setattr(Process, "death", ProcessLostError("its process was killed"))
    assert calibrate(trials, Local(), 1) == [COST, "its process was killed", "its process was killed"]
    monkeypatch.setattr(Process, "death", ResourceError("no cheese"))
    with pytest.raises(ResourceError, match="no cheese"):
        calibrate(trials, Local(), 1)


@pytest.mark.slow
def test_neither_a_main_script_without_a_guard_nor_modules_of_the_working_folder_are_imported(tmp_path: Path) -> None:
    (tmp_path / "socket.py").write_text("raise OSError('out of cheese')\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "unguarded.py").write_text(
        "from mnist_sweep import *\nfrom mnist_sweep.planning.plan_builder import plan\n"
        "print(__name__, flush=True)\n"
        "print(plan(Sweep(name='one', trials=[TrialConfig(model=Softmax())]), runner=Local()))\n"
    )
    command = [sys.executable, "scripts/unguarded.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    name, shown = ended.stdout.splitlines()
    assert name == "__main__"
    assert shown.startswith("<Plan of 'one': 1 trial to run, time ")


def test_a_kind_that_is_refused_is_named_and_those_after_it_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(trial: TrialConfig, dataset: object) -> TrialCost:
        if trial.seed == 1:
            raise ConfigError("no 1")
        return COST

    monkeypatch.setattr(trial_measurement, "measure", measure)
    monkeypatch.setattr(trial_process, "prepare", lambda *_: ())
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    flats = [to_flat(TrialConfig(model=Softmax(), seed=seed)) for seed in (1, 2)]
    before = time.monotonic()
    refused, cost = itertools.islice(calibration_processes.measure_all(flats, 0, before), 2)
    assert (refused, replace(cost, start=0.5)) == ("no 1", COST)
    assert 0 < cost.start <= time.monotonic() - before


def test_a_kind_that_several_processes_measured_costs_their_mean_time_and_most_memory() -> None:
    assert calibration_processes._mean([COST, replace(COST, step=2.0, memory=8)]) == replace(COST, step=1.5, memory=8)
