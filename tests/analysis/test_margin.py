"""Laws of the margin: shares have a default, in points or not; other values need one."""

import pytest

from mnist_sweep.analysis.margin import WITHIN, margin_of
from mnist_sweep.errors import ConfigError
from mnist_sweep.trials.value_format import ACCURACY, Measure

RMSE = Measure("rmse", "minimize", "px")


def test_shares_have_a_default_and_may_be_given_in_points() -> None:
    assert margin_of(None, ACCURACY) == WITHIN
    assert margin_of(1, ACCURACY, in_points=True) == margin_of(0.01, ACCURACY)
    assert margin_of(2.5, RMSE) == 2.5


@pytest.mark.parametrize(("within", "measure"), [(0.5, ACCURACY), (0, ACCURACY), (None, RMSE), (0, RMSE)])
def test_margin_out_of_range_or_lacking_is_refused(within: float | None, measure: Measure) -> None:
    with pytest.raises(ConfigError):
        margin_of(within, measure)
