"""How labels and images in files become arrays of uint8."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.files.content import Content, numbered, with_channels
from mnist_sweep.errors import DataError


@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        ({"train": [[2], [0]], "test": [1]}, {"train": [2, 0], "test": [1]}, ()),
        ({"train": ["c10", "c9"], "test": ["c1"]}, {"train": [2, 1], "test": [0]}, ("c1", "c9", "c10")),
        ({"train": [[True], [False]], "test": [True]}, {"train": [1, 0], "test": [1]}, ("False", "True")),
    ],
)
def test_labels_are_numbers_or_names(labels: Any, expected: dict[str, list[int]], names: tuple[str, ...]) -> None:
    found = numbered(Content({}, {name: np.array(values) for name, values in labels.items()}))
    assert ({name: array.tolist() for name, array in found.labels.items()}, found.class_names) == (expected, names)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_are_numbers_to_predict(kind: type) -> None:
    found = numbered(Content({}, {"train": np.array([[-1.5], [2]], kind), "test": np.array([3])}))
    assert {name: array.tolist() for name, array in found.labels.items()} == {"train": [-1.5, 2], "test": [3]}
    assert {array.dtype for array in found.labels.values()} == {np.dtype(np.float32)}
    assert found.class_names == ()


@pytest.mark.parametrize("names", [["1", "2", "10"], ["v1.5", "v2.5"], ["1.2.3", "1.2.4"], ["0.5", "a", "b"]], ids=str)
def test_names_with_numbers_in_them_are_classes(names: list[str]) -> None:
    assert numbered(Content({}, {"train": np.array(names)})).class_names == tuple(names)


def test_folders_may_be_named_after_numbers() -> None:
    names = ("0.5", "1.5")
    assert numbered(Content({}, {"train": np.array(names)}, names)).class_names == names


def test_pixels_are_cast_where_nothing_is_lost() -> None:
    images = np.arange(256).reshape(4, 8, 8)
    assert with_channels(images).dtype == np.uint8
    assert with_channels(images).shape == (4, 8, 8, 1)
    assert with_channels(images + 1).dtype != np.uint8
    assert with_channels(images - 1).dtype != np.uint8


@pytest.mark.parametrize(
    ("labels", "cause"),
    [
        ({"test": [1]}, "has no train split, but only test"),
        ({"train": [0, 65_536]}, "between 0 and 65535, but got labels from 0 to 65536"),
        ({"train": [0, 1], "val": [-1]}, "labels from -1 to 1: leave images without a label out"),
        ({"train": [True, False], "val": [1]}, "numbers or names, but got <U5 and int64"),
        ({"train": ["a"], "val": [1]}, "numbers or names, but got <U1 and int64: make all numbers, or all text"),
        ({"train": ["a"], "val": [1.5]}, "numbers or names, but got <U1 and float64"),
        ({"train": [[0, 1], [1, 0]]}, r"one label for each image, but got labels of shape \(2, 2\)"),
        ({"train": []}, "one label for each image"),
        ({"train": ["0,5", "1,5"]}, "text that looks like numbers to predict, such as '0,5': write all as numbers"),
        ({"train": ["-1.234,5", "1e3"]}, "such as '-1.234,5': write all"),
        ({"train": ["1.5", "2.5", "\N{MINUS SIGN}.5", "7", "-"]}, "such as '1.5', beside '-': write all"),
        ({"train": ["a", "", " "], "val": ["b"]}, "lacks labels: 2 of 4 are blank"),
        (
            {"train": [f"c{number}" for number in range(65_537)]},
            "has 65,537 classes, such as 'c0', expected at most 65,536",
        ),
    ],
    ids=lambda given: str(given)[:40],
)
def test_other_labels_are_refused(labels: dict[str, list[object]], cause: str) -> None:
    with pytest.raises(DataError, match=cause):
        numbered(Content({}, {name: np.array(values) for name, values in labels.items()}))
