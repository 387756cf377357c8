"""The resolution of values whose step is not known: the least difference of two that were seen.

Values may be written with two decimals, or count images. Equal differences of such values are no proof that they do not
vary, so variances have the floor of rounding to a step. A floor that is too high costs seeds, and one that depends on
the values keeps the error: where evidence counts, above 1, a floor can only lower it.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.pair_evidence import Array

ROUNDING = 2.0**-23  # relative: values come from float32, and differences below that are none


class Resolution:
    """The least difference of two values that each sweep has seen, beyond rounding; infinite before there are two.

    Args:
        num_sweeps: Number of sweeps.
    """

    def __init__(self, num_sweeps: int) -> None:
        self.step: Array = np.full(num_sweeps, np.inf)
        self._values: Array = np.empty((num_sweeps, 0))

    def add(self, values: NDArray[np.float64]) -> None:
        """Add a value to each sweep, NaN to those that have none: float64 `[num_sweeps]`."""
        column = values[:, None]
        apart = np.abs(self._values - column)
        is_seen = apart > ROUNDING * np.maximum(np.abs(self._values), np.abs(column))
        self.step = np.minimum(self.step, np.where(is_seen, apart, np.inf).min(axis=1, initial=np.inf))
        self._values = np.append(self._values, column, axis=1)
