"""Tables of accuracies in the long form that the statistics take."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class LongForm(NamedTuple):
    accuracy: Array
    config: NDArray[np.intp]
    seed: NDArray[np.intp]


def long_form(table: Array, kept: NDArray[np.bool_] | None = None) -> LongForm:
    """Return a table of accuracies, configs down and seeds across, in long form, without what is not kept."""
    config, seed = np.indices(table.shape).reshape(2, -1)
    keep = np.ones(table.size, np.bool_) if kept is None else kept.ravel()
    return LongForm(table.ravel()[keep], config[keep], seed[keep])
