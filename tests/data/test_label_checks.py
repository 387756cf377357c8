"""Laws of the neighbours: labels that images do not bear out are told, and few of those that they do."""

import dataclasses

import numpy as np
import pytest

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.label_checks import label_notes


def made(seed: int, *, size: int = 400, shuffled: bool = False) -> Dataset:
    """Return images whose classes differ in their texture alone: smooth or rough, with the same mean."""
    random = np.random.default_rng(seed)

    def split(number: int) -> Split:
        labels = random.integers(0, 2, number).astype(np.uint8)
        noise = random.integers(0, 256, (number, 12, 12, 1))
        smooth = np.repeat(np.repeat(noise[:, ::4, ::4], 4, axis=1), 4, axis=2)
        images = np.where(labels[:, None, None, None] == 1, smooth, noise).astype(np.uint8)
        return Split(images=images, labels=random.permutation(labels) if shuffled else labels)

    return Dataset(train=split(size), val=split(200), test=split(200), num_classes=2)


@pytest.mark.parametrize("seed", range(10))
def test_classes_that_differ_in_texture_alone_are_told_from_shuffled_ones(seed: int) -> None:
    assert [*label_notes(made(seed))] == []
    assert len([*label_notes(made(seed, shuffled=True))]) == 1


def test_too_few_images_are_not_judged() -> None:
    assert [*label_notes(made(0, size=150, shuffled=True))] == []
    single = Split(images=np.zeros((1, 12, 12, 1), np.uint8), labels=np.zeros(1, np.uint8))
    assert [*label_notes(dataclasses.replace(made(0), train=single))] == []
