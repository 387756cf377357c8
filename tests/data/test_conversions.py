"""How the message on a wrong array says to convert it, and which floats are whole levels."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.conversions import as_levels, full_level
from mnist_sweep.data.dataset import Split
from mnist_sweep.errors import DataError

IMAGES = np.arange(40).reshape(2, 4, 5, 1)
HINTS: dict[str, tuple[Any, str]] = {
    "whole": (IMAGES, r"from 0 to 39: use `images.astype\('uint8'\)`"),
    "wide": (IMAGES * 100, r"from 0 to 3900: use `images.astype\('float32'\)`, and state their value_range, such as"),
    "double": (IMAGES / 39, r"from 0 to 1: use `images.astype\('float32'\)`.* such as \(0, 1\)"),
    "around 0": (IMAGES / 19.5 - 1, r"from -1 to 1: .* such as \(-1, 1\)"),
    "black and white": (IMAGES > 9, r"use `images.astype\('uint8'\)`, and pixel_max=1"),
    "not finite": (np.where(IMAGES, IMAGES, np.nan), "remove values that are not finite"),
}


@pytest.mark.parametrize("name", HINTS)
def test_the_message_says_how_to_convert_images(name: str) -> None:
    images, hint = HINTS[name]
    with pytest.raises(DataError, match=hint):
        Split(images=images, labels=np.zeros(2, np.uint8))


def test_the_message_says_how_to_convert_labels() -> None:
    images = IMAGES.astype(np.uint8)
    for labels, hint in (
        (np.array([0, 300]), r"labels.astype\('uint16'\)"),
        (np.array([0, -1]), r"between 0 and 65535, or `labels.astype\('float32'\)` for numbers to predict"),
        (
            np.array([0, 1.0]),
            r"from 0 to 1: use `labels.astype\('uint8'\)`, or `labels.astype\('float32'\)` for numbers",
        ),
        (np.array([0, 1]).astype("float16"), r"from 0 to 1: use `labels.astype\('uint8'\)`"),
        (np.array([0, np.nan]), "remove values that are not finite.$"),
    ):
        with pytest.raises(DataError, match=hint):
            Split(images=images, labels=labels)


def test_levels_are_found_only_where_all_values_are() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    floats = levels.astype(np.float32) / 255
    found = as_levels(floats, 1.0)
    assert found is not None
    np.testing.assert_array_equal(found, levels)
    floats[3, 7, 7] -= 1e-6
    assert as_levels(floats, 1.0) is None
    assert [full_level(high) for high in (1, 16, 255, 256, 0.5)] == [255, 16, 255, 0, 0]
