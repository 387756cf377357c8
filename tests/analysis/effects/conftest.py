"""Tables of trials with planted effects."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.trials.row import Status
from tests.analysis.effects.planted import MakeTrials
from tests.conftest import MakeRow

Planted = Callable[[TrialConfig], float]


@pytest.fixture
def make_trials(make_row: MakeRow) -> MakeTrials:
    """Tables of configs whose accuracy is what is planted and normal noise; a planted NaN is a trial that diverged."""

    def make(configs: Iterable[TrialConfig], planted: Planted, *, noise: float = 0.004, seed: int = 0) -> pd.DataFrame:
        generator = np.random.default_rng(seed)
        rows = []
        for config in configs:
            accuracy = planted(config) + noise * generator.normal()
            good = bool(np.isfinite(accuracy))
            rows.append(
                make_row(config, val_accuracy=accuracy)
                if good
                else make_row(config, Status.DIVERGED, error="not finite")
            )
        return trials_frame(rows)

    return make
