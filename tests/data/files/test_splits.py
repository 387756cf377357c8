"""Laws of splits: which names mean them, and what is held out where files lack one."""

import numpy as np
import pytest

from mnist_sweep.data.files.splits import hold_out, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00001.parquet", "train"),
        ("Training", "train"),
        ("train-images-idx3-ubyte", "train"),
        ("emnist-letters-test-images-idx3-ubyte.gz", "test"),
        ("t10k-labels.idx1-ubyte", "test"),
        ("x_valid.npy", "val"),
        ("VALIDATION.csv", "val"),
        ("dev", "val"),
        ("trainer", None),
        ("pets.csv", None),
    ],
)
def test_a_word_of_a_name_says_which_split_it_is(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_a_share_of_each_class_is_held_out_and_nothing_is_in_two_splits() -> None:
    labels = np.repeat([0, 1, 2, 3], [100, 40, 5, 2])
    places = hold_out(labels, {"val": 0.1, "test": 0.2}, seed=0)
    assert sorted(np.concatenate([*places.values()])) == list(range(147))
    counts = {name: np.bincount(labels[found], minlength=4).tolist() for name, found in places.items()}
    assert counts == {"train": [70, 28, 3, 2], "val": [10, 4, 1, 0], "test": [20, 8, 1, 0]}
    assert all((np.diff(found) > 0).all() for found in places.values())


def test_each_of_many_classes_is_split() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(30_000), 3))
    places = hold_out(labels, {"val": 0.1}, seed=0)
    assert np.array_equal(np.bincount(labels[places["val"]]), np.ones(30_000))
    assert np.array_equal(np.bincount(labels[places["train"]]), np.full(30_000, 2))


def test_what_is_held_out_is_the_same_everywhere_and_another_with_another_seed() -> None:
    labels = np.zeros(20, np.uint8)
    assert hold_out(labels, {"val": 0.25}, seed=0)["val"].tolist() == [0, 2, 9, 11, 17]
    assert hold_out(labels, {"val": 0.25}, seed=1)["val"].tolist() != [0, 2, 9, 11, 17]
