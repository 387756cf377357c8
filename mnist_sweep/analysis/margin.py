"""The margin of a judgement, below which a difference does not count, and the seeds that it takes at least."""

import numbers

from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import INFINITY, require

WITHIN = 0.005
MIN_SEEDS = 3


def given_margin(within: float | None, *, in_points: bool = False) -> float:
    """Return a margin as it is given, in points or not, or the default of shares.

    Raises:
        ConfigError: It is no number.
    """
    require(within is None or isinstance(within, numbers.Real), "within is a number", within=within)
    return WITHIN if within is None else within / 100 if in_points else within


def margin_of(within: float | None, measure: Measure, *, in_points: bool = False) -> float:
    """Return a margin in the unit of values; that of shares is small, so that none in points is taken for one.

    Raises:
        ConfigError: It is out of range, or lacking for values other than shares.
    """
    margin = given_margin(within, in_points=in_points)
    if not measure.is_share:
        rule = f"0 < within, in the unit of {measure.title}, for which there is no default"
        require(within is not None and 0 < within < INFINITY, rule, within=within)
        return float(within or 0)
    rule = "0 < within <= 10 (points)" if in_points else "0 < within <= 0.1 (a share: 0.005 is half a point)"
    require(0 < margin <= 0.1, rule, within=within)
    return margin
