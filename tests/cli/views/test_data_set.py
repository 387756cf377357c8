"""The table of a data set."""

import io

import numpy as np
from rich.console import Console

from mnist_sweep import Digits
from mnist_sweep.cli.views import data_set
from mnist_sweep.data.overview import overview
from tests.optim.test_regression import ink


def test_classes_and_splits_are_a_table() -> None:
    file = io.StringIO()
    data_set.show(overview("digits", Digits().load(), is_verified=True), Console(file=file, width=60))
    lines = file.getvalue().splitlines()
    assert lines[0].split() == ["class", "train", "val", "test"]
    assert lines[11].split() == ["all", "1,197", "300", "300"]
    assert lines[12].startswith("images of 8x8x1, pixels from 0 to 16 in train (mean 4.9), ")
    assert lines[-1].startswith("digest ")


def test_numbers_are_summarised() -> None:
    file = io.StringIO()
    data_set.show(overview("ink", ink(), is_verified=True), Console(file=file, width=60))
    lines = [line.split() for line in file.getvalue().splitlines()]
    assert [line[0] for line in lines[:8]] == ["number", *data_set.NUMBERS, "images"]
    assert lines[3][1] == f"{float(np.median(ink().train.labels)):g}"
    assert lines[7] == ["images", "1,197", "300", "300"]
