"""The value that the trials of a sweep are judged by: what it is called, which way is better, and how it is written.

Whatever ranks, tabulates, prints or draws results asks this module; only statistics of right and wrong answers ask
whether it is the accuracy.
"""

import bisect
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from mnist_sweep.errors import ConfigError
from mnist_sweep.text.numbers import NO_FIGURE, SHARE, in_digits, percent, points

Direction = Literal["maximize", "minimize"]
MAX_UNIT = 12
COSTS = ("parameters", "latency", "seconds_total", "seconds_train", "seconds_evaluate")  # of rows; less is better
TITLES = {"macro_f1": "macro F1", "rmse": "RMSE", "mae": "MAE"}


@dataclass(frozen=True, slots=True)
class Measure:
    """The value that trials are judged by.

    Attributes:
        name: Its name; its columns are `val_<name>` and `test_<name>`.
        direction: Which way is better.
        unit: `share` for values in [0, 1], else any unit, or "" for plain numbers.
    """

    name: str = "accuracy"
    direction: Direction = "maximize"
    unit: str = SHARE

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", self.name)):
            raise ConfigError(f"an objective's name must be 1 to 40 letters, digits and `_`, but got {self.name!r}.")
        if self.direction not in get_args(Direction):
            known = " or ".join(get_args(Direction))
            raise ConfigError(f"an objective's direction must be {known}, but got {self.direction!r}.")
        if not (isinstance(self.unit, str) and self.unit.isprintable() and len(self.unit) <= MAX_UNIT):
            rule = f"at most {MAX_UNIT} printable characters"
            raise ConfigError(f"an objective's unit must be {rule}, but got {self.unit!r}.")

    @property
    def is_accuracy(self) -> bool:
        """Whether it counts images that are classified correctly, so that binomial statistics apply."""
        return self.name == "accuracy"

    @property
    def is_share(self) -> bool:
        """Whether its values lie in [0, 1]."""
        return self.unit == SHARE

    @property
    def title(self) -> str:
        """Its name in sentences."""
        return TITLES.get(self.name, self.name.replace("_", " "))

    @property
    def mode(self) -> Literal["max", "min"]:
        """Its direction as Ray Tune writes it."""
        return "max" if self.direction == "maximize" else "min"

    @property
    def val(self) -> str:
        """Its column of values on validation."""
        return f"val_{self.name}"

    @property
    def test(self) -> str:
        """Its column of values on test."""
        return f"test_{self.name}"

    @property
    def worst(self) -> float | None:
        """The worst of all values; None if there is none."""
        return None if not self.is_share else 0.0 if self.direction == "maximize" else 1.0

    @property
    def sign(self) -> int:
        """1 or -1: what makes more better."""
        return 1 if self.direction == "maximize" else -1

    @property
    def largest_difference(self) -> float:
        """The largest difference of two values."""
        return 1.0 if self.is_share else math.inf

    @property
    def scale(self) -> int:
        """What 1 is in the unit in which differences are written: 100 points for shares, else 1."""
        return 100 if self.is_share else 1

    @property
    def score_limits(self) -> tuple[float, float]:
        """The lowest and the highest score."""
        if not self.is_share:
            return -math.inf, math.inf
        return (0.0, 1.0) if self.direction == "maximize" else (-1.0, 0.0)

    def score(self, value: float) -> float:
        """Return a value with the sign by which more is better; its own inverse."""
        return self.sign * value

    def edge(self, values: Iterable[float]) -> float | None:
        """Return where a plot of values ends lest some that are far worse squeeze the rest; None without such.

        Up to a third of the values are cut off; more are what there is to see.

        The rule is that of `atEdge` in the report's plots.js.
        """
        scores = sorted(map(self.score, values))
        lead = scores[-1] - scores[len(scores) // 2] if scores else 0.0
        is_squeezed = lead and scores[-1] - scores[0] > 6 * lead
        least = scores[-1] - 4 * lead if is_squeezed else -math.inf
        return self.score(least) if 0 < 3 * bisect.bisect_left(scores, least) <= len(scores) else None

    def no_worse(self, value: float, edge: float | None) -> float:
        """Return a value, or the edge of its plot if it is worse."""
        return value if edge is None else self.score(max(self.score(value), self.score(edge)))

    def flipped(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends of an interval of scores as those of values."""
        return (low, high) if self.sign > 0 else (-high, -low)

    def clipped(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends of an interval of values, clipped to where they can lie; NaN stays NaN."""
        least, most = self.flipped(*self.score_limits)
        return max(low, least), min(high, most)

    def text(self, value: float) -> str:
        """Return a value as `96.25%` or `0.9134 px`, or a dash for none."""
        if self.is_share:
            return percent(value)
        return NO_FIGURE if math.isnan(value) else f"{in_digits(value, 4)} {self.unit}".rstrip()

    def cell(self, value: float) -> str:
        """Return a value for a table, without its unit: `0.9625`; large or small ones as `1,037,032`, `2e-07`."""
        usual = self.is_share or value == 0 or 0.01 <= abs(value) < 1e5
        return f"{value:.4f}" if usual else in_digits(value, 4)

    def interval(self, low: float, high: float) -> str:
        """Return the ends of the 95% interval of a value, as far as values can lie, or that there is none."""
        if math.isnan(low) or math.isnan(high):
            return "no interval"
        low, high = self.clipped(low, high)
        if self.is_share:
            return f"95% interval {percent(low)} to {percent(high)}"
        return f"95% interval {in_digits(low, 4)} to {in_digits(high, 4)} {self.unit}".rstrip()

    def delta(self, difference: float, *, signed: bool = False) -> str:
        """Return a difference of values without its unit, as `1.25` or `+0.0134`, or a dash for none."""
        if self.is_share:
            return points(difference, signed=signed)
        if math.isnan(difference):
            return NO_FIGURE
        return in_digits(difference, 3, signed=signed and difference != 0)

    @property
    def delta_unit(self) -> str:
        """The unit of differences, which may be empty."""
        return "points" if self.is_share else self.unit

    def difference(self, difference: float, *, signed: bool = False) -> str:
        """Return a difference of values as `1.25 points` or `+0.0134 px`."""
        return f"{self.delta(difference, signed=signed)} {self.delta_unit}".rstrip()

    def delta_interval(self, low: float, high: float) -> str:
        """Return the ends of the 95% interval of a difference without its unit, or that there is none."""
        none = math.isnan(low) or math.isnan(high)
        return "no interval" if none else f"95% interval {self.delta(low)} to {self.delta(high)}"


ACCURACY = Measure()


def check_objectives(names: Sequence[str], measure: Measure) -> None:
    """Raise a ConfigError unless objectives are what trials are judged by, and then costs of their rows."""
    rule = f"several objectives are {measure.name}, by which the trials are judged, and then some of {', '.join(COSTS)}"
    holds = names[0] == measure.name and len(names) > 1 and {*names[1:]} <= {*COSTS} and len({*names}) == len(names)
    if not holds:
        raise ConfigError(f"`{rule}` must hold, but got objectives={tuple(names)!r}.")
