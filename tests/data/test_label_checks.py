"""Laws of the neighbours: labels that images do not bear out are told, and few of those that they do."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.label_checks import label_notes, number_notes
from tests.optim.test_regression import ink


def made(seed: int, *, size: int = 400, shuffled: bool = False, share: float = 0.5) -> Dataset:
    """Return images whose classes differ in their texture alone: smooth or rough, with the same mean."""
    random = np.random.default_rng(seed)

    def split(number: int) -> Split:
        labels = (random.random(number) < share).astype(np.uint8)
        noise = random.integers(0, 256, (number, 12, 12, 1))
        smooth = np.repeat(np.repeat(noise[:, ::4, ::4], 4, axis=1), 4, axis=2)
        images = np.where(labels[:, None, None, None] == 1, smooth, noise).astype(np.uint8)
        return Split(images=images, labels=random.permutation(labels) if shuffled else labels)

    return Dataset(train=split(size), val=split(200), test=split(200), num_classes=2)


@pytest.mark.parametrize("seed", range(10))
def test_classes_that_differ_in_texture_alone_are_told_from_shuffled_ones(seed: int) -> None:
    assert [*label_notes(made(seed))] == []
    assert len([*label_notes(made(seed, shuffled=True))]) == 1


@pytest.mark.parametrize("share", [0.01, 0.04, 0.1])
def test_a_rare_class_is_no_sign_of_shuffled_labels(share: float) -> None:
    found = [[*label_notes(made(seed, size=1000, share=share))] for seed in range(5)]
    assert found == [[]] * 5
    found = [[*label_notes(made(seed, size=1000, share=share, shuffled=True))] for seed in range(5)]
    assert sum(map(bool, found)) >= 4 * (share > 0.03)


def test_numbers_that_belong_to_images_are_told_from_shuffled_ones() -> None:
    data = ink()
    assert [*number_notes(data)] == []
    several = {name: np.stack([split.labels, -split.labels], axis=1) for name, split in data.splits.items()}
    splits: Any = {name: dataclasses.replace(split, labels=several[name]) for name, split in data.splits.items()}
    assert [*number_notes(Dataset(**splits, pixel_max=16))] == []
    for name in data.splits:
        mixed = np.random.default_rng(0).permutation(data.splits[name].labels)
        wrong: Any = {name: dataclasses.replace(data.splits[name], labels=mixed)}
        (note,) = number_notes(dataclasses.replace(data, **wrong))
        assert f"the numbers of {name} look unrelated to its images" in note


def test_too_few_images_are_not_judged() -> None:
    assert [*label_notes(made(0, size=150, shuffled=True))] == []
    single = Split(images=np.zeros((1, 12, 12, 1), np.uint8), labels=np.zeros(1, np.uint8))
    assert [*label_notes(dataclasses.replace(made(0), train=single))] == []
