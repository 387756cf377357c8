"""One real data set, the digits in full grey levels and sorted by class, as files of every format hold it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.digits import Digits


@pytest.fixture(scope="session")
def in_memory() -> Dataset:
    """Return 700 digits with grey levels up to 240, each split sorted by class."""
    digits = Digits().load()
    parts = []
    for split, number in ((digits.train, 400), (digits.val, 150), (digits.test, 150)):
        order = np.argsort(split.labels[:number], kind="stable")
        parts.append(Split(images=split.images[:number][order] * 15, labels=split.labels[:number][order]))
    train, val, test = parts
    return Dataset(train=train, val=val, test=test, num_classes=10)


def write_folder(folder: Path, dataset: Dataset, *, suffix: str = "png") -> Path:
    """Write a data set as a folder of images."""
    for name, split in dataset.splits.items():
        for number, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
            path = folder / name / str(label) / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
    return folder


@pytest.fixture(scope="session")
def folder(in_memory: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of PNG files, train/, val/ and test/; tests must not change it."""
    return write_folder(tmp_path_factory.mktemp("png") / "digits", in_memory)
