"""Accuracies as people write them: a share as per cent, a difference of shares as points."""

import math

NO_FIGURE = "-"


def percent(share: float) -> str:
    """Return a share in [0, 1] as `96.25%`, or a dash for none."""
    return NO_FIGURE if math.isnan(share) else f"{100 * share:.2f}%"


def points(difference: float, *, signed: bool = False) -> str:
    """Return a difference of shares as `1.25`, with its sign always in front if `signed`, or a dash for none."""
    if math.isnan(difference):
        return NO_FIGURE
    rounded = round(100 * difference, 2) + 0.0  # adding 0 turns -0.0 into 0.0
    return f"{rounded:+.2f}" if signed and rounded else f"{rounded:.2f}"


def interval(low: float, high: float) -> str:
    """Return the ends of a 95% interval of a difference as `95% interval -0.10 to 1.25`, or that there is none."""
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"95% interval {points(low)} to {points(high)}"


def percent_interval(low: float, high: float) -> str:
    """Return the ends of a 95% interval of a share as `95% interval 95.10% to 97.25%`, or that there is none.

    That of a mean over few seeds may reach where no share can lie; it is written as far as one can.
    """
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"95% interval {percent(max(low, 0.0))} to {percent(min(high, 1.0))}"


def probability(p: float) -> str:
    """Return a p-value as `p = 0.042`, as a bound if it is very small, or that there is none."""
    if math.isnan(p):
        return "no test"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"
