"""Kinds of data: simulated sweeps whose noise is not ideal, and the true mean of each config.

Accuracies are in standard deviations of one trial around 0, but for the kinds near 1; a run that failed is NaN. What a
config's runs are expected to reach, given that they succeed, is its true mean.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Draw = np.random.Generator
NUM_EXPECTED = 400_000


class Sweep(NamedTuple):
    """A simulated sweep.

    Attributes:
        accuracy: float64 `[num_configs, num_seeds]`, NaN where a run failed.
        mean: float64 `[num_configs]`, what each config's accuracy is expected to be.
        usual: float64 `[num_configs]`, the same of runs such as those seen, where that differs: of runs that do not
            collapse; with what the only seed does. None if it does not differ.
    """

    accuracy: Array
    mean: Array
    usual: Array | None = None

    @property
    def seen(self) -> Array:
        """What runs such as those seen are expected to reach."""
        return self.mean if self.usual is None else self.usual


def _normal(draw: Draw, mean: Array, num_seeds: int, scale: Array | float = 1.0) -> Sweep:
    noise = draw.standard_normal((len(mean), num_seeds))
    return Sweep(mean[:, None] + np.broadcast_to(scale, mean.shape)[:, None] * noise, mean)


def _log_normal(spread: float) -> Callable[[Draw, Array, int], Sweep]:
    return lambda draw, mean, num: _normal(draw, mean, num, np.exp(draw.normal(0, spread, len(mean))))


def _one_noisy(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    return _normal(draw, mean, num_seeds, np.where(np.arange(len(mean)), 1.0, 5.0))


def _missing(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    sweep = _normal(draw, mean, num_seeds)
    return sweep._replace(accuracy=np.where(draw.random(sweep.accuracy.shape) < 0.3, np.nan, sweep.accuracy))


def _diverged(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    """The lowest tenth of all runs diverges and has no accuracy."""
    noise = draw.standard_normal((len(mean), num_seeds))
    left = np.where(noise < -1.2815515655446004, np.nan, noise)
    return Sweep(mean[:, None] + left, mean + 0.17549833193248683 / 0.9)  # density over the share that is left


def _shared_seeds(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    sweep = _normal(draw, mean, num_seeds)
    return sweep._replace(accuracy=sweep.accuracy + draw.normal(0, 3, num_seeds))


def _seed_by_config(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    """A seed moves every other config together."""
    group = np.arange(len(mean)) % 2
    sweep = _normal(draw, mean, num_seeds, 0.7)
    moved = draw.normal(0, 0.7, (2, num_seeds))[group]
    return Sweep(sweep.accuracy + moved, mean, mean + moved[:, 0] if num_seeds == 1 else None)


def _near_one(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    """Errors of 0.2% of 10,000 images, log-normal over seeds and in whole images; one unit is 0.05 points."""
    error = np.maximum(0.002 - 0.0005 * mean, 0.0002)
    sigma = np.sqrt(np.log1p((0.0005 / error) ** 2))
    errors = error[:, None] * np.exp(
        draw.normal(0, 1, (len(mean), num_seeds)) * sigma[:, None] - sigma[:, None] ** 2 / 2
    )
    return Sweep((0.002 - np.round(errors * 10_000) / 10_000) / 0.0005, (0.002 - error) / 0.0005)


def _heavy_tails(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    noise = draw.standard_t(3, (len(mean), num_seeds)) / np.sqrt(3)
    return Sweep(mean[:, None] + noise, mean)


def _skewed(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    noise = 1 - draw.exponential(1, (len(mean), num_seeds))
    return Sweep(mean[:, None] + noise, mean)


def _collapses(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    """One run in 20 of each config falls by 30 standard deviations."""
    sweep = _normal(draw, mean, num_seeds)
    return Sweep(sweep.accuracy - 30 * (draw.random(sweep.accuracy.shape) < 0.05), mean - 1.5, mean)


def _half_constant(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    """Every other config learns nothing, and its runs are all alike."""
    fails = np.arange(len(mean)) % 2 == 1
    return _normal(draw, np.where(fails, -300.0, mean), num_seeds, np.where(fails, 0.0, 1.0))


KINDS: Mapping[str, Callable[[Draw, Array, int], Sweep]] = {
    "equal": _normal,
    "one 5 times as noisy": _one_noisy,
    "log-normal spreads, 0.5": _log_normal(0.5),
    "log-normal spreads, 1": _log_normal(1.0),
    "30% missing": _missing,
    "10% diverged": _diverged,
    "shared seeds": _shared_seeds,
    "seed by config": _seed_by_config,
    "near 1": _near_one,
    "heavy tails": _heavy_tails,
    "skewed": _skewed,
    "collapses": _collapses,
    "half constant": _half_constant,
}
MEANS: Mapping[str, Callable[[Draw, int], Array]] = {
    "equal": lambda draw, num: np.zeros(num),
    "spread": lambda draw, num: draw.normal(0, 1, num),
    "one ahead": lambda draw, num: np.where(np.arange(num) == 2 * (num // 4), 2.0, 0.0),
}
"""True means of configs, in standard deviations of a trial."""
