"""Laws of the digits of scikit-learn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.digits import Digits
from mnist_sweep.errors import ConfigError, DataError


def test_splits_are_blocks_in_the_order_of_the_set() -> None:
    from sklearn.datasets import load_digits

    dataset, raw = Digits(val_size=200, test_size=100).load(), load_digits()
    splits = (dataset.val, dataset.train, dataset.test)
    assert [len(split) for split in splits] == [200, 1497, 100]
    np.testing.assert_array_equal(np.concatenate([split.images for split in splits])[..., 0], raw.images)
    np.testing.assert_array_equal(np.concatenate([split.labels for split in splits]), raw.target)


def test_pixels_fill_the_range_up_to_pixel_max() -> None:
    dataset = Digits().load()
    assert (dataset.pixel_max, dataset.train.images.max(), dataset.image_shape) == (16, 16, (8, 8, 1))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"val_size": 0}, "`val_size >= 1` must hold, but got val_size=0"),
        ({"test_size": -1}, "`test_size >= 1` must hold, but got test_size=-1"),
        ({"val_size": 1000, "test_size": 797}, "`val_size [+] test_size < 1797` .* val_size=1000, test_size=797"),
        ({"val_size": 1.5}, "whole number"),
    ],
)
def test_sizes_that_leave_a_split_empty_cannot_exist(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Digits(**sizes)


def test_train_of_a_single_image_is_allowed() -> None:
    assert len(Digits(val_size=1000, test_size=796).load().train) == 1


def test_other_digits_than_the_known_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_sweep.data.digits.SHA256", "0" * 64)
    with pytest.raises(DataError, match=r"expected 0{64}: install scikit-learn again"):
        Digits().load()


def test_file_lies_in_scikit_learn() -> None:
    assert [path.relative_to(path.parents[3]) for path in Digits().files().values()] == [
        Path("sklearn/datasets/data/digits.csv.gz")
    ]
