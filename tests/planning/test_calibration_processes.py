"""Laws of calibration: each kind is measured in processes of its own, and a trial that fails is named."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.spawn import get_preparation_data
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mnist_sweep import GradientDescent, Local, RayTune, Softmax, TrialConfig, grid
from mnist_sweep.errors import ConfigError, ResourceError
from mnist_sweep.planning import calibration_processes, trial_measurement
from mnist_sweep.planning.calibration_processes import calibrate
from mnist_sweep.planning.trial_measurement import Calibration, TrialCost
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials.config import from_flat, to_flat
from mnist_sweep.trials.graph_sharing import graph_signature
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.user_code.definitions import own_definitions
from tests.system.test_child_main import is_running

COST = TrialCost(step=1.0, image=0.1, overhead=2.0, tracing=3.0, saving=0.5, num_images=9, memory=7, shared_memory=5)
MODELS = """\
import multiprocessing
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
        os.kill(os.getpid(), 9)
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
    monkeypatch.delenv(calibration_processes.SAFE_PATH, raising=False)
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=1e30))
    broken, killed = (with_model(base, name) for name in ("Broken", "Killed"))
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    meeting = [with_model(base, "Meeting", mine=mine, other=other) for mine, other in ((one, two), (two, one))]
    good = [*meeting, with_model(base, "Helped"), *grid(base, {"seed": [0, 1]})]
    found = calibrate([*good, broken, killed], Local(), 2)
    assert list(found.costs) == list(dict.fromkeys(map(graph_signature, good)))
    assert min(cost.step for cost in found.costs.values()) > 0
    assert found.start > 0
    assert found.peak("memory") > 0
    assert found.failures[graph_signature(broken)].startswith("OSError: out of cheese (users_models.py:")
    assert (
        found.failures[graph_signature(killed)] == "its process was killed by signal 9, as happens when memory runs out"
    )
    assert capfd.readouterr() == ("", "")
    assert multiprocessing.active_children() == []


def test_the_first_trial_of_each_kind_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    @contextlib.contextmanager
    def process(runner: object, number: int, flats: Sequence[Mapping[str, Any]], _: bytes) -> Iterator[Iterator[Any]]:
        measured.extend(flat["seed"] for flat in flats)
        yield iter([0.5, *[COST] * len(flats)])

    monkeypatch.setattr(calibration_processes, "_process", process)
    calibrate([TrialConfig(seed=seed, batch_size=batch) for batch in (50, 60) for seed in (2, 1)], Local(), 1)
    assert measured == [2, 2]


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


def test_a_process_knows_no_main_script_and_leaves_ctrl_c_to_its_parent() -> None:
    main, before, variables = sys.modules["__main__"], signal.pthread_sigmask(signal.SIG_BLOCK, []), dict(os.environ)
    with calibration_processes._isolated():
        assert not {"init_main_from_name", "init_main_from_path"} & get_preparation_data("worker").keys()
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert sys.modules["__main__"] is main
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert os.environ == variables


def measure_all(
    runner: Local | RayTune, trials: list[TrialConfig], monkeypatch: pytest.MonkeyPatch, number: int = 0
) -> list[Any]:
    """Return what a process would send of trials, and leave this process as it is."""
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr(tensorflow_runtime, "configure", lambda **_: None)
    sent: list[Any] = []
    sender = cast("Any", SimpleNamespace(send=sent.append))
    definitions = shipping.pack(own_definitions(trials))
    flats = [to_flat(trial) for trial in trials]
    calibration_processes._measure_all(sender, os.devnull, runner, number, flats, definitions, 0.0)
    return sent


def test_a_kind_that_is_refused_is_named_and_those_after_it_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(trial: TrialConfig, dataset: object) -> TrialCost:
        if trial.seed == 1:
            raise ConfigError("no 1")
        return COST

    monkeypatch.setattr(trial_measurement, "measure", measure)
    start, *sent = measure_all(Local(), [TrialConfig(model=Softmax(), seed=seed) for seed in (1, 2)], monkeypatch)
    assert isinstance(start, float)
    assert sent == ["no 1", COST]


def test_a_process_is_as_nice_as_a_worker_of_ray_and_sees_the_same_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    niceness: list[int] = []
    monkeypatch.setattr(os, "nice", niceness.append)
    monkeypatch.setattr(trial_measurement, "measure", lambda *_: COST)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    monkeypatch.delenv(calibration_processes.NICENESS, raising=False)
    measure_all(Local(), [TrialConfig()], monkeypatch)
    measure_all(RayTune(), [TrialConfig()], monkeypatch)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,7"
    monkeypatch.setenv(calibration_processes.NICENESS, "3")
    measure_all(RayTune(gpus_per_trial=0.5), [TrialConfig()], monkeypatch, number=2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    assert niceness == [15, 3]


def messages(sent: list[Any], code: int, output: str, folder: Path) -> Iterator[Any]:
    """Return the messages of a process that has sent these, printed something, and ended."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    for message in sent:
        sender.send(message)
    sender.close()
    (folder / "log").write_text(output)
    process = cast("Any", SimpleNamespace(join=lambda: None, exitcode=code))
    return calibration_processes._messages(cast("Any", receiver), process, folder / "log")


@pytest.mark.parametrize(
    ("code", "output", "cause"),
    [
        (-9, "a model may print\n", "its process was killed by signal 9, as happens when memory runs out"),
        (1, "Traceback\nMemoryError: out of cheese\n", "MemoryError: out of cheese"),
        (3, "", "its process ended with exit status 3"),
    ],
)
def test_the_death_of_a_process_is_the_failure_of_all_that_it_had_to_measure(
    tmp_path: Path, code: int, output: str, cause: str
) -> None:
    found = messages([0.5, COST], code, output, tmp_path)
    assert [next(found) for _ in range(4)] == [0.5, COST, cause, cause]


def test_what_refuses_a_whole_process_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="no cheese"):
        next(messages([ResourceError("no cheese")], 0, "", tmp_path))


def test_a_kind_that_several_processes_measured_costs_their_mean_time_and_most_memory() -> None:
    assert calibration_processes._mean([COST, replace(COST, step=2.0, memory=8)]) == replace(COST, step=1.5, memory=8)
    costs = [replace(COST, memory=8), replace(COST, gpu_memory=6)]
    found = Calibration(start=0.0, costs=dict(enumerate(costs)), failures={})
    assert [found.peak(name) for name in ("memory", "shared_memory", "gpu_memory")] == [8, 5, 6]


def test_the_processes_end_with_this_one_however_that_ends(tmp_path: Path) -> None:
    (tmp_path / "slow_data.py").write_text("""
import os, time
from pathlib import Path

def slow():
    Path("written").write_text(str(os.getpid()))
    Path("written").rename("pid")
    time.sleep(600)
""")
    code = """
from mnist_sweep import Local, TrialConfig
from mnist_sweep.planning.calibration_processes import calibrate
import slow_data
calibrate([TrialConfig(data=slow_data.slow)], Local(), 1)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(tmp_path)])}
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment) as planning:
        deadline = time.monotonic() + 300
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            assert planning.poll() is None
            time.sleep(0.05)
        planning.kill()
    pid = int((tmp_path / "pid").read_text())
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
