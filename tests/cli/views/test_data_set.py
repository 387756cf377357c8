"""The table of a data set."""

import numpy as np

from mnist_sweep import Digits
from mnist_sweep.cli.views import data_set
from mnist_sweep.data.overview import overview
from tests.cli.conftest import shown
from tests.optim.test_regression import ink


def test_classes_and_splits_are_a_table() -> None:
    lines = shown(data_set.show, overview("digits", Digits().load(), is_verified=True), width=60).splitlines()
    assert lines[0].split() == ["class", "train", "val", "test"]
    assert lines[11].split() == ["all", "1,197", "300", "300"]
    assert lines[12].startswith("images of 8x8x1, pixels from 0 to 16 in train (mean 4.9), ")
    assert lines[-1].startswith("digest ")


def test_numbers_are_summarised() -> None:
    found = overview("ink", ink(), is_verified=True)
    lines = [line.split() for line in shown(data_set.show, found, width=60).splitlines()]
    assert [line[0] for line in lines[:8]] == ["number", *data_set.NUMBERS, "images"]
    assert lines[3][1] == f"{float(np.median(ink().train.labels)):g}"
    assert lines[7] == ["images", "1,197", "300", "300"]
