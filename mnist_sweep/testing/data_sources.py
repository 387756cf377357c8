"""The contract of a data source: a value that a row can name, and that loads the same data every time."""

from collections.abc import Callable

import numpy as np

from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset, DataSource
from mnist_sweep.results import data_cards
from mnist_sweep.testing.law import law
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat


def check_data_source(source: DataSource | Callable[[], Dataset]) -> None:
    """Validate that a data source keeps the contract; loads it twice.

    Args:
        source: A frozen dataclass with `load`, or a function that returns a `Dataset`, at the top of a module.

    Raises:
        AssertionError: A law is broken; the message names it.
        SweepError: What the source returns is no data set, or what it declares does not fit it.
    """
    config = TrialConfig(data=source)
    law(from_flat(to_flat(config)).data == source, "A data source must equal the one that its row describes.")
    first, again = loading.load(source), loading.load(source)
    data_cards.describe(source, first)
    shaped = loading.shaped(source)
    shape = (shaped.image_shape, shaped.num_classes)
    law(shape == (first.image_shape, first.num_classes), "A data source must have the shape that it announces.")
    for name in ("train", "val", "test"):
        one, other = getattr(first, name), getattr(again, name)
        same = np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)
        law(bool(same), f"A data source must load the same images and labels every time, but {name} differs.")
        law(len(np.unique(one.labels)) > 1 or first.num_classes == 1, f"{name} must hold more than one class.")
