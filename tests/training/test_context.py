"""Laws of what training code is given; wrong uses are in test_own_training."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Context, Cosine, Dataset, Momentum, Split, TrialConfig
from mnist_sweep.data.mapped_images import map_images
from mnist_sweep.training.context import NO_FIELDS
from mnist_sweep.training.own_training_thread import Session
from tests.training.training_code import Linear

TRIAL = TrialConfig(model=Linear(), optimizer=Momentum(learning_rate=0.5), schedule=Cosine(), num_steps=40, seed=3)


@pytest.fixture
def context(digits: Dataset) -> Context:
    return Context(TRIAL, digits, Session(None, None))


def test_fields_of_the_trial_are_there_and_are_read(context: Context) -> None:
    session = context._session
    assert (context.seed, context.data.num_classes, session.fields_read) == (3, 10, set())
    assert (context.steps, context.batch_size, context.optimizer) == (40, 50, TRIAL.optimizer)
    assert session.fields_read == {"num_steps", "batch_size", "optimizer"}
    assert context.threads == 1


def test_every_field_that_training_code_may_ignore_is_in_a_context(context: Context) -> None:
    for name in TrialConfig.__dataclass_fields__.keys() - {*NO_FIELDS, "num_steps"} | {"steps"}:
        getattr(context, name)
    assert context._session.fields_read == TrialConfig.__dataclass_fields__.keys() - set(NO_FIELDS)
    assert all(hasattr(context, name) for name in Context.__annotations__)
    assert not any(hasattr(context, name) for name in ("num_steps", "model", "changes", "loop"))


def test_images_are_scaled_as_the_sweep_scales_them(context: Context, digits: Dataset) -> None:
    images = context.images("val")
    assert (images.dtype.name, images.shape, images.max()) == ("float32", digits.val.images.shape, 1.0)
    assert np.array_equal(images * np.float32(16), digits.val.images)


def test_training_code_cannot_change_the_data_of_later_trials(context: Context, digits: Dataset) -> None:
    before = digits.digest()
    for array in (context.data.train.images, context.data.val.labels):
        with pytest.raises(ValueError, match="read-only"):
            np.random.default_rng(0).shuffle(array)
    context.images("train")[:] = 0
    assert context.data.digest() == digits.digest() == before
    assert Context(TRIAL, digits, Session(None, None)).data is context.data


def test_the_generators_follow_from_seed_and_step_after_a_checkpoint(digits: Dataset) -> None:
    def drawn(seed: int, step: int) -> Any:
        session = Session(None, None)
        session.state.step = step
        context = Context(replace(TRIAL, seed=seed), digits, session)
        context.restore()
        context.checkpoint(None)
        return random.random(), np.random.random()

    assert drawn(3, 10) == drawn(3, 10)
    assert len({drawn(3, 10), drawn(3, 20), drawn(4, 10)}) == 3


def test_a_batch_of_mapped_images_is_all_that_is_in_memory(digits: Dataset, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(np.arange(256, dtype=np.uint8).tobytes() * 64)
    mapped = map_images(str(tmp_path / "images"), (64, 16, 16, 1))
    part = Split(images=mapped, labels=np.zeros(64, np.uint8))
    data = Dataset(train=part, val=part, test=part, num_classes=2)
    context = Context(TRIAL, data, Session(None, None))
    assert context.data.train.images.base is not None
    for places in (slice(3, 5), np.array([3, 4])):
        batch = context.images("train", places)
        assert (type(batch), batch.shape) == (np.ndarray, (2, 16, 16, 1))
        np.testing.assert_array_equal(batch, context.images("train")[3:5])
