"""The shipped contract of data sources."""

import numpy as np
import pytest

from mnist_sweep import Dataset, Digits, Split
from mnist_sweep.testing import check_data_source

COUNTER = np.random.default_rng(0)


def made(generator: np.random.Generator, num_classes: int = 2) -> Dataset:
    images = generator.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8)
    split = Split(images=images, labels=(np.arange(6) % num_classes).astype(np.uint8))
    return Dataset(train=split, val=split, test=split, num_classes=2)


def steady() -> Dataset:
    return made(np.random.default_rng(0))


def unsteady() -> Dataset:
    return made(COUNTER)


def of_one_class() -> Dataset:
    return made(np.random.default_rng(0), num_classes=1)


@pytest.mark.parametrize("source", [Digits(), steady])
def test_the_digits_and_a_function_of_ones_own_keep_the_contract(source: object) -> None:
    check_data_source(source)  # type: ignore[arg-type]


def test_a_source_that_loads_other_images_each_time_is_named() -> None:
    with pytest.raises(AssertionError, match="same images and labels every time, but train differs"):
        check_data_source(unsteady)


def test_a_split_of_one_class_is_named() -> None:
    with pytest.raises(AssertionError, match="train must hold more than one class"):
        check_data_source(of_one_class)
