"""Laws of loading in a child process; the sources are imported from here."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep import Dataset, Digits
from mnist_sweep.errors import DataError
from mnist_sweep.runners import data_process
from mnist_sweep.system import child_process

HERE = Path(__file__).name


def digits() -> Dataset:
    return Digits().load()


def nothing() -> None:
    return


def wrong() -> Dataset:
    raise DataError("a rule")


def interrupted() -> Dataset:
    raise KeyboardInterrupt("by itself")


def raising() -> Dataset:
    raise ValueError("no such\nfile")


def leaving() -> Dataset:
    raise SystemExit("no GPU")


def ending() -> Dataset:
    os._exit(0)


def aborting() -> Dataset:
    os.abort()


def test_own_data_arrive_whole() -> None:
    loaded, expected = data_process.load(digits), Digits().load()
    for name in ("train", "val", "test"):
        split, same = getattr(loaded, name), getattr(expected, name)
        assert np.array_equal(split.images, same.images)
        assert np.array_equal(split.labels, same.labels)
    assert (loaded.num_classes, loaded.pixel_max) == (expected.num_classes, expected.pixel_max)


def test_data_of_the_package_are_loaded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_command", None)
    assert data_process.load(Digits()).num_classes == 10


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (wrong, "a rule"),
        (nothing, "the data source nothing must return a Dataset, but got type='NoneType'."),
        (raising, rf"the data source raising raised ValueError: no such file \({HERE}:\d+\)."),
        (interrupted, rf"the data source interrupted raised KeyboardInterrupt: by itself \({HERE}:\d+\)."),
        (leaving, rf"the data source leaving raised SystemExit: no GPU \({HERE}:\d+\)."),
        (ending, rf"the data source ending raised ProcessExitError: os._exit\(0\) \({HERE}:\d+\)."),
        (aborting, rf"the data source aborting cannot be loaded: its process was killed by SIGABRT \({HERE}:\d+\)."),
    ],
)
def test_a_source_that_fails_or_ends_its_process_is_one_line(source: Callable[[], Dataset], message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        data_process.load(source)
