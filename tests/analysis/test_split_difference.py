"""Laws of the difference on one split: by images or over seeds, and significant by p-value and interval at once."""

import math

import numpy as np
import pytest

from mnist_sweep.analysis.split_difference import SplitDifference, over_images, over_seeds
from mnist_sweep.statistics.paired_tests import AccuracyDifference, mcnemar


def test_images_of_several_seeds_are_listed_where_one_is_ahead_in_half_of_them() -> None:
    a, b = np.zeros((4, 6), np.bool_), np.zeros((4, 6), np.bool_)
    a[:2, 0] = a[:1, 1] = b[:3, 2] = True
    found = over_images("test", a, b)
    assert (found.only_a, found.only_b, found.num_images) == ((0,), (2,), 6)
    assert found.mcnemar == (mcnemar(2, 1), mcnemar(1, 1), mcnemar(0, 1), mcnemar(0, 0))
    assert found.difference.mean == pytest.approx(found.mean_a - found.mean_b) == 0


def test_seeds_alone_know_no_images() -> None:
    found = over_seeds("validation", [0.9, 0.92, 0.91], [0.8, 0.81, 0.83])
    assert (found.num_images, found.mcnemar, found.only_a, found.only_b) == (None, (), (), ())
    assert found.difference.mean == pytest.approx(0.91 - 2.44 / 3)


@pytest.mark.parametrize(
    ("low", "high", "pvalue", "expected"),
    [
        (0.01, 0.03, 0.01, True),
        (-0.03, -0.01, 0.01, True),
        (0.0, 0.03, 0.04, False),
        (0.01, 0.03, 0.05, False),
        (math.nan, math.nan, math.nan, False),
    ],
)
def test_difference_is_significant_if_p_value_and_interval_say_so(
    low: float, high: float, pvalue: float, expected: bool
) -> None:
    difference = AccuracyDifference(0.02, low, high, pvalue)
    found = SplitDifference(name="test", mean_a=0.9, mean_b=0.88, difference=difference)
    assert found.significant is expected
