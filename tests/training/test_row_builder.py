import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import pytest

from mnist_sweep import Dataset, Softmax, TrialConfig, config_id, trial_id
from mnist_sweep.training import row_builder
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from tests.training.training_code import Linear

TRIAL = TrialConfig(num_steps=20, evaluate_every=10)


def point(step: int, val_accuracy: float) -> Evaluation:
    return Evaluation(
        step=step,
        train_loss=2.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=val_accuracy,
        learning_rate=0.1,
        seconds=step / 10,
    )


def test_a_failed_row_has_a_cause_and_no_figures() -> None:
    row = row_builder.failed(TRIAL, error="x", trace="y")
    assert (row.trial_id, row.config_id, row.status) == (trial_id(TRIAL), config_id(TRIAL), Status.FAILED)
    assert (row.error, row.traceback) == ("x", "y")
    assert row.val_accuracy is row.test_accuracy is row.seconds_total is row.steps is None


def stopped(points: list[Evaluation], timing: dict[str, Any]) -> TrialRow:
    return row_builder.stopped(TRIAL, points, parameters=650, timing=timing, origin=row_builder.origin())


def test_a_stopped_row_has_its_learning_curve_and_no_test_accuracy() -> None:
    points = [point(10, 0.5), point(20, 0.75)]
    row = stopped(points, row_builder.timing(0.5, 2.0))
    assert (row.status, row.steps, row.val_accuracy, row.seconds_total) == (Status.STOPPED, 20, 0.75, 2.0)
    assert row.history == tuple(points)
    assert row.test_accuracy is None


def test_a_row_made_elsewhere_names_the_process_that_trained_it() -> None:
    origin = {"worker": "elsewhere:1", "version": "0.0.1", "environment": {"device": "GPU"}}
    row = row_builder.stopped(TRIAL, [point(20, 0.75)], parameters=650, timing={}, origin=origin)
    assert (row.worker, row.version, row.environment) == tuple(origin.values())


@dataclass(frozen=True)
class Drifting(Linear):
    DETERMINISTIC = False


def test_a_row_of_own_training_code_says_what_it_computed_with_and_that_it_is_not_deterministic(
    monkeypatch: pytest.MonkeyPatch, digits: Dataset
) -> None:
    origin = {"worker": "elsewhere:1", "version": "0.0.1", "environment": {"device": "CPU"}}

    def environment(model: Any) -> Any:
        trial = replace(TRIAL, model=model)
        return row_builder.stopped(trial, [point(20, 0.75)], parameters=None, timing={}, origin=origin).environment

    monkeypatch.setattr(row_builder, "LIBRARIES", {"sklearn": "scikit-learn", "sklearn.unheard_of": "unheard-of"})
    assert environment(Softmax()) == {"device": "CPU"}
    assert environment(Linear()) == {"device": "CPU", "scikit-learn": version("scikit-learn")}
    assert environment(Drifting())["deterministic"] is False


def test_a_trial_that_ends_now_took_as_long_as_its_last_start_or_all_its_training_if_that_is_more() -> None:
    for seconds in (2.0, 0.75, 0.5):
        before = time.time()
        timing = row_builder.timing(0.5, seconds)
        assert timing["seconds_total"] == seconds
        assert before <= timing["started"] + seconds + 1e-6 <= time.time() + 2e-6
