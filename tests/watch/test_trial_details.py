import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep.errors import LedgerError, RowError
from mnist_sweep.results import data_cards, predictions, runs
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.watch.trial_details import trial_details


def predict(folder: Path, row: TrialRow) -> None:
    """Write predictions of a trial, one of them wrong, and the labels."""
    labels = np.arange(10)
    predictions.write_labels(folder, predictions.data_id(row.config), Predictions(val=labels, test=labels))
    predicted = np.where(labels == 4, 9, labels)
    predictions.write(folder, row.trial_id, Predictions(val=predicted, test=predicted))


def test_a_trial_has_its_row_with_curve_its_confusion_and_its_command(folder: Path, rows: list[TrialRow]) -> None:
    predict(folder, rows[0])
    found = trial_details(folder, rows[0].trial_id, [f"{rows[0].trial_id} is slow", "another"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["row"]["config"], found["row"]["history"][0]["val"]) == (dict(rows[0].config), 0.8)
    assert "4 as 9" in found["confusion"]["text"]
    assert found["confusion"]["figure"]["data"]
    assert found["command"] == f"mnist-sweep replay {folder} {rows[0].trial_id}"
    assert found["notices"] == [f"{rows[0].trial_id} is slow"]


def test_without_predictions_there_is_no_confusion_and_damaged_ones_are_named(
    folder: Path, rows: list[TrialRow]
) -> None:
    assert trial_details(folder, rows[0].trial_id)["confusion"] is None
    predict(folder, rows[0])
    path = predictions.path_of(folder, rows[0].trial_id)
    path.write_bytes(b"damaged")
    found = trial_details(folder, rows[0].trial_id)["confusion"]
    assert (path.name in found["text"], found["figure"]) == (True, None)


@pytest.mark.parametrize("name", ["predictions/{trial}.npz", "predictions/labels-{data}.npz", "data/{data}.json"])
def test_no_link_leads_to_predictions_elsewhere(folder: Path, rows: list[TrialRow], tmp_path: Path, name: str) -> None:
    predict(folder, rows[0])
    data = predictions.data_id(rows[0].config)
    data_cards.write(folder, data, data_cards.DataCard())
    path = folder / name.format(trial=rows[0].trial_id, data=data)
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    found = trial_details(folder, rows[0].trial_id)["confusion"]
    assert (re.search("leads out|symbolic link", found["text"]) is None, found["figure"]) == (False, None)


def test_no_link_leads_to_rows_elsewhere(
    folder: Path, rows: list[TrialRow], tmp_path: Path, refused: Callable[..., AbstractContextManager[None]]
) -> None:
    (folder / "rows").rename(tmp_path / "outside")
    (folder / "rows").symlink_to(tmp_path / "outside")
    with refused(LedgerError, "leads out"):
        trial_details(folder, rows[0].trial_id)


def test_a_failed_trial_is_run_again_by_the_recorded_command(
    folder: Path, rows: list[TrialRow], make_row: Callable[..., TrialRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_row(status=Status.FAILED, error="no luck", traceback="Traceback: no luck")
    Ledger(folder).commit(row)
    end = f"--configs {row.config_id} --retry failed"
    assert trial_details(folder, row.trial_id)["command"] == f"mnist-sweep run SCRIPT {end}"
    record = runs.describe_run(seconds=1.0, runner="Local", num_workers=1, num_run=1, data={})
    runs.append(folder, replace(record, command=("mnist-sweep", "run", "mine.py", "--seeds", "3")))
    found = trial_details(folder, row.trial_id)
    assert found["command"] == f"mnist-sweep run mine.py --results {folder.parent} {end}"
    assert found["row"]["traceback"] == "Traceback: no luck"


def test_a_row_that_is_missing_damaged_or_a_link_is_refused(
    folder: Path, rows: list[TrialRow], tmp_path: Path, refused: Callable[..., AbstractContextManager[None]]
) -> None:
    path = folder / "rows" / f"{rows[0].trial_id}.json"
    path.rename(tmp_path / "row.json")
    with refused(RowError, path.name):
        trial_details(folder, rows[0].trial_id)
    path.symlink_to(tmp_path / "row.json")
    with refused(RowError, path.name):
        trial_details(folder, rows[0].trial_id)
    path.unlink()
    path.write_text("{}")
    with refused(RowError, "is not a row"):
        trial_details(folder, rows[0].trial_id)
