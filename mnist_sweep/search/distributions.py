"""Distributions that a sample or a search draws the values of a field from."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mnist_sweep.errors import ConfigError
from mnist_sweep.validation import coerce, require, require_at_least, shown_in_one_line

if TYPE_CHECKING:
    import numpy as np

ROUNDING = 1e-9  # relative, of what a searcher suggests


class Distribution(Protocol):
    """What `sample` draws the values of a field from: one of those below, or any object with this method."""

    def draw(self, generator: "np.random.Generator") -> Any:
        """Return one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """The uniform distribution of numbers in [low, high), or of low, low + step, low + 2 * step, … up to high.

    Attributes:
        low: The smallest number.
        high: The bound above; with a step the largest number.
        step: The distance between two numbers, above 0; None for all numbers between the bounds.
    """

    low: float
    high: float
    step: float | None = None

    def __post_init__(self) -> None:
        coerce(self)
        require(-math.inf < self.low < self.high < math.inf, "low < high", low=self.low, high=self.high)
        require(self.high - self.low < math.inf, "high - low < infinity", low=self.low, high=self.high)
        if self.step is not None:
            require(0 < self.step < math.inf, "step > 0", step=self.step)
            num_steps, bounds = (self.high - self.low) / self.step, {"low": self.low, "high": self.high}
            is_multiple = round(num_steps) and abs(num_steps - round(num_steps)) < 1e-9 * num_steps
            require(bool(is_multiple), "high - low is a multiple of step", **bounds, step=self.step)

    def draw(self, generator: "np.random.Generator") -> float:
        """Return one number."""
        if num := grid_size(self):
            return float(from_label(self, int(generator.integers(num))))
        return float(generator.uniform(self.low, self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUniform:
    """The distribution of numbers in [low, high) whose logarithms are uniform."""

    low: float
    high: float

    def __post_init__(self) -> None:
        coerce(self)
        require(0 < self.low < self.high < math.inf, "0 < low < high", low=self.low, high=self.high)

    def draw(self, generator: "np.random.Generator") -> float:
        """Return one number."""
        return math.exp(generator.uniform(math.log(self.low), math.log(self.high)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """The distribution of the integers low, low + step, low + 2 * step, … up to high, which is one of them.

    Attributes:
        low: The smallest one; at least 1 with `log`.
        high: The largest one.
        step: The distance between two of them, at least 1.
        log: Whether their logarithms are uniform rather than they themselves; then `step` is 1.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        coerce(self)
        inside = -(2**63) <= self.low <= self.high < 2**63
        require(inside, "low <= high, in 64 bits", low=self.low, high=self.high)
        require_at_least(1, step=self.step)
        require(self.step == 1 or not self.log, "step == 1 with log", step=self.step)
        require(self.low >= 1 or not self.log, "low >= 1 with log", low=self.low)
        bounds = {"low": self.low, "high": self.high, "step": self.step}
        require((self.high - self.low) % self.step == 0, "high - low is a multiple of step", **bounds)

    def draw(self, generator: "np.random.Generator") -> int:
        """Return one number."""
        if self.log:  # each integer stands for the interval of the numbers that round to it
            value = math.exp(generator.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
            return int(nearest(self, value))
        if self.step == 1:
            return int(generator.integers(self.low, self.high, endpoint=True))
        num_steps = (self.high - self.low) // self.step
        return self.low + self.step * int(generator.integers(num_steps, endpoint=True))


@dataclass(frozen=True, slots=True)
class Choice:
    """The uniform distribution over some values."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        coerce(self)
        require(len(self.values) >= 1, "at least one value", values=self.values)

    def draw(self, generator: "np.random.Generator") -> Any:
        """Return one of the values."""
        return self.values[int(generator.integers(len(self.values)))]


Axis = Uniform | LogUniform | Integer | Choice
"""What a search takes: a searcher has to know the distribution, not only draw from it."""


def ends(axis: Axis) -> tuple[Any, ...]:
    """Return the bounds of an axis of numbers, or all values of a choice."""
    return axis.values if isinstance(axis, Choice) else (axis.low, axis.high)


def contains(axis: Axis, value: Any) -> bool:
    """Return whether a value may have been drawn from an axis."""
    if isinstance(axis, Choice):
        return value in axis.values
    return isinstance(value, int | float) and axis.low <= value <= axis.high and value == nearest(axis, value)


def nearest(axis: Uniform | LogUniform | Integer, value: float) -> float:
    """Return the number on an axis that is nearest to another one."""
    inside = min(max(value, axis.low), axis.high)
    if isinstance(axis, LogUniform) or axis.step is None:
        return inside
    offset = inside - axis.low
    found = axis.low + axis.step * round(offset if axis.step == 1 else offset / axis.step)
    return found if isinstance(axis, Integer) else float(f"{found:.12g}")  # 0.3 rather than 3 times 0.1


def grid_size(axis: Axis) -> int:
    """Return the number of values of an axis with steps, which a searcher knows as 0, 1, 2, …; 0 for other axes."""
    if isinstance(axis, Integer):
        return (axis.high - axis.low) // axis.step + 1 if axis.step > 1 else 0
    return round((axis.high - axis.low) / axis.step) + 1 if isinstance(axis, Uniform) and axis.step else 0


def label_of(axis: Axis, value: Any) -> Any:
    """Return what stands for a value in a searcher: one of a choice's labels, the number of steps to it, or itself."""
    if isinstance(axis, Choice):
        return labels(axis)[[*map(repr, axis.values)].index(repr(value))]  # since 1 equals True
    if isinstance(axis, LogUniform) or not (grid_size(axis) and axis.step):
        return value
    return (value - axis.low) // axis.step if isinstance(axis, Integer) else round((value - axis.low) / axis.step)


def from_label(axis: Axis, label: Any) -> Any:
    """Return the value that something stands for in a searcher.

    Raises:
        ConfigError: It stands for none.
    """
    label = label.item() if getattr(label, "ndim", None) == 0 else label  # of NumPy
    if isinstance(axis, Choice):
        known = labels(axis)
        if not getattr(label, "ndim", 0) and label in known:
            return axis.values[known.index(label)]
    elif isinstance(label, int | float) and not isinstance(label, bool):
        step = None if isinstance(axis, LogUniform) or not grid_size(axis) else axis.step
        low, high = (0, grid_size(axis) - 1) if step else (axis.low, axis.high)
        if low - ROUNDING * abs(low) <= label <= high + ROUNDING * abs(high):
            return nearest(axis, axis.low + step * label if step else label)
    raise ConfigError(f"{shown_in_one_line(label)} was suggested, which is not on the axis {axis}.")


def labels(axis: Choice) -> list[Any]:
    """Return what stands for a choice's values in a searcher: the values if they are plain and differ, else texts."""
    plain = all(isinstance(value, bool | float | int | str) for value in axis.values)
    return list(axis.values) if plain and len({*axis.values}) == len(axis.values) else [*map(repr, axis.values)]
