"""Laws of setting rows aside: nothing is deleted, what belongs to a row goes with it, and the rest stays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep import Digits, TrialConfig, read_trials
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import data_cards, predictions
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.results.superseded_rows import set_aside
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow

CLASSES = Predictions(val=np.zeros(3, np.uint8), test=np.zeros(2, np.uint8))


def committed(folder: Path, *rows: TrialRow) -> Ledger:
    ledger = Ledger(folder)
    ledger.open()
    for row in rows:
        ledger.commit(row)
        ledger.write_model(row.trial_id, b"model")
        predictions.write(folder, row.trial_id, CLASSES)
        predictions.write_labels(folder, predictions.data_id(row.config), CLASSES)
    return ledger


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_rows_go_with_what_belongs_to_them_into_a_results_folder_of_their_own(
    tmp_path: Path, make_row: MakeRow
) -> None:
    stale, other = make_row(), make_row(TrialConfig(data=Digits(val_size=10)))
    ledger = committed(tmp_path, stale, other)
    write_tables(tmp_path, [stale, other])
    before = files(tmp_path)
    target = set_aside(tmp_path, [stale], [other])
    assert list(ledger.rows()) == [*read_trials(tmp_path)["trial_id"]] == [other.trial_id]
    assert Ledger(target).rows() == {stale.trial_id: stale}
    assert list(read_trials(target)["trial_id"]) == [stale.trial_id]
    assert predictions.read(target, stale.trial_id).val.tolist() == [0, 0, 0]
    moved = {name for name in files(target) if not name.endswith(".csv")}
    assert files(tmp_path) - {str(target.relative_to(tmp_path) / name) for name in files(target)} == before - moved
    assert {f"models/{stale.trial_id}.keras", f"predictions/labels-{predictions.data_id(stale.config)}.npz"} <= moved


@pytest.mark.parametrize("name", ["rows", "models", "predictions", "set_aside"])
def test_nothing_is_moved_from_or_into_a_folder_that_is_linked(tmp_path: Path, make_row: MakeRow, name: str) -> None:
    folder, elsewhere, row = tmp_path / "sweep", tmp_path / "elsewhere", make_row()
    committed(folder, row)
    (folder / name).mkdir(exist_ok=True)
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    before = files(elsewhere)
    with pytest.raises(LedgerError, match=f"{name} is a link"):
        set_aside(folder, [row], [])
    assert files(elsewhere) == before
    assert list(Ledger(folder).rows()) == [row.trial_id]


def test_labels_and_cards_stay_as_well_where_other_rows_need_them(tmp_path: Path, make_row: MakeRow) -> None:
    stale, other = make_row(), make_row(TrialConfig(seed=1))
    data_id = predictions.data_id(stale.config)
    committed(tmp_path, stale, other)
    data_cards.write(tmp_path, data_id, DataCard(class_names=("cat", "dog")))
    target = set_aside(tmp_path, [stale], [other])
    for name in (f"predictions/labels-{data_id}.npz", f"data/{data_id}.json"):
        assert (tmp_path / name).read_bytes() == (target / name).read_bytes()


def test_each_time_has_a_folder_of_its_own(tmp_path: Path, make_row: MakeRow) -> None:
    row = make_row()
    committed(tmp_path, row)
    first = set_aside(tmp_path, [row], [])
    committed(tmp_path, replace(row, val_accuracy=0.5))
    second = set_aside(tmp_path, [row], [])
    assert first != second
    assert [Ledger(folder).rows()[row.trial_id].val_accuracy for folder in (first, second)] == [0.9, 0.5]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, make_row: MakeRow) -> None:
    row = make_row()
    ledger = committed(tmp_path, row)
    (tmp_path / "set_aside").touch()
    with pytest.raises(LedgerError, match="set_aside"):
        set_aside(tmp_path, [row], [])
    assert list(ledger.rows()) == [row.trial_id]
