"""A grid, the effects that are planted in it, and what finds them by name."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from mnist_sweep import Adam, GradientDescent, Momentum, TrialConfig, grid
from mnist_sweep.analysis.effects.effect import Effect, Effects

MakeTrials = Callable[..., pd.DataFrame]
AXES: dict[str, Any] = {
    "model.filters": [(8,), (16,), (8, 16)],
    "model.dropout": [0.0, 0.2, 0.4, 0.6],
    "optimizer": [Adam(), GradientDescent(), Momentum()],
    "batch_size": [50, 100],
}
GRID = grid(TrialConfig(), AXES)
GAIN = {"adam": 0.0, "gradient_descent": -0.018, "momentum": -0.009}


def optimizer_of(config: TrialConfig) -> str:
    return {Adam: "adam", GradientDescent: "gradient_descent", Momentum: "momentum"}[type(config.optimizer)]


def by_name(found: Effects) -> dict[str, Effect]:
    return {effect.name: effect for effect in found.effects}
