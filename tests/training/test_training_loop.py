"""Laws of the loop over steps: calls, evaluations, checkpoints and what comes out of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnist_sweep import (
    CNN,
    Adagrad,
    Dataset,
    GradientDescent,
    LogLoss,
    MacroF1,
    Momentum,
    ResNet,
    RMSProp,
    Softmax,
    Split,
    Stepwise,
)
from mnist_sweep.models import inference
from mnist_sweep.optim import objective_metrics
from mnist_sweep.runners.trial import execute
from mnist_sweep.system.storage import Folder
from mnist_sweep.training import tensorflow_runtime, training_loop, trial_progress
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.fitting import consume, fit, train
from mnist_sweep.training.trial_progress import Heartbeat, Paused
from mnist_sweep.trials.row import Evaluation, Status
from tests.optim.test_objective_metrics import mean_rank
from tests.training.test_fitting import SMALL, Normalized, Written, numbers

pytestmark = pytest.mark.usefixtures("nothing_kept")


@pytest.mark.parametrize("most", [1, 7])
def test_steps_in_one_call_or_in_many_give_the_same_bits(
    most: int, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(SMALL, digits)
    monkeypatch.setattr(training_loop, "MAX_STEPS_PER_CALL", most)
    assert numbers(fit(SMALL, digits)) == numbers(whole)


RESUMED = {
    "momentum and dropout": replace(SMALL, optimizer=Momentum()),
    "Adam": SMALL,
    "RMSProp": replace(SMALL, optimizer=RMSProp()),
    "Adagrad": replace(SMALL, optimizer=Adagrad()),
    "a subclassed model of the user's": replace(SMALL, model=Written("subclassed")),
    "batch normalisation, augmentation, a schedule": replace(
        SMALL,
        model=ResNet(depth=8, filters=2),
        optimizer=Momentum(),
        schedule=Stepwise(boundaries=(25,)),
        augmentation="pad_crop_flip",
        weight_decay=1e-3,
    ),
    "loss scale": replace(SMALL, precision="mixed_float16"),
    "bfloat16": replace(SMALL, precision="mixed_bfloat16"),
    "batch normalisation in bfloat16": replace(SMALL, model=ResNet(depth=8, filters=2), precision="mixed_bfloat16"),
    "a user's model": replace(SMALL, model=Normalized()),
}


@pytest.mark.parametrize(
    ("num_steps", "starts"),
    [
        (29, [0, 9, 18, 20, 29]),
        pytest.param(50, [0, 9, 18, 20, 29, 38, 40, 49, 50], marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("case", RESUMED)
def test_a_trial_paused_again_and_again_ends_with_the_same_bits(
    case: str,
    num_steps: int,
    starts: list[int],
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    config = replace(RESUMED[case], num_steps=num_steps)
    whole = fit(config, digits)
    monkeypatch.setattr(training_loop, "MAX_STEPS_PER_CALL", 9)
    steps = []
    while True:
        tensorflow_runtime._CACHE.clear()
        checkpoints = Checkpoints(Folder(tmp_path), "x", seconds=1e9, identity={"version": "1"})
        items = train(config, digits, checkpoints=checkpoints)
        begun = next(items)
        assert isinstance(begun, Heartbeat)
        steps.append(begun.step)
        assert begun.note == (f"resumes at step {begun.step}" if steps[1:] else None)
        try:
            while next(items)[0] <= begun.step:
                pass
            with pytest.raises(Paused):
                items.throw(Paused())
        except StopIteration as end:
            result = end.value
            break
    assert steps == starts
    assert numbers(result) == numbers(whole)


def test_checkpoints_are_written_when_they_are_due_and_change_nothing(digits: Dataset, tmp_path: Path) -> None:
    always = Checkpoints(Folder(tmp_path), "x", seconds=0, identity={})
    items = train(SMALL, digits, checkpoints=always)
    seen = [item.step for item in items if (tmp_path / "checkpoints" / "x.ckpt").exists()]
    assert seen[-1] == 50
    assert 0 not in seen
    assert always.load() is not None
    assert numbers(consume(train(SMALL, digits, checkpoints=always), lambda _: None)) == numbers(fit(SMALL, digits))


def test_what_a_runner_does_with_a_point_is_no_time_of_the_trial(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = [0.0]
    monkeypatch.setattr(trial_progress, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def seen(_: object) -> None:
        now[0] += 1

    checkpoints = Checkpoints(Folder(tmp_path), "x", seconds=0, identity={})
    for _ in ("from its start", "from its checkpoint, its points once more"):
        result = consume(train(SMALL, digits, checkpoints=checkpoints), seen)
        assert result.seconds == {"setup": 0, "train": 0, "evaluate": 0}


def test_a_damaged_checkpoint_is_said_and_the_trial_starts_over(digits: Dataset, tmp_path: Path) -> None:
    checkpoints = Checkpoints(Folder(tmp_path), "x", seconds=0, identity={})
    for _ in train(SMALL, digits, checkpoints=checkpoints):
        pass
    path = tmp_path / "checkpoints" / "x.ckpt"
    path.write_bytes(path.read_bytes()[:-1])
    items: list[Any] = []
    result = consume(train(SMALL, digits, checkpoints=checkpoints), items.append)
    assert (items[0].step, items[0].note) == (0, "starts over: its checkpoint is damaged")
    assert numbers(result) == numbers(fit(SMALL, digits))


@pytest.mark.parametrize(
    ("changed", "identity", "note"),
    [
        ({}, {"version": "2"}, "its checkpoint was written with a different version"),
        ({"model": CNN(filters=(4,), kernel_size=3, units=8)}, {"version": "1"}, "the model's code has changed"),
        ({"optimizer": GradientDescent()}, {"version": "1"}, "its checkpoint belongs to another network"),
    ],
)
def test_a_checkpoint_made_with_something_else_is_not_resumed_from(
    changed: dict[str, Any], identity: dict[str, str], note: str, digits: Dataset, tmp_path: Path
) -> None:
    written = Checkpoints(Folder(tmp_path), "x", seconds=0, identity={"version": "1"})
    for _ in train(SMALL, digits, checkpoints=written):
        pass
    found = Checkpoints(Folder(tmp_path), "x", seconds=0, identity=identity)
    items: list[Any] = []
    config = replace(SMALL, **changed)
    assert numbers(consume(train(config, digits, checkpoints=found), items.append)) == numbers(fit(config, digits))
    assert note in items[0].note


def test_a_checkpoint_that_cannot_be_written_is_said_and_does_not_spoil_the_trial(
    digits: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    nowhere = Checkpoints(Folder(tmp_path / "file"), "x", seconds=0, identity={})
    items: list[Any] = []
    result = consume(train(SMALL, digits, checkpoints=nowhere), items.append)
    notes = [item.note for item in items if isinstance(item, Heartbeat) and item.note]
    assert notes
    assert "cannot be" in notes[0]
    assert numbers(result) == numbers(fit(SMALL, digits))


def test_evaluations_do_not_change_the_training(digits: Dataset) -> None:
    often, once = fit(replace(SMALL, evaluate_every=5), digits), fit(replace(SMALL, evaluate_every=1000), digits)
    assert often.history[-1].val_loss == once.history[-1].val_loss
    assert [point.step for point in once.history] == [50]


def test_the_curve_has_a_point_every_so_many_steps_and_after_the_last(digits: Dataset) -> None:
    seen: list[Evaluation | Heartbeat] = []
    result = consume(train(SMALL, digits), seen.append)
    assert [point.step for point in result.history] == [20, 40, 50]
    assert tuple(item for item in seen if isinstance(item, Evaluation)) == result.history


def test_points_that_show_training_alone_lie_between_the_evaluations_and_change_nothing(digits: Dataset) -> None:
    plain, logged = fit(SMALL, digits), fit(replace(SMALL, log_every=8), digits)
    assert [point.step for point in logged.history] == [8, 16, 20, 24, 32, 40, 48, 50]
    assert [point.step for point in logged.history if point.val_accuracy is not None] == [20, 40, 50]
    assert [point.val_loss for point in logged.history if point.val_loss] == [point.val_loss for point in plain.history]
    first = logged.history[:3]
    mean = sum((point.train_loss or 0.0) * steps for point, steps in zip(first, (8, 8, 4), strict=True)) / 20
    assert mean == pytest.approx(plain.history[0].train_loss, rel=1e-6)


def test_a_loss_that_is_not_finite_ends_the_trial_at_once(digits: Dataset) -> None:
    trial = replace(SMALL, model=Softmax(), optimizer=GradientDescent(learning_rate=3e38), num_steps=10_000)
    result = fit(trial, digits)
    assert result.status is Status.DIVERGED
    assert result.steps <= 3
    assert result.test_accuracy is None
    assert result.history == ()


@pytest.mark.parametrize("objective", [MacroF1(), LogLoss(), mean_rank])
def test_an_objective_is_measured_at_each_evaluation_and_changes_no_other_number(
    objective: Any, digits: Dataset
) -> None:
    plain, judged = fit(SMALL, digits), fit(replace(SMALL, objective=objective), digits)
    assert all(point.val_objective is None for point in plain.history)
    points = [point._replace(val_objective=None, seconds=0.0) for point in judged.history]
    assert points == [point._replace(seconds=0.0) for point in plain.history]
    assert judged.test_accuracy == plain.test_accuracy
    for split, found in (("val", judged.history[-1].val), ("test", judged.test_objective)):
        part = digits.splits[split]
        outputs = inference.logits(judged.model, part.images, pixel_range=digits.pixel_range)
        assert found == pytest.approx(objective_metrics.value(objective, part.labels, outputs=outputs), rel=1e-6)
        values = getattr(judged.predictions, f"{split}_values")
        assert (values is None) == (objective is mean_rank)
        assert values is None or values.mean() == pytest.approx(found)


def test_an_objective_has_a_value_on_test_even_if_the_loss_has_none(digits: Dataset) -> None:
    import tensorflow as tf

    def unsure(labels: Any, outputs: Any) -> Any:
        return tf.where(labels == 9, np.inf, tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs))

    others = {name: split.labels != 9 for name, split in digits.splits.items() if name != "test"}
    parts: dict[str, Any] = {
        name: Split(images=digits.splits[name].images[kept], labels=digits.splits[name].labels[kept])
        for name, kept in others.items()
    }
    result = fit(replace(SMALL, loss=unsure, objective=LogLoss()), replace(digits, **parts))
    assert result.status is Status.OK
    assert result.test_objective is not None


def test_an_objective_without_a_value_fails_the_trial_in_one_line() -> None:
    failing = replace(SMALL, objective=Late())
    row = execute(failing)
    assert row.status is Status.FAILED
    assert "the objective late must return a finite number, but it returns nan." in str(row.error)


@dataclass(frozen=True)
class Late:
    """An objective that is not a number for any labels but those that are tried first."""

    def compute(self, labels: Any, outputs: Any) -> float:
        return 1.0 if len(labels) == 64 else float("nan")
