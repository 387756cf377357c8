"""Laws of the sizes of splits; what is read, verified and downloaded is tested with each data set."""

from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.builtin_files import VerifiedFiles
from mnist_sweep.data.cifar10 import CIFAR10
from mnist_sweep.data.mnist import MNIST
from mnist_sweep.errors import ConfigError


@pytest.mark.parametrize(
    ("source", "sizes", "message"),
    [
        (MNIST, {"train_size": 0}, "`train_size >= 1` must hold, but got train_size=0"),
        (MNIST, {"val_size": 0}, "`val_size >= 1` must hold, but got val_size=0"),
        (MNIST, {"train_size": 55_001}, "`train_size [+] val_size <= 60000` .* train_size=55001, val_size=5000"),
        (MNIST, {"test_size": 0}, "`1 <= test_size <= 10000` must hold, but got test_size=0"),
        (MNIST, {"test_size": "all"}, "whole number"),
        (CIFAR10, {"train_size": 0}, "train_size=0"),
        (CIFAR10, {"train_size": 45_001}, "`train_size [+] val_size <= 50000`"),
        (CIFAR10, {"test_size": 10_001}, "test_size=10001"),
    ],
)
def test_sizes_beyond_the_files_cannot_exist(source: type[VerifiedFiles], sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        source(**sizes)


@pytest.mark.parametrize("source", [MNIST, CIFAR10])
def test_way_of_writing_a_size_makes_no_difference(source: Any) -> None:
    assert source(train_size=1000.0) == source(train_size=np.int64(1000)) == source(train_size=1000)
