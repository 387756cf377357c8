"""Laws of the stream of batches."""

from collections import Counter

import numpy as np
import pytest

from mnist_sweep.data.batches import indices, subseed
from mnist_sweep.errors import ConfigError


@pytest.mark.parametrize(("batch_size", "num_examples"), [(4, 10), (10, 10), (25, 10), (1, 1), (3, 1), (7, 100)])
def test_range_of_steps_can_be_cut_anywhere(batch_size: int, num_examples: int) -> None:
    whole = indices(3, 0, 12, batch_size=batch_size, num_examples=num_examples)
    for cut in range(13):
        parts = [
            indices(3, first, last, batch_size=batch_size, num_examples=num_examples)
            for first, last in ((0, cut), (cut, 12))
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole, strict=True)


def test_every_epoch_holds_every_example_once_and_drops_none() -> None:
    stream = indices(0, 0, 25, batch_size=4, num_examples=10).ravel()
    assert all(Counter(epoch.tolist()) == Counter(range(10)) for epoch in stream.reshape(10, 10))


def test_rows_are_int32_steps_by_batch_size() -> None:
    batch = indices(0, 5, 8, batch_size=4, num_examples=10)
    assert (str(batch.dtype), batch.shape) == ("int32", (3, 4))
    assert indices(0, 5, 5, batch_size=4, num_examples=10).shape == (0, 4)


def test_epochs_and_seeds_differ_in_order() -> None:
    epochs = indices(0, 0, 2, batch_size=100, num_examples=100)
    other = indices(1, 0, 2, batch_size=100, num_examples=100)
    orders = [*epochs.tolist(), *other.tolist(), list(range(100))]
    assert len({tuple(order) for order in orders}) == len(orders)


def test_first_examples_are_spread_evenly_over_the_split() -> None:
    firsts = [int(indices(seed, 0, 1, batch_size=1, num_examples=10)[0, 0]) for seed in range(1000)]
    assert all(60 < count < 140 for count in Counter(firsts).values())


def test_stream_is_the_same_in_every_version() -> None:
    assert indices(0, 0, 3, batch_size=4, num_examples=10).tolist() == [[1, 5, 3, 7], [8, 4, 2, 9], [0, 6, 8, 5]]
    assert indices(7, 10**9, 10**9 + 1, batch_size=4, num_examples=55_000).tolist() == [[48813, 30754, 24804, 7661]]


def test_subseeds_are_63_bits_and_the_same_in_every_version() -> None:
    assert subseed(0, "batches") == 2312056721596985416
    assert all(0 <= subseed(seed, "dropout") < 2**63 for seed in range(-50, 50))


def test_subseeds_of_other_names_and_seeds_differ() -> None:
    assert len({subseed(seed, name) for seed in range(100) for name in ("batches", "dropout", "weights")}) == 300


def test_subseed_ignores_the_type_of_the_number() -> None:
    assert subseed(np.int64(5), "batches") == subseed(5, "batches")  # type: ignore[arg-type]


def test_more_examples_than_indices_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_examples=2147483648"):
        indices(0, 0, 2, batch_size=4, num_examples=2**31)
