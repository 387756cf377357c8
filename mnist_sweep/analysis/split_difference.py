"""The difference between two trials or configs, a and b, on one split of the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.paired_tests import (
    AccuracyDifference,
    ContingencyTable,
    difference_over_image_values,
    difference_over_images,
    difference_over_seeds,
    difference_over_seeds_and_images,
    mcnemar,
)

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitDifference:
    """The difference between a and b on one split of the data.

    Attributes:
        name: `validation` or `test`.
        mean_a: Mean value of a over the compared seeds.
        mean_b: Mean value of b.
        difference: Value of a minus that of b, with its interval and p-value.
        by_seed: The difference in each seed.
        num_images: Images in the split; None where predictions were not kept.
        mcnemar: p-value of McNemar's exact test for each seed, in their order; empty where predictions were not kept.
        only_a: Indices, from 0, of the images that a classifies correctly and b does not; with several seeds, those
            where a is correct more often than b, by at least half of the seeds.
        only_b: The same with a and b exchanged.
    """

    name: str
    mean_a: float
    mean_b: float
    difference: AccuracyDifference
    by_seed: tuple[float, ...] = ()
    num_images: int | None = None
    mcnemar: tuple[float, ...] = ()
    only_a: tuple[int, ...] = ()
    only_b: tuple[int, ...] = ()

    @property
    def significant(self) -> bool:
        """Whether the difference is significant: the p-value is below 5%, and the interval excludes 0."""
        low, high = self.difference.low, self.difference.high
        return self.difference.pvalue < ALPHA and not low <= 0 <= high


def over_images(name: str, a: NDArray[Any], b: NDArray[Any], *, largest: float = 1.0) -> SplitDifference:
    """Return the difference on a split, given which of its images a and b classify correctly, or the images' values.

    They are bool or float64 `[num_seeds, num_images]`, with the same seeds in one order. No difference of two values is
    larger than `largest`.
    """
    is_right = a.dtype == np.bool_
    ahead = a.astype(np.int8) - b.astype(np.int8) if is_right else a - b
    tables = [ContingencyTable.of(*pair) for pair in zip(a, b, strict=True)] if is_right else []
    if len(a) > 1:
        difference = difference_over_seeds_and_images(ahead, largest=largest)
    elif is_right:
        difference = difference_over_images(tables[0])
    else:
        difference = difference_over_image_values(ahead[0], largest=largest)
    return SplitDifference(
        name=name,
        mean_a=float(a.mean()),
        mean_b=float(b.mean()),
        difference=difference,
        by_seed=tuple(ahead.mean(axis=1).tolist()),
        num_images=a.shape[1],
        mcnemar=tuple(mcnemar(table.only_a, table.only_b) for table in tables),
        only_a=tuple(np.flatnonzero(is_right & (ahead.mean(axis=0) >= 0.5)).tolist()),
        only_b=tuple(np.flatnonzero(is_right & (ahead.mean(axis=0) <= -0.5)).tolist()),
    )


def over_seeds(name: str, a: Sequence[float], b: Sequence[float], *, largest: float = 1.0) -> SplitDifference:
    """Return the difference of the values of two or more seeds; `a` and `b` have the same seeds in one order.

    No difference of two values is larger than `largest`.
    """
    return SplitDifference(
        name=name,
        mean_a=float(np.mean(a)),
        mean_b=float(np.mean(b)),
        difference=difference_over_seeds(np.subtract(a, b), largest=largest),
        by_seed=tuple(np.subtract(a, b).tolist()),
    )
