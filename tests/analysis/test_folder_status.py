"""Laws of the status of a results folder."""

from dataclasses import replace
from pathlib import Path

from mnist_sweep.analysis.folder_status import Failure, folder_status
from mnist_sweep.trials.row import Status, TrialRow

CONFIG = {"data": "digits", "model": "softmax", "optimizer": "adam", "schedule": "constant"}


def row(seed: int, status: Status = Status.OK, accuracy: float | None = None, error: str | None = None) -> TrialRow:
    return TrialRow(
        trial_id=f"x-{seed}",
        config_id="x",
        status=status,
        config={**CONFIG, "seed": seed},
        val_accuracy=accuracy,
        val_loss=None if accuracy is None else 1.0,
        seconds_total=None if accuracy is None else 2.0 + seed,
        error=error,
    )


def test_rows_are_counted_by_status_and_ranked_by_config(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("trials.csv", "report.html"):
        (tmp_path / name).touch()
    good = [row(0, accuracy=0.5), row(1, accuracy=0.75)]
    found = folder_status([*good, row(2, Status.FAILED, error="a"), row(3, Status.FAILED, error="a")], tmp_path)
    assert (found.num_trials, found.statuses) == (4, {"ok": 2, "stopped": 0, "diverged": 0, "failed": 2})
    assert found.failures == (Failure(cause="a", trial_ids=("x-2", "x-3")),)
    assert (found.fields, found.files) == (("seed",), ("trials.csv", "report.html", "rows/", "models/"))
    (best,) = found.best
    assert (best.trial_ids, best.val, best.test, best.seconds) == (("x-1", "x-0"), 0.625, None, 2.5)
    assert best.values == {"seed": 1}


def test_the_five_best_configs_are_named(tmp_path: Path) -> None:
    rows = [replace(row(0, accuracy=number / 10), trial_id=f"{number}-0", config_id=str(number)) for number in range(7)]
    assert [one.config_id for one in folder_status(rows, tmp_path).best] == ["6", "5", "4", "3", "2"]


def test_a_folder_without_rows_has_a_status(tmp_path: Path) -> None:
    found = folder_status([], tmp_path)
    assert (found.num_trials, found.best, found.failures, found.notes) == (0, (), (), ())
