"""Laws of the inputs of graphs: streamed or in memory, a trial gets the same numbers; and few chunks are in memory."""

import tracemalloc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import RMSE, Dataset, LogLoss, MeanSquaredError, Momentum, Softmax, Split
from mnist_sweep.data.batches import indices
from mnist_sweep.data.mapped_images import map_images
from mnist_sweep.training import input_pipeline
from mnist_sweep.training.fitting import fit
from mnist_sweep.training.input_pipeline import ResidentInput, StreamedInput
from tests.optim.test_regression import ink
from tests.training.test_fitting import SMALL, numbers
from tests.training.test_training_loop import RESUMED

pytestmark = pytest.mark.usefixtures("nothing_kept")

TRIALS = {
    "dropout": SMALL,
    "augmentation, batch normalisation, a schedule": RESUMED["batch normalisation, augmentation, a schedule"],
    "values of images": replace(SMALL, model=Softmax(), objective=LogLoss()),
    "log points": replace(SMALL, model=Softmax(), log_every=7),
    "numbers": replace(SMALL, model=Softmax(), data=ink, loss=MeanSquaredError(), objective=RMSE()),
}


@pytest.mark.parametrize("steps_per_chunk", [0.5, 1, 7, 1000])
@pytest.mark.parametrize("name", TRIALS)
def test_streamed_data_give_the_same_bits(
    name: str, steps_per_chunk: float, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, digits = TRIALS[name], ink() if name == "numbers" else digits
    resident = fit(trial, digits)
    monkeypatch.setattr(input_pipeline, "MAX_RESIDENT_BYTES", 0)
    monkeypatch.setattr(input_pipeline, "CHUNK_BYTES", int(steps_per_chunk * trial.batch_size * 64))
    streamed = fit(trial, digits)
    assert isinstance(input_pipeline.split_inputs(digits)["train"], StreamedInput)
    assert numbers(streamed) == numbers(resident)
    assert resident.predictions is not None
    assert streamed.predictions is not None
    np.testing.assert_array_equal(streamed.predictions.val, resident.predictions.val)
    np.testing.assert_array_equal(streamed.predictions.test, resident.predictions.test)


def test_a_loss_that_is_not_finite_ends_a_stream_at_the_same_step(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = replace(SMALL, optimizer=Momentum(learning_rate=1e30), num_steps=40)
    resident = fit(trial, digits)
    monkeypatch.setattr(input_pipeline, "MAX_RESIDENT_BYTES", 0)
    monkeypatch.setattr(input_pipeline, "CHUNK_BYTES", 2 * trial.batch_size * 64)
    streamed = fit(trial, digits)
    assert (streamed.status, streamed.steps) == (resident.status, resident.steps)


def test_small_data_become_tensors_once(digits: Dataset) -> None:
    inputs = input_pipeline.split_inputs(digits)
    assert input_pipeline.split_inputs(digits) is inputs
    for name, split in digits.splits.items():
        assert isinstance(inputs[name], ResidentInput)
        ((images, labels),) = inputs[name].parts()
        np.testing.assert_array_equal(images, split.images)
        assert labels.dtype.name == "int32"


def test_calls_that_end_within_a_chunk_gather_it_once(tf: Any) -> None:
    split = Split(images=np.arange(400, dtype=np.uint8).reshape(100, 2, 2, 1) % 97, labels=np.zeros(100, np.uint8))
    streamed, rows = StreamedInput(split), partial(indices, 3, batch_size=9, num_examples=100)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_pipeline, "CHUNK_BYTES", 10 * 9 * 4)
        for first, last in ((0, 3), (3, 4), (4, 21), (21, 30), (5, 6)):  # back, as after a trace
            for images, _, places in streamed.steps(first, last, rows):
                found += [np.asarray(images)[row] for row in places]
    steps = [*range(30), 5]
    assert len(found) == len(steps)
    for step, batch in zip(steps, found, strict=True):
        np.testing.assert_array_equal(batch, split.images[rows(step, step + 1)[0]])


def test_mapped_images_are_never_in_memory_as_a_whole(tf: Any, tmp_path: Path) -> None:
    shape = (4000, 64, 64, 3)
    with (tmp_path / "images").open("wb") as file:
        file.truncate(int(np.prod(shape)))
    split = Split(images=map_images(str(tmp_path / "images"), shape), labels=np.zeros(4000, np.uint8))
    streamed = StreamedInput(split)
    tracemalloc.start()
    try:
        assert sum(len(labels) for _, labels in streamed.parts()) == 4000
        assert tracemalloc.get_traced_memory()[1] < 25e6  # of 49 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("most_resident", [0, 1 << 30])
def test_labels_of_two_bytes_are_trained_on(most_resident: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_pipeline, "MAX_RESIDENT_BYTES", most_resident)
    labels = np.arange(300, dtype=np.uint16)
    split = Split(images=(labels[:, None, None, None] * np.ones((4, 4, 1)) % 256).astype(np.uint8), labels=labels)
    many = Dataset(train=split, val=split, test=split, num_classes=300)
    found = fit(replace(SMALL, model=Softmax(), num_steps=3, evaluate_every=3), many)
    assert found.predictions is not None
    assert found.predictions.val.shape == (300,)
    assert found.steps == 3


def test_outputs_of_a_batch_alone_are_kept_where_each_image_has_a_value(digits: Dataset) -> None:
    split = Split(images=np.repeat(digits.val.images, 4, axis=0), labels=np.repeat(digits.val.labels, 4))
    sizes = {flag: [len(labels) for _, labels in ResidentInput(split).parts(by_batch=flag)] for flag in (False, True)}
    assert sizes == {False: [1200], True: [500, 500, 200]}
