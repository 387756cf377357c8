"""Laws of which images trials have right: only predictions that fit their rows and the same images are taken."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import MNIST, TrialConfig
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import correct_images, predictions
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import TrialRow

Refused = Callable[..., AbstractContextManager[None]]
MakeRow = Callable[..., TrialRow]
LABELS = Predictions(np.array([0, 1, 2, 3]), np.array([3, 2, 1]))
ACCURACIES = {"val_accuracy": 0.75, "test_accuracy": 1.0}


@pytest.fixture
def keep(tmp_path: Path, make_row: MakeRow) -> Callable[..., TrialRow]:
    """Rows of trials that are wrong about the last validation image, and whose predictions are kept."""

    def make(config: TrialConfig, labels: Predictions = LABELS, **given: Any) -> TrialRow:
        row = make_row(config, **(ACCURACIES | given))
        predictions.write(tmp_path, row.trial_id, labels._replace(val=np.array([0, 1, 2, 9])))
        predictions.write_labels(tmp_path, predictions.data_id(row.config), labels)
        return row

    return make


def test_images_are_told_apart_in_the_order_of_the_trials(tmp_path: Path, keep: Callable[..., TrialRow]) -> None:
    rows = [keep(TrialConfig(seed=seed)) for seed in range(2)]
    assert correct_images.are_kept(tmp_path, rows)
    found = correct_images.read(tmp_path, rows)
    assert found.val.tolist() == [[True, True, True, False]] * 2
    assert found.test.tolist() == [[True, True, True]] * 2


def test_predictions_that_are_not_kept_are_named(tmp_path: Path, make_row: MakeRow, refused: Refused) -> None:
    row = make_row()
    assert not correct_images.are_kept(tmp_path, [row])
    with refused(LedgerError, row.trial_id, "not kept"):
        correct_images.read(tmp_path, [row])


@pytest.mark.parametrize("given", [{"val_accuracy": 1.0}, {"test_accuracy": 0.5}, {"test_accuracy": None}])
def test_predictions_that_contradict_their_row_are_refused(
    tmp_path: Path, keep: Callable[..., TrialRow], refused: Refused, given: dict[str, Any]
) -> None:
    row = keep(TrialConfig(), **given)
    with refused(LedgerError, f"{row.trial_id}.npz", "accuracies of the trial's row"):
        correct_images.read(tmp_path, [row])


def test_trials_on_different_images_are_not_paired(
    tmp_path: Path, keep: Callable[..., TrialRow], refused: Refused
) -> None:
    rows = [keep(TrialConfig()), keep(TrialConfig(data=MNIST()), LABELS._replace(test=np.array([1, 2, 3])))]
    with refused(LedgerError, rows[0].trial_id, "different images"):
        correct_images.read(tmp_path, rows)
