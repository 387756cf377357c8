from collections.abc import Sequence
from pathlib import Path

import pytest

from mnist_sweep.results.kept_models import KeptModels
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.artifacts import Artifacts, Retention, SavedModel
from mnist_sweep.trials.row import Status, TrialRow

ACCURACIES = (0.5, 0.75, 0.25)


def row(name: str, val_accuracy: float) -> TrialRow:
    return TrialRow(trial_id=name, config_id=name, status=Status.OK, config={}, val_accuracy=val_accuracy, val_loss=1.0)


def finish(models: KeptModels, accuracies: Sequence[float] = ACCURACIES) -> None:
    rows: list[TrialRow] = []
    for number, accuracy in enumerate(accuracies):
        one = row(f"t{number}", accuracy)
        models.hold(one.trial_id, SavedModel(content=one.trial_id.encode(), mistakes=b"wrong"))
        models.finished(one, rows)
        rows.append(one)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "results")
    ledger.open()
    (ledger.folder / "predictions").mkdir()
    return ledger


@pytest.mark.parametrize(("keeping", "kept"), [("best", {"t1"}), ("all", {"t0", "t1", "t2"})])
def test_the_storage_has_a_copy_of_what_is_kept(
    ledger: Ledger, tmp_path: Path, keeping: Retention, kept: set[str]
) -> None:
    storage = tmp_path / "storage"
    finish(KeptModels(ledger, Artifacts(storage=str(storage), models=keeping), warn=pytest.fail))
    assert set(ledger.models()) == kept
    assert {path.stem: path.read_bytes() for path in (storage / "models").iterdir()} == {
        name: name.encode() for name in kept
    }
    mistakes = {path.name.partition("-")[0] for path in (ledger.folder / "predictions").iterdir()}
    assert mistakes == kept


def test_a_storage_that_refuses_a_model_is_said_and_ends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "models").write_text("in the way")
    notes: list[str] = []
    finish(KeptModels(ledger, Artifacts(storage=str(tmp_path / "storage"), models="best"), warn=notes.append), [0.5])
    assert set(ledger.models()) == {"t0"}
    assert len(notes) == 1
    assert notes[0].startswith("the model of t0 was not copied to the storage: ")


def test_a_row_without_a_model_changes_nothing(ledger: Ledger) -> None:
    models = KeptModels(ledger, Artifacts(storage=str(ledger.folder.resolve()), models="best"), warn=pytest.fail)
    models.finished(row("t9", 0.9), [])
    assert ledger.models() == {}
