"""Laws of reported and returned metrics; wrong ones are in test_own_training."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Dataset, Predictions, Split, TrialConfig
from mnist_sweep.errors import ConfigError
from mnist_sweep.training import own_training_reports
from mnist_sweep.trials.row import Evaluation
from mnist_sweep.trials.value_format import Measure
from tests.training.training_code import Linear

LAST = Evaluation(10, None, None, 0.7, 0.6, None, 1.0)
TRIAL = TrialConfig(model=Linear())


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(1), np.array(0.25), Decimal("0.5")])
def test_a_number_of_any_kind_is_a_metric(value: Any) -> None:
    assert own_training_reports.number("val_accuracy", value) == float(value)


@pytest.mark.parametrize("value", [np.True_, np.str_("0.5"), np.array("0.5"), np.complex128(0.5 + 3j), [0.5], True])
def test_what_only_becomes_a_number_is_none(value: Any) -> None:
    with pytest.raises(ConfigError, match="`val_loss` must be a number"):
        own_training_reports.number("val_loss", value)


@pytest.mark.parametrize(("name", "value"), [("parameters", 2**63), ("parameters", 10**400), ("latency", 1e11)])
def test_what_no_row_can_hold_is_refused(name: str, value: Any, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match=name):
        own_training_reports.returned({"test_accuracy": 0.5, name: value}, TRIAL, digits, [LAST])


def test_an_eager_tensor_is_a_metric(tf: Any) -> None:
    assert own_training_reports.number("val_loss", tf.constant(0.5)) == 0.5


def test_only_shares_lie_between_0_and_1() -> None:
    percent = Measure("top_accuracy", unit="%")
    assert own_training_reports.number("val_top_accuracy", 97.5, percent) == 97.5
    with pytest.raises(ConfigError, match="0 <= val_accuracy <= 1"):
        own_training_reports.number("val_accuracy", 97.5, percent)


def test_only_values_that_trials_are_judged_by_are_bounded() -> None:
    distance = Measure("distance", unit="m")
    assert own_training_reports.number("val_loss", 1e200, distance) == 1e200
    with pytest.raises(ConfigError, match=r"-1e\+100 <= val_distance <= 1e\+100"):
        own_training_reports.number("val_distance", 1e200, distance)


def test_validation_is_that_of_the_last_report_unless_newer_metrics_are_returned(digits: Dataset) -> None:
    kept = own_training_reports.returned({"test_accuracy": 0.5}, TRIAL, digits, [LAST])
    assert kept == {"test_accuracy": 0.5, "val_accuracy": 0.6, "val_loss": 0.7, "parameters": None}
    newer = {"test_accuracy": 0.5, "val_accuracy": 0.9, "val_loss": 0.1, "parameters": 3, "latency": 0.25}
    assert own_training_reports.returned(newer, TRIAL, digits, [LAST]) == newer


def test_predictions_give_both_accuracies(digits: Dataset) -> None:
    right = digits.val.labels.astype(int), digits.test.labels.copy()
    right[1][:30] = (right[1][:30] + 1) % 10
    found = own_training_reports.returned(Predictions(*right), TRIAL, digits, [LAST])
    assert (found["val_accuracy"], found["test_accuracy"], found["val_loss"]) == (1.0, 0.9, 0.7)
    assert found["predictions"].test is right[1]


@dataclass(frozen=True)
class InPlace:
    """An objective that computes in its outputs."""

    direction = "minimize"

    def compute(self, labels: Any, outputs: Any) -> float:
        outputs -= labels
        return float(abs(outputs).max())


def test_no_objective_changes_predictions(digits: Dataset) -> None:
    split = Split(images=digits.val.images, labels=digits.val.labels.astype("float32"))
    data = replace(digits, train=split, val=split, test=split, num_classes=0)
    predicted = Predictions(split.labels, split.labels)
    with pytest.raises(ValueError, match="read-only"):
        own_training_reports.returned(predicted, replace(TRIAL, objective=InPlace()), data, [LAST])
