"""A race for tests: four settings with 12 seeds; the second is far behind, the last one less so, two are alike."""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from mnist_sweep import Adam, Known, Softmax, TrialConfig, TrialRow, config_id, grid
from mnist_sweep.trials.value_format import Measure
from tests.conftest import MakeRow

RATES = (0.1, 0.2, 0.3, 0.4)
CONFIGS = grid(
    TrialConfig(model=Softmax(), num_steps=4, evaluate_every=2),
    {"optimizer": [Adam(learning_rate=rate) for rate in RATES]},
)
IDS = [config_id(trial) for trial in CONFIGS]
KNOWN = Known(within=0.02, max_seeds=12)
MEANS = dict(zip(IDS, (0.9, 0.7, 0.895, 0.85), strict=True))
NUM_VAL = 1000


def accuracy(trial: TrialConfig) -> float:
    """Return the accuracy of a trial, the same whenever it runs."""
    setting = IDS.index(config_id(trial))
    noise = np.random.default_rng([3, setting, trial.seed]).normal(0, 0.005)
    return float(round((MEANS[IDS[setting]] + noise) * NUM_VAL) / NUM_VAL)


def judged(rows: Iterable[TrialRow], measure: Measure, value: Callable[[float], float]) -> list[TrialRow]:
    """Return rows that are judged by a function of their accuracies."""
    objective = dataclasses.asdict(measure)
    return [dataclasses.replace(row, objective=objective, val_objective=value(row.val_accuracy or 0)) for row in rows]


def rows_of(make_row: MakeRow, num_seeds: int = KNOWN.max_seeds) -> list[TrialRow]:
    """Return the rows of all settings, seed by seed."""
    trials = [dataclasses.replace(trial, seed=seed) for seed in range(num_seeds) for trial in CONFIGS]
    return [make_row(trial, val_accuracy=accuracy(trial)) for trial in trials]


def steady_last(make_row: MakeRow) -> list[TrialRow]:
    """Return rows of the first three settings with 40 seeds: all alike, but the last one hardly varies."""
    values = 0.8 + np.random.default_rng(1).normal(0, (0.01, 0.01, 0.0001), (40, 3))
    trials = [(dataclasses.replace(CONFIGS[index], seed=seed), seed, index) for seed in range(40) for index in range(3)]
    return [make_row(trial, val_accuracy=float(values[seed, index])) for trial, seed, index in trials]
