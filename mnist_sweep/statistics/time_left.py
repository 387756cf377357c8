"""The time that a run still takes, from the ends of its trials so far.

These are not independent: workers start together, and a grid's later configs may be slower. So the means of consecutive
blocks of them are taken to be.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import scipy

from mnist_sweep.statistics.intervals import UPPER
from mnist_sweep.text.numbers import clock

MAX_BLOCKS, MIN_BLOCKS = 10, 3


class TimeLeft(NamedTuple):
    """The time that a run still takes, in seconds: its expectation and 95% interval; None for too few trials."""

    seconds: float
    low: float | None
    high: float | None

    def text(self, passed: float = 0.0) -> str:
        """Return what is left of it when this many seconds have passed, in words."""
        middle, *ends = (clock(max(0.0, one - passed)) for one in self if one is not None)
        return f"about {middle} left" + (" (95% interval {} to {})".format(*ends) if ends else "")


def time_left(ends: Sequence[float], *, started: float, now: float, num_left: int, num_workers: int) -> TimeLeft | None:
    """Return the time that a run still takes; None if no trial has ended.

    Args:
        ends: When its trials so far ended, in Unix seconds.
        started: When its workers were ready.
        now: The current time.
        num_left: Trials that have not ended, those that run included.
        num_workers: Trials at a time, at least 1.
    """
    if not ends:
        return None
    ends, length = sorted(ends), max(num_workers, math.ceil(len(ends) / MAX_BLOCKS))
    edges = [started, *ends[length - 1 :: length]]
    gaps = [max(0.0, end - start) / length for start, end in itertools.pairwise(edges)]
    if len(gaps) > MIN_BLOCKS:
        del gaps[0], edges[0]  # workers build their first networks in it
    gap = max(0.0, ends[-1] - edges[0]) / max(1, sum(end > edges[0] for end in ends))
    seconds = max(0.0, gap * num_left - min(max(0.0, now - ends[-1]), gap))
    if len(gaps) < MIN_BLOCKS:
        return TimeLeft(seconds, None, None)
    spread = statistics.stdev(gaps) * math.sqrt(1 / len(gaps) + min(1.0, length / max(1, num_left)))
    half = num_left * float(scipy.special.stdtrit(len(gaps) - 1, UPPER)) * spread
    return TimeLeft(seconds, max(0.0, seconds - half), seconds + half)
