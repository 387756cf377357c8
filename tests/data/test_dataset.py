"""Laws of splits and data sets: what cannot be trained on cannot exist."""

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.errors import DataError


def split(count: int = 3, *, shape: tuple[int, ...] = (4, 5, 1), label: int = 0) -> Split:
    return Split(images=np.zeros((count, *shape), np.uint8), labels=np.full(count, label, np.uint8))


def dataset(**changes: Any) -> Dataset:
    fields: dict[str, Any] = {"train": split(), "val": split(), "test": split(), "num_classes": 10}
    return Dataset(**(fields | changes))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4, 5, 1), np.float16), np.zeros(2, np.uint8), "`images.dtype == uint8 or float32` must hold"),
        (np.zeros((2, 4, 5), np.uint8), np.zeros(2, np.uint8), r"`images.ndim == 4` .* got shape=\(2, 4, 5\)"),
        (
            np.zeros((2, 4, 5, 1), np.uint8),
            np.zeros(2, np.int64),
            "`labels.dtype == uint8 or uint16 or float32` .* got dtype='int64'",
        ),
        (np.zeros((2, 4, 5, 1), np.uint8), np.zeros((2, 3), np.uint8), r": `labels.argmax\(axis=1\)` converts one-hot"),
        (np.zeros((2, 4, 5, 1), np.uint8), np.zeros((2, 3)), "several numbers to predict are float32"),
        (np.zeros((2, 4, 5, 1), np.uint8), np.zeros((2, 1), np.uint8), r"got shape=\(2, 1\): use `labels\[:, 0\]`"),
        (np.zeros((2, 4, 5, 1), np.uint8), np.zeros((2, 1), np.int64), r"dtype='int64': use `labels\[:, 0\]`"),
        (np.ma.zeros((2, 4, 5, 1), np.uint8), np.zeros(2, np.uint8), "must have no mask, which training would ignore"),
        (np.zeros((2, 4, 5, 1), np.uint8), np.zeros(3, np.uint8), "got num_images=2, num_labels=3"),
        (np.zeros((0, 4, 5, 1), np.uint8), np.zeros(0, np.uint8), "`images.size > 0`"),
        (np.zeros((2, 4, 0, 1), np.uint8), np.zeros(2, np.uint8), "`images.size > 0`"),
        ([[[[1]]]], np.zeros(1, np.uint8), "`images` must be a NumPy array, but got type='list'"),
    ],
)
def test_malformed_split_cannot_exist(images: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Split(images=images, labels=labels)


def numbers(*values: float) -> dict[str, Any]:
    """Return the splits of a data set whose training images have these labels, or 0, 1 and 2."""
    parts = [Split(images=split().images, labels=np.array(one, np.float32)) for one in (values or range(3), range(3))]
    return {"train": parts[0], "val": parts[1], "test": parts[1]}


def test_labels_of_float32_are_numbers_for_which_a_model_has_one_output() -> None:
    data = Dataset(**numbers())
    assert (data.is_regression, data.num_classes) == (True, 1)
    assert dataclasses.replace(data, pixel_max=16).is_regression
    assert data.digest() != Dataset(**numbers(0, 1, 2.5)).digest() != dataset().digest()
    assert not dataset().is_regression


def floats(value_range: Any, fill: float = 2.0) -> dict[str, Any]:
    """Return the splits of a data set of float32 images from 0 to 2, or of another value in the first image."""
    images = np.zeros((3, 4, 5, 1), np.float32)
    images[0] = fill
    part = Split(images=images, labels=np.zeros(3, np.uint8))
    return {"train": part, "val": part, "test": part, "value_range": value_range}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": split(label=10)}, "`train labels < num_classes` must hold, but got label=10, num_classes=10"),
        ({"test": split(label=200)}, "`test labels < num_classes`"),
        (
            {"val": split(shape=(4, 6, 1))},
            r"`val image_shape == train image_shape` .* val=\(4, 6, 1\), train=\(4, 5, 1\)",
        ),
        ({"pixel_max": 0}, "`1 <= pixel_max <= 255` must hold, but got pixel_max=0"),
        ({"pixel_max": 256}, "pixel_max=256"),
        ({"num_classes": 0}, "num_classes=0"),
        (numbers(0, 1, float("nan")), "`train labels are finite` must hold, but got num_not_finite=1, num_labels=3"),
        (numbers(0, 1, float("-inf")), "`train labels are finite` must hold"),
        (
            numbers(),
            "`float32 labels are numbers, of no classes` must hold, but got num_classes=10, num_class_names=0: l",
        ),
        (numbers() | {"num_classes": 0, "class_names": ["a"]}, "num_class_names=1: leave that out, or make the labels"),
        (
            numbers() | {"val": split(), "num_classes": 0},
            "of all splits are classes, or all are float32` .* val='uint8'",
        ),
        ({"num_classes": 65_537}, "`1 <= num_classes <= 65536` must hold, but got num_classes=65537"),
        ({"num_classes": "10"}, "`Dataset.num_classes is a whole number` must hold, but got num_classes='10'"),
        ({"num_classes": 9.5}, "`Dataset.num_classes is a whole number`"),
        ({"pixel_max": True}, "`Dataset.pixel_max is a whole number`"),
        ({"val": (np.zeros(1), np.zeros(1))}, "`val is a Split` must hold, but got type='tuple'"),
        (
            {"value_range": (0, 1)},
            "`value_range goes with float32 images` must hold, but got dtype='uint8': uint8 have a",
        ),
        (floats(None), r"float32 images have a value_range, such as \(0, 1\)` .*=None for values from 0 to 2"),
        (floats((0, 2)) | {"val": split()}, "`images of all splits have one dtype` .* val='uint8'"),
        (floats((0, 1.9)), r"`train pixels are in value_range` .* low=0.0, high=2.0, value_range=\(0.0, 1.9\)"),
        (floats((0, 2), fill=np.nan), "`train pixels are in value_range` must hold, but got low=nan"),
        (floats((1, 0)), r"`value_range is \(low, high\), finite, low < high` must hold, but got value_range=\(1, 0\)"),
        (floats((0, float("inf"))), r"finite, low < high` must hold, but got value_range=\(0, inf\)"),
        (floats((-3e38, 3e38)), r"finite, low < high` must hold"),
        ({"class_names": "ab"}, "`Dataset.class_names is a list of strings` must hold, but got class_names='ab'"),
        ({"class_names": {"a", "b"}}, "`Dataset.class_names is a list of strings`"),
        ({"class_names": (0, 1)}, "`Dataset.class_names is a list of strings`"),
        ({"notes": "collected by hand"}, "`Dataset.notes is a list of strings`"),
        (floats("01"), "value_range='01'"),
        (floats((0, 2)) | {"pixel_max": 2}, "`pixel_max goes with uint8 images` must hold, but got pixel_max=2"),
    ],
)
def test_inconsistent_dataset_cannot_exist(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataset(**changes)


@pytest.mark.parametrize("number", [np.int64(10), np.uint8(10), np.array(10), 10.0])
def test_numbers_of_numpy_are_those_of_python(number: Any) -> None:
    plain, found = dataset(pixel_max=10), dataset(num_classes=number, pixel_max=number)
    assert (type(found.num_classes), type(found.pixel_max)) == (int, int)
    assert found.digest() == plain.digest()


def test_image_shape_is_height_width_channels() -> None:
    assert dataset().image_shape == (4, 5, 1)


def test_length_of_split_is_number_of_images() -> None:
    assert len(split(7)) == 7


def test_arrays_are_not_copied_and_may_be_read_only() -> None:
    images = np.zeros((2, 4, 5, 1), np.uint8)
    images.flags.writeable = False
    assert Split(images=images, labels=np.zeros(2, np.uint8)).images is images


def test_datasets_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset().num_classes = 5  # type: ignore[misc]


def test_digest_is_of_what_training_and_evaluation_see() -> None:
    same = dataset(val=split(4))
    assert dataset(val=split(4)).digest() == same.digest() == pickle.loads(pickle.dumps(same)).digest()
    images = same.train.images.copy()
    images[0, 0, 0, 0] += 1
    others = [
        dataclasses.replace(same, train=Split(images=images, labels=same.train.labels)),
        dataclasses.replace(same, val=same.test, test=same.val),
        dataclasses.replace(same, pixel_max=16),
        dataclasses.replace(same, num_classes=same.num_classes + 1),
    ]
    assert same.digest() not in {other.digest() for other in others}


def test_digest_does_not_depend_on_the_layout_in_memory() -> None:
    images = np.arange(120, dtype=np.uint8).reshape(2, 5, 4, 3)
    labels = np.zeros(2, np.uint8)
    views = [images, np.asfortranarray(images), images[::-1].copy()[::-1]]
    assert len({Split(images=view, labels=labels).sha256() for view in views}) == 1


def test_up_to_65536_classes_have_labels_of_two_bytes() -> None:
    wide = Split(images=split().images, labels=np.array([0, 300, 65_535], np.uint16))
    assert dataset(train=wide, num_classes=65_536).train.labels.max() == 65_535
    with pytest.raises(
        DataError, match=r"`train labels < num_classes` must hold, but got label=65535, num_classes=300"
    ):
        dataset(train=wide, num_classes=300)


def test_the_width_of_labels_is_not_part_of_the_digest() -> None:
    narrow, images = np.array([1, 0, 255], np.uint8), split().images
    wide = [Split(images=images, labels=labels) for labels in (narrow, narrow.astype(np.uint16))]
    assert wide[0].sha256() == wide[1].sha256()


def levels(scale: Any) -> Dataset:
    """Return a data set with all levels of 8 bits, as `scale` converts them."""
    images, (convert, value_range) = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1), scale
    part = Split(images=convert(images), labels=np.zeros(4, np.uint8))
    return Dataset(train=part, val=part, test=part, num_classes=2, value_range=value_range)


SCALES: dict[str, Any] = {
    "of 255": (lambda images: images.astype(np.float32), (0, 255)),
    "of 1": (lambda images: images.astype(np.float32) / 255, (0, 1)),
    "of float64": (lambda images: (images / 255).astype(np.float32), (0, 1)),
}


@pytest.mark.parametrize("name", SCALES)
def test_floats_that_are_whole_levels_are_the_same_data_as_these(name: str) -> None:
    plain, found = levels((lambda images: images, None)), levels(SCALES[name])
    assert found.digest() == plain.digest()
    np.testing.assert_array_equal(found.scaled(found.val.images), plain.scaled(plain.val.images))
    np.testing.assert_array_equal(found.as_picture(found.val.images), plain.val.images)


def test_other_floats_have_a_digest_of_their_own() -> None:
    around = levels((lambda images: images.astype(np.float32) / np.float32(127.5) - 1, (-1, 1)))
    wide, fine = (dataclasses.replace(levels(SCALES["of 1"]), value_range=(0, high)) for high in (2, 300))
    plain = levels((lambda images: images, None))
    assert len({one.digest() for one in (plain, around, wide, fine)}) == 4
    assert (around.scaled(around.val.images).min(), around.scaled(around.val.images).max()) == (0, 1)
    np.testing.assert_allclose(around.scaled(around.val.images), plain.scaled(plain.val.images), atol=1e-6)
    np.testing.assert_array_equal(around.as_picture(around.val.images), plain.val.images)
    large = levels((lambda images: (images.astype(np.float32) - np.float32(127.5)) * np.float32(1e30), (-2e32, 2e32)))
    assert large.as_picture(large.val.images).max() < 255  # without a warning of what no integer holds
