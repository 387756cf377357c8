import importlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import CNN, Dataset, GradientDescent, Softmax, TrialConfig, trial_id
from mnist_sweep.errors import ScriptError
from mnist_sweep.results import run_marker
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.row_json import from_json, to_json
from mnist_sweep.runners.trial import check_code, execute, pausable, steps
from mnist_sweep.system.storage import Folder
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.fitting import consume
from mnist_sweep.training.trial_progress import Heartbeat, Paused
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.row import Evaluation, Status
from mnist_sweep.trials.user_code.reachable_code import CodeDigests
from tests.training.training_code import Linear

TRIAL = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=20, evaluate_every=10)


@pytest.fixture(autouse=True)
def _configured() -> None:
    tensorflow_runtime.configure(threads=1)


@pytest.fixture
def marked(tmp_path: Path) -> Artifacts:
    """A folder for checkpoints, and the mark that asks for them."""
    name = run_marker.new_name(tmp_path)
    run_marker.write(Folder(tmp_path), name)
    return Artifacts(storage=str(tmp_path), run_marker=name)


@dataclass(frozen=True)
class Broken:
    """A user's model with a mistake in it."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        try:
            return [][3]
        except IndexError as error:
            raise RuntimeError("something\nwent wrong") from error


@dataclass(frozen=True)
class Unsavable:
    """A user's model that trains well and cannot be saved."""

    width: int = 3

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        class Odd(keras.layers.Dense):  # type: ignore[misc]  # Keras brings no types
            def get_config(self) -> Any:
                raise NotImplementedError("no config")

        images = keras.Input(image_shape)
        return keras.Model(images, Odd(num_classes)(keras.layers.Flatten()(images)))


def interrupted() -> Dataset:
    """A user's data set that is interrupted while it loads."""
    raise KeyboardInterrupt


def test_the_row_says_what_was_run_and_what_came() -> None:
    row = execute(TRIAL)
    assert (row.trial_id, row.status, row.steps, row.parameters) == (trial_id(TRIAL), Status.OK, 20, 650)
    assert (row.val_accuracy, row.val_loss) == (row.history[-1].val_accuracy, row.history[-1].val_loss)
    assert row.num_test == 300
    assert row.error is row.traceback is None
    assert row.environment["threads"] == 1
    assert from_json(to_json(row)) == row


def test_the_parts_of_the_time_make_the_whole() -> None:
    row = execute(TRIAL)
    parts = [row.seconds_setup, row.seconds_train, row.seconds_evaluate]
    assert all(part is not None and part > 0 for part in parts)
    assert row.seconds_total == pytest.approx(sum(filter(None, parts)), abs=0.2)


@pytest.mark.usefixtures("nothing_kept")
def test_a_trial_that_was_paused_ends_when_it_ended_and_counts_what_it_took_before(marked: Artifacts) -> None:
    points: list[Evaluation] = []

    def keep(item: Any) -> None:
        points.extend([item] if isinstance(item, Evaluation) else [])

    assert isinstance(consume(pausable(steps(TRIAL, artifacts=marked), lambda: bool(points)), keep), Paused)
    (point,) = points
    row = consume(steps(TRIAL, artifacts=marked), lambda _: None)
    assert row.started is not None
    assert row.seconds_total is not None
    assert row.seconds_total > point.seconds
    assert row.started + row.seconds_total < time.time() + 1e-3


def test_a_trial_that_begins_at_the_end_of_another_says_how_long_that_took(marked: Artifacts) -> None:
    kept = replace(marked, keep_shared_prefixes=True)
    row = consume(steps(TRIAL, artifacts=kept), lambda _: None)
    begun = next(steps(replace(TRIAL, num_steps=40), artifacts=kept))
    assert begun == Heartbeat(20, 650, "resumes at step 20", row.history[-1].seconds)


def test_a_row_names_the_fields_that_its_training_code_ignores() -> None:
    trial = replace(TRIAL, model=Linear(), optimizer=GradientDescent(learning_rate=0.25))
    for fields, error in {
        ("batch_size", "seed"): None,
        ("optimizer",): "its training code never read optimizer,",
    }.items():
        row = consume(steps(trial, artifacts=Artifacts(storage="x", fields=fields)), lambda _: None)
        assert row.status is Status.OK
        assert (row.error or "").startswith(error or "")
        assert bool(row.error) == bool(error)


def test_a_failure_becomes_a_row_with_the_first_cause_and_the_users_own_line() -> None:
    row = execute(replace(TRIAL, model=Broken()))
    assert row.status is Status.FAILED
    assert row.error is not None
    assert row.error.startswith(f"IndexError: list index out of range ({Path(__file__).name}:")
    assert row.traceback is not None
    assert "something\nwent wrong" in row.traceback
    assert row.val_accuracy is row.test_accuracy is row.seconds_total is row.steps is None


def test_blocks_that_do_not_fit_are_the_trials_own_failure() -> None:
    row = execute(replace(TRIAL, model=CNN(filters=(1,) * 9)))
    assert row.error is not None
    assert row.error.startswith("ConfigError: `pool_size <= height, width` must hold")


def test_a_diverged_trial_has_no_figures_of_a_finished_one() -> None:
    row = execute(replace(TRIAL, optimizer=GradientDescent(learning_rate=3e38)))
    assert row.status is Status.DIVERGED
    assert row.val_accuracy is row.val_loss is row.test_accuracy is row.train_loss is None


def test_an_interrupt_is_not_a_failure() -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(replace(TRIAL, data=interrupted))


def test_a_model_that_cannot_be_saved_is_said_and_does_not_spoil_its_trial() -> None:
    items: list[Any] = []
    keeping = Artifacts(storage="x", models="all")
    row = consume(steps(replace(TRIAL, model=Unsavable()), artifacts=keeping), items.append)
    assert row.status is Status.OK
    assert row.error is not None
    assert row.error.startswith("its model could not be saved: NotImplementedError: no config (test_trial.py:")
    kinds = [
        type(item) for item in items if not isinstance(item, Heartbeat)
    ]  # there may be more of them on a slow machine
    assert kinds == [Evaluation, Evaluation, Predictions]


SOURCE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Net:
    def build(self, image_shape, num_classes):
        return 1
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrialConfig]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tensorflow_runtime, "_CACHE", {})
    (tmp_path / "checked_net.py").write_text(SOURCE)
    importlib.invalidate_caches()
    yield TrialConfig(model=importlib.import_module("checked_net").Net())
    del sys.modules["checked_net"]


def test_other_code_is_refused_and_the_same_is_not(config: TrialConfig, tmp_path: Path) -> None:
    digest = CodeDigests().of(config)
    assert digest is not None
    (tmp_path / "checked_net.py").write_text(SOURCE.replace("return 1", "return 2"))
    with pytest.raises(ScriptError, match=r"the code of checked_net:Net on .* is not that of the run"):
        check_code(config, {"checked_net:Net": digest})
    tensorflow_runtime._CACHE.clear()
    (tmp_path / "checked_net.py").write_text(SOURCE)
    check_code(config, {"checked_net:Net": digest})


def test_what_is_not_known_is_not_refused(config: TrialConfig, tmp_path: Path) -> None:
    check_code(config, {})
    check_code(TrialConfig(), {"": "digest"})
    (tmp_path / "checked_net.py").unlink()
    check_code(config, {"checked_net:Net": "digest"})
