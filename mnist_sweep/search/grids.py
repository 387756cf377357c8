"""Search spaces as plain lists: functions that take trials and return trials.

An axis is a dotted field name (`model.filters`) or a whole part (`optimizer`) with the values it takes; since every
function returns plain trials, spaces can be added with `+` and nested, and every trial is validated when it is made.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.search import axis_rules
from mnist_sweep.search.distributions import Distribution
from mnist_sweep.trials.config import TrialConfig, with_seed
from mnist_sweep.trials.overrides import replace_fields
from mnist_sweep.validation import require, shown_in_one_line

Trials = TrialConfig | Iterable[TrialConfig]
Axes = Mapping[str, Any]


def grid(base: Trials, axes: Axes) -> list[TrialConfig]:
    """Return every combination of the axes' values, for each base; the last axis varies fastest.

    Raises:
        ConfigError: An axis is empty, or a value breaks a rule.
        UnknownNameError: An axis names no field.
    """
    _check_axes(axes)
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return [replace_fields(trial, point) for trial in _trials(base) for point in points]


def zipped(base: Trials, axes: Axes) -> list[TrialConfig]:
    """Return the first values of all axes together, then the second ones, and so on, for each base.

    Raises:
        ConfigError: An axis is empty, the axes differ in length, or a value breaks a rule.
        UnknownNameError: An axis names no field.
    """
    _check_axes(axes)
    lengths = {name: len(values) for name, values in axes.items()}
    require(len(set(lengths.values())) <= 1, "zipped axes have one length", **lengths)
    points = [dict(zip(axes, values, strict=True)) for values in zip(*axes.values(), strict=True)]
    return [replace_fields(trial, point) for trial in _trials(base) for point in points]


def sample(base: Trials, axes: Mapping[str, Distribution], *, num_trials: int, seed: int) -> list[TrialConfig]:
    """Return `num_trials` random trials for each base; with the same seed, a larger number extends a smaller one.

    Raises:
        ConfigError: There is no axis or no trial, or a value breaks a rule.
        UnknownNameError: An axis names no field.
    """
    import numpy as np

    require(len(axes) >= 1, "at least one axis", axes=list(axes))
    require(type(num_trials) is int and num_trials >= 1, "num_trials >= 1", num_trials=num_trials)
    require(isinstance(seed, int) and 0 <= seed < 2**63, "0 <= seed < 2**63", seed=seed)
    for name, axis in axes.items():
        if not hasattr(axis, "draw"):
            raise ConfigError(f"the axis {name!r} must be a distribution, but got {shown_in_one_line(axis)}.")
    trials = []
    for number, trial in enumerate(_trials(base)):
        for name, axis in axes.items():
            axis_rules.check_type(trial, name, axis)
        generator = np.random.Generator(np.random.Philox(key=[seed, number]))
        points = [{name: axis.draw(generator) for name, axis in axes.items()} for _ in range(num_trials)]
        trials += [replace_fields(trial, point) for point in points]
    return trials


def repeat(trials: Trials, *, seeds: int) -> list[TrialConfig]:
    """Return each trial with the seeds 0 to `seeds - 1`, the seeds of a trial next to each other.

    Raises:
        ConfigError: `seeds` is below 1.
    """
    require(type(seeds) is int and seeds >= 1, "seeds >= 1", seeds=seeds)
    return [with_seed(trial, seed) for trial in _trials(trials) for seed in range(seeds)]


def _trials(base: Trials) -> list[TrialConfig]:
    trials = [base] if isinstance(base, TrialConfig) else list(base)
    require(len(trials) >= 1, "at least one base trial", trials=trials)
    return trials


def _check_axes(axes: Axes) -> None:
    require(len(axes) >= 1, "at least one axis", axes=list(axes))
    for name, values in axes.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise ConfigError(f"the axis {name!r} must be a list of values, but got {shown_in_one_line(values)}.")
        require(len(values) >= 1, f"the axis {name!r} has at least one value", values=values)
