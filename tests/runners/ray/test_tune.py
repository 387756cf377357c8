"""Laws of the runner on Ray: most in the Ray that all tests share, the rest in processes of their own.

Ray is one per process, so a test that needs cards, signals while Ray starts, or Ray's own end runs a script.
"""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray.tune.schedulers import AsyncHyperBandScheduler, HyperBandScheduler

from mnist_sweep import (
    CNN,
    OPTIMIZERS,
    Choice,
    GradientDescent,
    Integer,
    Local,
    Momentum,
    Outcome,
    RayTune,
    Search,
    Softmax,
    Sweep,
    TrialConfig,
    grid,
    run,
)
from mnist_sweep.errors import LedgerError, ResourceError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.runners.ray import cluster, private, retries, sent_data, tune
from mnist_sweep.trials.events import Event, Notice, TrialEvaluated, TrialPaused, TrialRetried
from tests.conftest import Figures
from tests.runners.ray.users_models import Deadly, Inspecting
from tests.runners.test_protocol import Notes
from tests.runners.test_trial_process import numbers
from tests.runners.users_models import Ending
from tests.sweep.conftest import Events
from tests.training.training_code import Linear

ROOT = Path(__file__).parents[3]
BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)

PARTS = """
import os, signal, time
from dataclasses import dataclass
from pathlib import Path
import mnist_sweep
from mnist_sweep import *

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
"""


def in_process(folder: Path, code: str, *, status: int = 0) -> Any:
    """Run code with the parts above; return what it printed last, read as JSON."""
    (folder / "parts.py").write_text(PARTS)
    body = "\n".join(f"    {line}" for line in code.strip().splitlines())
    head = "import json, sys\nfrom parts import *\nif __name__ == '__main__':\n    code = [Path(__file__).parent]\n"
    script = f"{head}{body}\n"
    (folder / "script.py").write_text(script)
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1]) if ended.stdout else ended.stderr


@pytest.mark.usefixtures("ray_session")
def test_one_process_one_worker_and_two_workers_give_the_same_bytes(tmp_path: Path, figures: Figures) -> None:
    base = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.3), num_steps=30, evaluate_every=10)
    sweep = Sweep(name="same", trials=grid(base, {"optimizer": list(OPTIMIZERS)}))
    runners: dict[str, Runner] = {"local": Local(in_process=True), "one": RayTune(max_concurrent=1), "two": RayTune()}
    for name, runner in runners.items():
        assert run(sweep, results=tmp_path / name, runner=runner).complete
    local, one, two = (figures(tmp_path / name / "same") for name in runners)
    assert local == one == two


@pytest.mark.slow
def test_a_script_gives_the_same_bytes_in_one_process_one_worker_and_two_workers(
    tmp_path: Path, figures: Figures
) -> None:
    script = """
import mnist_sweep
from mnist_sweep import *
BASE = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.3), num_steps=30, evaluate_every=10)
SWEEP = Sweep(name="same", trials=repeat(grid(BASE, {"optimizer": list(OPTIMIZERS)}), seeds=2))
if __name__ == "__main__":
    mnist_sweep.main(__file__)
"""
    (tmp_path / "same.py").write_text(script)
    ways = {"local": ["--runner", "local"], "one": ["--max-concurrent", "1"], "two": []}
    for name, options in ways.items():
        command = [sys.executable, "same.py", "--results", name, "--quiet", *options]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    local, one, two = (figures(tmp_path / name / "same") for name in ways)
    assert local == one == two


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_a_trial_without_a_gpu_sees_none_and_has_a_thread_for_each_cpu(tmp_path: Path) -> None:
    sweep = Sweep(name="t", trials=[TrialConfig(model=Inspecting())], code=[ROOT])
    outcome = run(sweep, results=tmp_path, runner=RayTune(cpus_per_trial=2))
    (error,) = (row.error for row in outcome.rows)
    assert error
    assert error.startswith("RuntimeError: '' 2 (users_models.py:")


@pytest.mark.slow
def test_a_trial_sees_its_own_gpu_only_and_says_that_tensorflow_does_not(tmp_path: Path) -> None:
    code = """
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
import ray
ray.init("local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
sweep = Sweep(name="t", trials=grid(TrialConfig(), {"seed": [0, 1]}), code=code)
outcome = run(sweep, runner=RayTune(gpus_per_trial=0.6))
assert ray.is_initialized()
print(json.dumps([row.error for row in outcome.rows]))
"""
    errors = in_process(tmp_path, code)
    seen = {error.partition("CUDA_VISIBLE_DEVICES=")[2][0] for error in errors}
    assert seen == {"0", "1"}
    assert all(error.startswith("ResourceError: the trial holds 0.6 GPU") for error in errors)


# What TensorFlow says of cards is the one thing that a machine without them cannot show. It is replaced when TensorFlow
# is imported, in whatever process that is.
SITECUSTOMIZE = """
import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path

def note(what):
    with (Path(__file__).parent / "notes").open("a") as file:
        file.write(f"{os.environ['CUDA_VISIBLE_DEVICES']} {what}\\n")

class Cards:
    @classmethod
    def find_spec(cls, name, path, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(cls)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            module.config.list_physical_devices = lambda kind=None: ["card"]
            module.config.set_logical_device_configuration = lambda card, limits: note(f"{limits[0].memory_limit:.0f}")
            module.config.experimental.set_memory_growth = lambda card, on: note("all")
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Cards)
"""

CARDS = """
from dataclasses import dataclass
from pathlib import Path
import tensorflow as tf
from mnist_sweep import Softmax

@dataclass(frozen=True)
class Large:
    number: int = 0
    def build(self, image_shape, num_classes):
        if self.number == 1 and (Path(__file__).parent / "notes").read_text().count("all") < 1:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
        return Softmax().build(image_shape, num_classes)
"""


def on_a_card(folder: Path, sweep: str) -> tuple[Any, list[str]]:
    """Run a sweep on quarters of a card; return the status and error of each row, and what was set of the card."""
    (folder / "cards.py").write_text(CARDS)
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    smi = folder / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 16000\n")
    smi.chmod(0o755)
    code = f"""
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["PATH"] = os.pathsep.join([str(Path("bin").resolve()), os.environ["PATH"]])
os.environ["PYTHONPATH"] = str(Path.cwd())
import ray
from cards import Large
ray.init("local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
outcome = run({sweep}, runner=RayTune(gpus_per_trial=0.25))
print(json.dumps([[row.status, row.error] for row in outcome.rows]))
"""
    return in_process(folder, code), (folder / "notes").read_text().splitlines()


@pytest.mark.slow
def test_a_share_of_a_gpu_is_a_share_of_its_memory_and_a_trial_that_needs_more_is_alone_on_it(tmp_path: Path) -> None:
    sweep = "Sweep(name='t', trials=grid(BASE, {'model': [Large(number=number) for number in range(3)]}), code=code)"
    rows, notes = on_a_card(tmp_path, sweep)
    assert rows == [["ok", None]] * 3
    assert set(notes[:-1]) == {"0 3800"}  # a quarter of what CUDA leaves of 16,000 MiB
    assert notes[-1] == "0 all"


@pytest.mark.slow
def test_a_population_goes_on_after_members_that_were_alone_on_the_card(tmp_path: Path) -> None:
    base = "TrialConfig(model=Large(number=1), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)"
    axes = "{'optimizer.learning_rate': Uniform(low=0.1, high=1.0)}"
    search = f"Search(base={base}, axes={axes}, num_trials=4, algorithm=PBT(population=2))"
    sweep = f"Sweep(name='t', search={search}, code=code)"
    rows, notes = on_a_card(tmp_path, sweep)
    assert rows == [["ok", None]] * 4
    assert "0 all" in notes


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_what_a_model_ends_is_not_retried_but_what_the_system_ends_is(tmp_path: Path) -> None:
    errors = {
        "": "",
        "leave": "SystemExit: no GPU (users_models.py:",
        "exit": "ProcessExitError: os._exit(0) (users_models.py:",
        "abort": "its process was killed by SIGABRT (users_models.py:",
        "kill": "its process was killed by SIGKILL, by someone or because memory ran out",
    }
    sweep, events = Sweep(name="t", trials=grid(BASE, {"model": list(map(Ending, errors))}), code=[ROOT]), Events()
    runner = RayTune(max_retries=1, max_concurrent=1)
    rows = run(sweep, results=tmp_path, runner=runner, listeners=[events]).rows
    assert [row.status for row in rows] == ["ok", *["failed"] * 4]
    assert [row.error for row, error in zip(rows, errors.values(), strict=True) if error not in (row.error or "")] == []
    assert [event.trial_id for event in events.of(TrialRetried)] == [rows[-1].trial_id]


@pytest.mark.slow
@pytest.mark.parametrize("max_concurrent", [1, None], ids=["one worker", "two workers"])
@pytest.mark.usefixtures("ray_session")
def test_a_trial_whose_worker_dies_is_retried_then_failed_and_the_sweep_continues(
    tmp_path: Path, max_concurrent: int | None
) -> None:
    tries = tmp_path / "tries"
    schedules = [Deadly(), Deadly(file=str(tries)), Deadly(number=1)]
    sweep = Sweep(name="t", trials=grid(BASE, {"schedule": schedules}), code=[ROOT])
    outcome = run(sweep, results=tmp_path, runner=RayTune(max_retries=1, max_concurrent=max_concurrent))
    assert [row.status for row in outcome.rows] == ["ok", "failed", "ok"]
    assert (outcome.rows[1].error or "").startswith("the worker was lost: The actor died unexpectedly")
    assert tries.read_text() == "11"  # one try that killed its worker, and one more


class LosingMarkers:
    """A listener that deletes the marker of its run, and keeps the notes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []

    def on_event(self, event: Event) -> None:
        if isinstance(event, TrialEvaluated):
            for marker in (self.folder / "checkpoints").glob("run-*"):
                marker.unlink()
        if isinstance(event, Notice):
            self.notes.append(event.text)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_trials_of_a_run_whose_marker_is_lost_resume_from_their_checkpoints(tmp_path: Path) -> None:
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=60_000, evaluate_every=2_000)
    sweep, losing = Sweep(name="t", trials=grid(base, {"seed": [0, 1]})), LosingMarkers(tmp_path / "t")
    assert run(sweep, results=tmp_path, runner=RayTune(max_concurrent=1), listeners=[losing]).complete
    (note,) = losing.notes
    assert note.endswith(") is paused and resumes later: the storage has lost the marker of this run")


@pytest.mark.parametrize(
    "max_concurrent", [1, pytest.param(None, marks=pytest.mark.slow)], ids=["one worker", "two workers"]
)
@pytest.mark.usefixtures("ray_session")
def test_an_error_of_the_observer_ends_the_run_as_itself(
    tmp_path: Path, max_concurrent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LedgerError("row cannot be written")

    monkeypatch.setattr(Ledger, "commit", full)
    sweep = Sweep(name="t", trials=grid(BASE, {"seed": [0, 1, 2]}))
    with pytest.raises(LedgerError, match="row cannot be written"):
        run(sweep, results=tmp_path, runner=RayTune(max_concurrent=max_concurrent))


@pytest.mark.slow
def test_a_sigterm_while_ray_starts_ends_the_run_as_at_any_other_time(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from parts import *\nSWEEP = Sweep(name='one', trials=[BASE])\n")
    code = """
import sys, threading

def terminate_while_ray_starts():
    while not getattr(sys.modules.get("ray._private.worker"), "_global_node", None):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=terminate_while_ray_starts, daemon=True).start()
mnist_sweep.main("one.py")
"""
    told = in_process(tmp_path, code, status=143)
    assert "to resume, run: python script.py" in told.splitlines()[-1]
    assert "Traceback" not in told


BREAKING = """
from mnist_sweep.runners.ray import local_processes, private
from mnist_sweep.trials.events import Notice, TrialEvaluated

def process_of(kind):
    processes = private.found(private.GLOBAL_NODE).live_processes()
    return next(process for name, process in processes if name == kind)

class Listening:
    notes = []
    end_process = None  # called at the first point of the learning curve

    def on_event(self, event):
        if isinstance(event, Notice):
            self.notes.append(event.text)
        if isinstance(event, TrialEvaluated) and Listening.end_process:
            end_process, Listening.end_process = Listening.end_process, None
            end_process()

CODE
sweep = Sweep(name="t", trials=[TrialConfig(model=Softmax(), num_steps=4000, evaluate_every=500)])
os.dup2(os.open("stderr", os.O_CREAT | os.O_WRONLY), 2)  # to which Ray's native code would write
outcome = run(sweep, runner=RayTune(max_concurrent=1, num_cpus=1), listeners=[Listening()])
print(json.dumps([outcome.complete, Path("stderr").read_text(), Listening.notes]))
"""


def notes_of_a_broken_ray(folder: Path, code: str) -> list[str]:
    """Run a sweep on a Ray that breaks down by the code; return its notes. It must be complete, and silent."""
    complete, errors, notes = in_process(folder, BREAKING.replace("CODE", code))
    assert (complete, errors) == (True, "")
    return list(notes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "end"),
    [("raylet", "kill"), ("gcs_server", "kill"), ("raylet", "terminate")],  # as `ray stop` does
)
def test_a_ray_that_breaks_down_starts_again_with_its_trials_and_is_reported_in_one_line(
    tmp_path: Path, kind: str, end: str
) -> None:
    note, *_ = notes_of_a_broken_ray(tmp_path, f"Listening.end_process = lambda: process_of('{kind}').{end}()")
    assert note == f"Ray's {kind} ended unexpectedly; Ray and its trials start again"


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["_readiness", "_experiment"])
def test_a_gcs_that_ends_before_the_first_trial_starts_again_too(tmp_path: Path, moment: str) -> None:
    code = f"""
kept = RayTune.{moment}

def kill_first(self, *arguments):
    RayTune.{moment} = kept
    process = process_of("gcs_server")
    process.kill()
    process.wait()
    return kept(self, *arguments)

RayTune.{moment} = kill_first
"""
    notes = notes_of_a_broken_ray(tmp_path, code)
    assert notes == ["Ray's gcs_server ended unexpectedly; Ray and its trials start again"]


@pytest.mark.slow
def test_a_ray_that_breaks_down_again_while_it_starts_starts_once_more_and_ends_not_a_minute_later_the_process(
    tmp_path: Path,
) -> None:
    code = """
start = local_processes.LocalProcesses.start

def start_and_kill_the_second(self, command, **options):
    process = start(self, command, **options)
    if Path(command[0]).name == "raylet":
        with Path("raylets").open("a") as file:
            file.write("1")
        if Path("raylets").read_text() == "11":
            process.kill()
    return process

local_processes.LocalProcesses.start = start_and_kill_the_second
Listening.end_process = lambda: process_of("raylet").kill()
"""
    notes = notes_of_a_broken_ray(tmp_path, code)
    first = "Ray's raylet ended unexpectedly; Ray and its trials start again"
    assert notes[:2] == [first, "Ray broke down while it started; it starts again"]
    assert (tmp_path / "raylets").read_text() == "111"
    assert (tmp_path / "stderr").read_text() == ""  # also what came after the run


@pytest.mark.parametrize(("was_killed", "num_starts"), [(True, 3), (False, 1)])
def test_a_ray_of_which_a_process_was_killed_while_it_started_starts_again_as_often_as_a_lost_worker(
    was_killed: bool, num_starts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def connected(address: None, **options: object) -> None:
        starts.append(options)
        raise retries.NotStartedError("its raylet has ended with status -9", was_killed=was_killed)

    monkeypatch.setattr(cluster, "connected", connected)
    with pytest.raises(ResourceError, match="Ray could not be started"):
        run(Sweep(name="t", trials=[BASE]), results=tmp_path, runner=RayTune(max_retries=2))
    assert len(starts) == num_starts


@pytest.mark.parametrize("ends", ["after its last trial", "while it is shut down"])
def test_a_ray_that_breaks_down_when_nothing_is_left_to_run_is_no_error(
    ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def connected(*_: object, **__: object) -> Iterator[None]:
        yield
        if ends == "while it is shut down":
            raise retries.BrokenRay("raylet")

    monkeypatch.setattr(cluster, "connected", connected)
    monkeypatch.setattr(sent_data, "handed_over", lambda *_, **__: contextlib.nullcontext([]))
    monkeypatch.setattr(private, "dead_process", lambda: "raylet" if ends == "after its last trial" else None)
    for name in ("_readiness", "_experiment"):
        monkeypatch.setattr(RayTune, name, lambda *_: None)
    monkeypatch.setattr(tune, "_run_all", lambda *_: ({}, 0))
    RayTune(max_retries=0).run({"a-0": BASE}, {}, Notes())


def test_a_run_that_is_interrupted_while_ray_does_not_start_starts_it_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def connected(address: None, **options: object) -> None:
        starts.append(options)
        signal.raise_signal(signal.SIGINT)
        raise retries.NotStartedError("its raylet has ended with status -2", was_killed=True)

    monkeypatch.setattr(cluster, "connected", connected)
    with pytest.raises(KeyboardInterrupt):
        run(Sweep(name="t", trials=[BASE]), results=tmp_path, runner=RayTune(max_retries=2))
    assert len(starts) == 1


@pytest.mark.usefixtures("ray_session")
def test_a_scheduler_and_a_rule_of_the_users_stop_trials(tmp_path: Path) -> None:
    rates = [0.5, 0.4, 0.3, 1e-6, 2e-6]
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=80, evaluate_every=20)
    sweep = Sweep(name="t", trials=grid(base, {"optimizer.learning_rate": rates}))
    asha = AsyncHyperBandScheduler(time_attr="step", max_t=80, grace_period=20, reduction_factor=2)
    runner = RayTune(scheduler=asha, stop=lambda _, result: result["step"] >= 60, max_concurrent=1)
    rows = run(sweep, results=tmp_path, runner=runner).rows
    assert [(row.status, row.steps) for row in rows[::4]] == [("stopped", 60), ("stopped", 20)]
    assert run(sweep, results=tmp_path, runner=runner).num_run == 0


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_trials_that_hyperband_pauses_have_the_rows_of_trials_without_a_break(tmp_path: Path) -> None:
    built = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=40, evaluate_every=10)
    of_built = grid(built, {"optimizer.learning_rate": [0.5, 0.4, 0.3, 0.1, 0.03]})
    own = grid(replace(built, model=Linear()), {"model.rate": [0.3, 0.1]})  # which are in the second bracket, too
    sweep, events = Sweep(name="t", trials=[*of_built, *own]), Events()
    runner = RayTune(scheduler=HyperBandScheduler(time_attr="step", max_t=40, reduction_factor=4))
    rows = run(sweep, results=tmp_path / "paused", runner=runner, listeners=[events]).rows
    expected = run(sweep, results=tmp_path / "whole", runner=Local(in_process=True)).rows
    assert {row.status for row in rows} == {"ok", "stopped"}
    assert len(events.of(TrialPaused)) >= 2
    for row, whole in zip(rows, expected, strict=True):
        found, known = (numbers(replace(one, environment={})) for one in (row, whole))
        assert found == known if row.status == "ok" else found[-1] == known[-1][: len(row.history)]
    assert not list((tmp_path / "paused" / "t" / "checkpoints").glob("*"))
    assert run(sweep, results=tmp_path / "paused", runner=runner).num_run == 0


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_an_error_in_a_rule_ends_the_run_as_itself(tmp_path: Path) -> None:
    sweep = Sweep(name="t", trials=[TrialConfig(model=Softmax(), num_steps=20, evaluate_every=10)])
    with pytest.raises(KeyError, match="accuracy_of_the_moon"):
        run(sweep, results=tmp_path, runner=RayTune(stop=lambda _, result: result["accuracy_of_the_moon"]))


def searched(results: Path, name: str, search: Search, **options: Any) -> Outcome:
    sweep = Sweep(name=name, search=search)
    return run(sweep, results=results, runner=RayTune(**options))


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_a_search_goes_on_until_its_space_is_exhausted(tmp_path: Path) -> None:
    axes = {"optimizer": Choice((GradientDescent(), Momentum())), "batch_size": Choice((10, 20))}
    for num_trials, expected in ((2, 2), (9, 2), (9, 0)):
        outcome = searched(tmp_path, "few", Search(base=BASE, axes=axes, num_trials=num_trials))
        assert (outcome.complete, outcome.num_run) == (True, expected)
    assert {row.status for row in outcome.rows} == {"ok"}
    found = {(row.config["optimizer"], row.config["batch_size"]) for row in outcome.rows}
    assert found == {(name, size) for name in ("gradient_descent", "momentum") for size in (10, 20)}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_a_search_that_goes_on_stays_in_its_space(tmp_path: Path) -> None:
    axes = {"optimizer": Choice((GradientDescent(), Momentum())), "batch_size": Integer(low=10, high=50)}
    for num_trials, expected in ((3, 3), (5, 2)):
        outcome = searched(tmp_path, "search", Search(base=BASE, axes=axes, num_trials=num_trials))
        assert (outcome.complete, outcome.num_run) == (True, expected)
    assert all(row.status == "ok" and 10 <= row.config["batch_size"] <= 50 for row in outcome.rows)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_trials_of_a_search_may_be_stopped_early_and_stay_in_its_space(tmp_path: Path) -> None:
    base = TrialConfig(model=Softmax(), num_steps=64, evaluate_every=4)
    axes = {"optimizer": Choice((GradientDescent(), Momentum())), "batch_size": Integer(low=10, high=50)}
    search = Search(base=base, axes=axes, num_trials=8)
    outcome = searched(tmp_path, "asha", search, scheduler="asha", max_concurrent=1)
    assert (outcome.complete, outcome.num_run) == (True, 8)
    assert all(10 <= row.config["batch_size"] <= 50 for row in outcome.rows)
    assert {row.status for row in outcome.rows} == {"ok", "stopped"}
