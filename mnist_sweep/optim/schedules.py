"""Learning-rate schedules: factors on an optimizer's learning rate, as functions of the step.

Each begins with an optional linear warm-up (Goyal et al. 2017, arXiv 1706.02677).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mnist_sweep.validation import coerce, require, require_at_least

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Schedule(Protocol):
    """A factor on the learning rate."""

    def factors(self, first: int, last: int, num_steps: int) -> "NDArray[np.float64]":
        """Return the factors of steps `first` to `last - 1` of a trial of `num_steps`: float64 `[last - first]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A constant learning rate.

    Attributes:
        warmup_steps: Steps at the start in which the factor rises linearly from 0 to 1.
    """

    warmup_steps: int = 0

    def __post_init__(self) -> None:
        _validate(self)

    def factors(self, first: int, last: int, num_steps: int) -> "NDArray[np.float64]":
        """Return ones, except during warm-up: float64 `[last - first]`."""
        return _warmup(first, last, self.warmup_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepwise:
    """A learning rate multiplied by `factor` at each boundary, as in He et al. 2015 (arXiv 1512.03385).

    Attributes:
        boundaries: Steps at which the rate falls, rising.
        factor: Factor at each boundary, in (0, 1].
        warmup_steps: Steps at the start in which the factor rises linearly from 0 to 1.
    """

    boundaries: tuple[int, ...]
    factor: float = 0.1
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        _validate(self)
        rising = self.boundaries == tuple(sorted({step for step in self.boundaries if step >= 1}))
        require(rising and len(self.boundaries) >= 1, "1 <= boundaries, rising", boundaries=self.boundaries)
        require(0 < self.factor <= 1, "0 < factor <= 1", factor=self.factor)

    def factors(self, first: int, last: int, num_steps: int) -> "NDArray[np.float64]":
        """Return the powers of `factor`, except during warm-up: float64 `[last - first]`."""
        import numpy as np

        passed = np.searchsorted(self.boundaries, np.arange(first, last), side="right")
        return self.factor**passed * _warmup(first, last, self.warmup_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine:
    """A learning rate that follows half a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts).

    Attributes:
        final: Factor at the end of the trial, in [0, 1].
        warmup_steps: Steps at the start in which the factor rises linearly from 0 to 1; the cosine takes the others.
    """

    final: float = 0.0
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        _validate(self)
        require(0 <= self.final <= 1, "0 <= final <= 1", final=self.final)

    def factors(self, first: int, last: int, num_steps: int) -> "NDArray[np.float64]":
        """Return the half cosine from 1 to `final` over the steps after the warm-up: float64 `[last - first]`."""
        import numpy as np

        after = np.arange(first, last) - self.warmup_steps
        share = np.clip(after / max(1, num_steps - self.warmup_steps), 0, 1)
        cosine = self.final + (1 - self.final) * (1 + np.cos(np.pi * share)) / 2
        return np.asarray(cosine * _warmup(first, last, self.warmup_steps), np.float64)


def _validate(schedule: Any) -> None:
    coerce(schedule)
    require_at_least(0, warmup_steps=schedule.warmup_steps)


def _warmup(first: int, last: int, warmup_steps: int) -> "NDArray[np.float64]":
    import numpy as np

    return np.asarray(np.minimum(1.0, np.arange(first + 1, last + 1) / (warmup_steps + 1)), np.float64)


SCHEDULES: dict[str, type[Schedule]] = {"constant": Constant, "cosine": Cosine, "stepwise": Stepwise}
