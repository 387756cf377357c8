"""What rules stop trials by, and what is no rule; that they stop trials is in test_schedulers."""

import math
from typing import Any

import numpy as np
import pytest
from ray.tune.stopper import (
    CombinedStopper,
    ExperimentPlateauStopper,
    MaximumIterationStopper,
    NoopStopper,
    TrialPlateauStopper,
)

from mnist_sweep import Local
from mnist_sweep.errors import ConfigError
from mnist_sweep.runners.ray import stop_rules
from mnist_sweep.trials.value_format import ACCURACY, Measure
from tests.conftest import Refused

LOSS = Measure("log_loss", "minimize", "nats")


def never(trial_id: str, result: Any) -> bool:
    return False


RIGHT = [
    None,
    {},
    {"val_accuracy": 0.9, "step": np.int64(50)},
    never,
    NoopStopper(),
    MaximumIterationStopper(3),
    TrialPlateauStopper("val_accuracy"),
    ExperimentPlateauStopper("val_accuracy", mode="max"),
]


@pytest.mark.parametrize("stop", RIGHT)
def test_a_rule_goes_by_what_trials_are_judged_by(stop: Any) -> None:
    stop_rules.validate(stop, ACCURACY)
    Local(stop=stop)
    Local(stop=ExperimentPlateauStopper("val_log_loss"))


@pytest.mark.parametrize(
    "stop",
    [
        {"val_accuracy": math.nan},
        {"step": "50"},
        {"step": None},
        {"val_loss": 0.3},
        NoopStopper,
        lambda result: True,
        [never],
    ],
)
def test_what_is_no_rule_is_refused(stop: Any, refused: Refused) -> None:
    with refused(
        ConfigError, "`stop` must be a function of the trial's id and result, a Stopper of Ray Tune, or a dict"
    ):
        stop_rules.validate(stop, ACCURACY)


@pytest.mark.parametrize(
    ("stop", "measure", "field"),
    [
        (TrialPlateauStopper("mean_accuracy"), ACCURACY, "metric='val_accuracy', but has metric='mean_accuracy'"),
        (TrialPlateauStopper("val_accuracy"), LOSS, "metric='val_log_loss', but has metric='val_accuracy'"),
        (ExperimentPlateauStopper("val_accuracy"), ACCURACY, "mode='max', but has mode='min'"),
        (CombinedStopper(NoopStopper(), TrialPlateauStopper("val_loss")), ACCURACY, "but has metric='val_loss'"),
    ],
)
def test_a_stopper_of_another_metric_would_never_stop_and_is_refused(
    stop: Any, measure: Measure, field: str, refused: Refused
) -> None:
    with refused(ConfigError, "PlateauStopper must be created with", field):
        stop_rules.validate(stop, measure)
