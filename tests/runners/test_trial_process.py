"""Laws of the process that runs trials; that runners keep the contract with it is in tests/testing."""

import contextlib
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CNN, Dataset, GradientDescent, Softmax, TrialConfig, trial_id
from mnist_sweep.data import loading
from mnist_sweep.errors import ConfigError, ProcessLostError, ResourceError
from mnist_sweep.results import run_marker
from mnist_sweep.runners.trial import execute, pausable
from mnist_sweep.runners.trial_process import TrialProcess, isolated_steps, keep_dataset
from mnist_sweep.system.child_process import ChildProcess
from mnist_sweep.system.storage import Folder
from mnist_sweep.training.checks import models_to_check
from mnist_sweep.training.fitting import consume
from mnist_sweep.training.tensorflow_runtime import MAX_DATASETS
from mnist_sweep.training.trial_progress import Paused
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.runners.users_models import Ending, Training
from tests.training.checks.test_models_to_check import Own
from tests.training.training_code import Linear

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
SETTINGS = {"threads": 1, "gpus": 0.0, "xla": False}
MODELS = "users_models.py"
EXITS = {
    "leave": rf"SystemExit: no GPU \({MODELS}:\d+\)",
    "exit": rf"ProcessExitError: os._exit\(0\) \({MODELS}:\d+\)",
    "interrupt": rf"KeyboardInterrupt \({MODELS}:\d+\)",
}


@contextlib.contextmanager
def started() -> Iterator[TrialProcess]:
    """A process for trials, which ends with the context."""
    process = TrialProcess(SETTINGS, b"")
    try:
        yield process
    finally:
        process.end()


@pytest.fixture(scope="module")
def process() -> Iterator[TrialProcess]:
    with started() as process:
        yield process


@pytest.fixture
def digits() -> Dataset:
    return loading.load(BASE.data)


def run(process: TrialProcess, config: TrialConfig, dataset: Dataset) -> TrialRow:
    row = consume(process.steps(config, dataset), lambda _: None)
    assert isinstance(row, TrialRow)
    return row


def numbers(row: TrialRow) -> Any:
    points = [point._replace(seconds=0.0) for point in row.history]
    return row.trial_id, row.status, row.val_loss, row.test_accuracy, row.environment, points


def test_a_row_is_that_of_any_other_process(process: TrialProcess, tf: Any, digits: Dataset) -> None:
    config = replace(BASE, model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.3))
    there, here = run(process, config, digits), execute(config)
    assert numbers(there) == numbers(here)
    assert there.worker != here.worker


def test_an_exit_is_a_failed_row_and_leaves_the_process(process: TrialProcess, digits: Dataset) -> None:
    pid = process.start().pid
    errors = {how: run(process, replace(BASE, model=Ending(how=how)), digits).error or "" for how in EXITS}
    assert [how for how, pattern in EXITS.items() if not re.fullmatch(pattern, errors[how])] == [], errors
    assert run(process, replace(BASE, model=Ending()), digits).status is Status.OK
    assert process.start().pid == pid


def test_a_model_is_refused_there_and_one_that_exits_in_build_is_left_to_its_trial(
    process: TrialProcess, digits: Dataset
) -> None:
    exiting = [replace(BASE, model=Ending(how=how)) for how in EXITS]
    assert process.check_models(models_to_check.candidates(exiting, {BASE.data: digits})) == []
    wrong = replace(BASE, model=Own("softmax"))
    with pytest.raises(ConfigError, match="its outputs are probabilities"):
        process.check_models(models_to_check.candidates([*exiting, wrong], {BASE.data: digits}))
    assert process.start().is_alive


@pytest.mark.slow
def test_a_model_that_ends_the_process_hides_no_other(process: TrialProcess, digits: Dataset) -> None:
    aborting, wrong = replace(BASE, model=Ending(how="abort")), replace(BASE, model=Own("softmax"))
    with pytest.raises(ConfigError, match="its outputs are probabilities"):
        process.check_models(models_to_check.candidates([aborting, wrong], {BASE.data: digits}))


def test_a_copy_that_a_model_forks_sends_no_row(process: TrialProcess, digits: Dataset) -> None:
    assert run(process, replace(BASE, model=Ending(how="fork")), digits).status is Status.OK
    assert run(process, BASE, digits).trial_id == trial_id(BASE)


def test_a_data_set_is_sent_once_and_the_last_ones_stay(
    process: TrialProcess, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    run_there = ChildProcess.run

    def counting(self: ChildProcess, function: Any, *arguments: Any) -> Any:
        sent.extend(arguments[:1] if function is keep_dataset else ())
        return run_there(self, function, *arguments)

    monkeypatch.setattr(ChildProcess, "run", counting)
    datasets = [replace(digits) for _ in range(MAX_DATASETS + 1)]
    for number in (0, 0, 1, 0, 2, 0, 1):
        assert run(process, BASE, datasets[number]).status is Status.OK
    assert sent == [id(datasets[number]) for number in (0, 1, 2, 1)]


@pytest.mark.parametrize("model", [Softmax(), Linear()])
def test_a_trial_is_paused_there_and_resumes(
    model: Any, process: TrialProcess, digits: Dataset, tmp_path: Path
) -> None:
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)
    artifacts = Artifacts(storage=str(tmp_path), run_marker=name)
    long, points = replace(BASE, model=model, num_steps=10**6, evaluate_every=10**6, log_every=100), 0
    long = replace(long, evaluate_every=100) if isinstance(model, Linear) else long

    def has_points() -> bool:
        return points > 0

    items = pausable(process.steps(long, digits, artifacts=artifacts), has_points)
    paused = None
    while paused is None:
        try:
            points += isinstance(next(items), Evaluation)
        except StopIteration as end:
            paused = end.value
    assert isinstance(paused, Paused)
    resumed = next(item for item in process.steps(long, digits, artifacts=artifacts) if item)
    assert "resumes at step" in (getattr(resumed, "note", None) or "")


@pytest.mark.slow
def test_what_ends_the_process_itself_is_told_and_the_next_trial_has_another(digits: Dataset) -> None:
    with started() as process:
        row = run(process, replace(BASE, model=Training(how="crash")), digits)
        assert re.fullmatch(rf"its process was killed by SIGSEGV \({MODELS}:\d+\)", row.error or "")
        assert "in _crash" in (row.traceback or "")
        row = run(process, replace(BASE, model=Ending(how="exit_in_a_thread")), digits)
        assert re.fullmatch(rf"its process ended by os._exit\(0\) \({MODELS}:\d+\)", row.error or "")
        with pytest.raises(ProcessLostError, match="SIGKILL, by someone or because memory ran out"):
            run(process, replace(BASE, model=Ending(how="kill")), digits)
        assert run(process, BASE, digits).status is Status.OK


@pytest.mark.parametrize(("is_own_doing", "kind"), [(True, ResourceError), (False, ProcessLostError)])
def test_a_process_that_cannot_start_is_a_lack_of_resources_and_one_that_is_killed_meanwhile_is_lost(
    monkeypatch: pytest.MonkeyPatch, is_own_doing: bool, kind: type[Exception]
) -> None:
    def lost(*_: Any) -> Iterator[None]:
        yield None
        raise ProcessLostError("its process has ended", is_own_doing=is_own_doing)

    monkeypatch.setattr(ChildProcess, "run", lost)
    with started() as process, pytest.raises(kind, match="its process has ended"):
        process.start()


@pytest.mark.parametrize("is_own_doing", [True, False])
def test_a_trial_that_ends_its_process_has_failed_and_another_end_is_raised(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, is_own_doing: bool
) -> None:
    lost = ProcessLostError("its process was killed by SIGABRT", is_own_doing=is_own_doing, trace="a stack")

    def end(_: ChildProcess, function: Any, *arguments: Any) -> Iterator[None]:
        yield None
        if function is isolated_steps:
            raise lost

    monkeypatch.setattr(ChildProcess, "run", end)
    with started() as process:
        with pytest.raises(ProcessLostError) if not is_own_doing else contextlib.nullcontext():
            row = run(process, BASE, digits)
        if is_own_doing:
            assert (row.status, row.error, row.traceback, row.worker) == (Status.FAILED, str(lost), "a stack", None)


def test_user_code_finds_keras_loaded_as_it_is_on_every_runner_and_so_without_its_log(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import keras\n\nclass Mine: ...\n")
    definitions = pickle.dumps(([str(tmp_path)], {}, b"(dS'Mine'\ncmine\nMine\ns."))  # the class by its name
    code = f"from mnist_sweep.runners import trial_process; trial_process.prepare({{'threads': 1}}, {definitions!r})"
    loud = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    ended = subprocess.run([sys.executable, "-c", code], env=loud, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")
