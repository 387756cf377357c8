from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import TrialConfig, TrialRow
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.sweep.results_folder import ResultsFolder

Make = Callable[..., TrialRow]


def written(path: Path, *rows: TrialRow) -> Path:
    ledger = Ledger(path)
    ledger.open()
    for row in rows:
        ledger.commit(row)
    return path


def test_reading_a_folder_that_is_not_there_creates_nothing(tmp_path: Path) -> None:
    with ResultsFolder(tmp_path / "new") as folder:
        folder.read()
        assert folder.rows == {}
        assert list(tmp_path.iterdir()) == []
        folder.open(missing=())
        assert folder.path.is_dir()


def test_a_committed_row_is_on_the_disk_and_among_the_rows(tmp_path: Path, make_row: Make) -> None:
    first, second = make_row(TrialConfig()), make_row(TrialConfig(seed=1))
    with ResultsFolder(written(tmp_path / "one", first)) as folder:
        folder.read()
        folder.open(missing=[second.trial_id])
        folder.commit(second)
        assert list(folder.rows.values()) == [first, second]
        assert Ledger(folder.path).rows() == folder.rows


def test_a_folder_has_one_run_at_a_time(tmp_path: Path, refused: Callable[..., Any]) -> None:
    written(tmp_path / "one")
    with ResultsFolder(tmp_path / "one") as first:
        first.read()
        with ResultsFolder(tmp_path / "one") as second, refused(LedgerError, "is in use by process"):
            second.read()
    with ResultsFolder(tmp_path / "one") as third:
        third.read()


def test_what_another_run_has_written_meanwhile_is_not_done_again(tmp_path: Path, make_row: Make) -> None:
    row = make_row(TrialConfig())
    with ResultsFolder(tmp_path / "one") as folder:
        folder.read()
        written(tmp_path / "one", row)
        with pytest.raises(LedgerError, match="another run has just written"):
            folder.open(missing=[row.trial_id])
