"""Results folders of trials that misclassify given images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_sweep import TrialConfig
from mnist_sweep.results import predictions
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow

Wrong = Sequence[int]
LABELS = Predictions(np.arange(300, dtype=np.uint8) % 10, np.arange(200, dtype=np.uint8) % 10)


class Folder:
    """A results folder to which trials are added that are wrong about certain images."""

    def __init__(self, path: Path, make_row: MakeRow) -> None:
        self.path = path
        self.ledger = Ledger(path)
        self.ledger.open()
        self.make_row = make_row

    def add(
        self, config: TrialConfig, val: Wrong = (), test: Wrong = (), *, kept: bool = True, **given: Any
    ) -> TrialRow:
        shares = {"val_accuracy": 1 - len(val) / 300, "test_accuracy": 1 - len(test) / 200}
        row = self.make_row(config, **({"num_test": 200} | shares | given))
        self.ledger.commit(row)
        if kept:
            predicted = LABELS._replace(val=wrong(LABELS.val, val), test=wrong(LABELS.test, test))
            predictions.write(self.path, row.trial_id, predicted)
            predictions.write_labels(self.path, predictions.data_id(row.config), LABELS)
        return row


def wrong(labels: Any, places: Wrong) -> Any:
    changed = labels.copy()
    changed[list(places)] = (changed[list(places)] + 1) % 10
    return changed
