"""What is kept of a model's mistakes; how the report shows them and names damaged files is in tests/report."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Dataset, Split
from mnist_sweep.results import mistakes

PREDICTED = np.array([0, 1, 2, 1, 0, 2], np.uint16)  # by `Telling`, of the images below


@pytest.fixture
def dataset() -> Dataset:
    """Images of one pixel, whose value is the class that `Telling` takes them for."""
    pixels = np.array([0, 1, 2, 1, 0, 2], np.uint8).reshape(6, 1, 1, 1)
    split = Split(images=pixels, labels=np.array([0, 2, 1, 1, 2, 2], np.uint8))
    return Dataset(train=split, val=split, test=split, num_classes=3, pixel_max=2)


class Telling:
    """A model that is surest about the largest pixels."""

    def __call__(self, images: Any, *, training: bool) -> Any:
        import tensorflow as tf

        assert not training
        pixels = tf.cast(tf.round(images[:, 0, 0, 0] * 2), tf.int32)
        return tf.one_hot(pixels, 3) * tf.cast(1 + pixels, tf.float32)[:, None]


def test_mistakes_are_the_wrong_ones_surest_first(tf: Any, dataset: Dataset) -> None:
    found = mistakes.find(Telling(), dataset, PREDICTED)
    assert found.predicted.tolist() == [2, 1, 0]
    assert found.labels.tolist() == [1, 2, 2]
    assert found.images[:, 0, 0, 0].tolist() == [255, 127, 0]
    exponential = np.exp([3.0, 2.0, 1.0])
    np.testing.assert_allclose(found.confidence, exponential / (exponential + 2), rtol=1e-6)


def test_mistakes_are_read_back(tf: Any, dataset: Dataset, tmp_path: Path) -> None:
    found = mistakes.find(Telling(), dataset, PREDICTED)
    mistakes.write(tmp_path, "a-0", mistakes.to_bytes(found))
    read = mistakes.read(mistakes.path_of(tmp_path, "a-0"))
    for one, other in zip(found, read, strict=True):
        np.testing.assert_array_equal(one, other)


def test_images_of_other_channels_are_shown_by_their_mean(tf: Any, dataset: Dataset, tmp_path: Path) -> None:
    def doubled(split: Split) -> Split:
        return Split(images=np.concatenate([split.images, 0 * split.images], axis=3), labels=split.labels)

    splits: dict[str, Any] = {name: doubled(split) for name, split in dataset.splits.items()}
    two = Dataset(**splits, num_classes=3, pixel_max=2)
    found = mistakes.find(Telling(), two, PREDICTED)
    assert found.images[:, 0, 0].tolist() == [[127], [63], [0]]
    mistakes.write(tmp_path, "a-0", mistakes.to_bytes(found))
    assert mistakes.read(mistakes.path_of(tmp_path, "a-0")).images.shape == (3, 1, 1, 1)


def test_floats_are_shown_as_the_levels_that_they_are(tf: Any, dataset: Dataset) -> None:
    part = Split(images=dataset.val.images.astype(np.float32) - 1, labels=dataset.val.labels)
    floats = Dataset(train=part, val=part, test=part, num_classes=3, value_range=(-1, 1))
    found = mistakes.find(Telling(), floats, PREDICTED)
    assert (found.images.dtype.name, found.images[:, 0, 0, 0].tolist()) == ("uint8", [255, 128, 0])
