"""The shipped contract of trackers; those of MLflow and W&B are held against it in tests/trackers."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.testing import check_tracker
from mnist_sweep.trials.row import TrialRow


class Notebook:
    """A tracker in memory, that may forget between sessions."""

    name = "notebook"

    def __init__(self, *, forgets: bool = False) -> None:
        self.forgets = forgets
        self.logged: list[str] = []

    def connect(self, sweep: str, folder: Path) -> "Notebook":
        if self.forgets:
            self.logged = []
        return self

    def lacks(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        return [row for row in rows if row.trial_id not in self.logged]

    def log(self, row: TrialRow, fields: Sequence[str]) -> None:
        self.logged.append(row.trial_id)


def rows(make_row: Callable[..., TrialRow]) -> list[TrialRow]:
    return [make_row(TrialConfig(seed=seed)) for seed in range(3)]


def test_a_tracker_that_remembers_keeps_the_contract(make_row: Callable[..., TrialRow], tmp_path: Path) -> None:
    check_tracker(Notebook(), sweep="contract", folder=tmp_path, rows=rows(make_row))


def test_a_tracker_that_forgets_is_named(make_row: Callable[..., TrialRow], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="must know the rows of earlier ones"):
        check_tracker(Notebook(forgets=True), sweep="contract", folder=tmp_path, rows=rows(make_row))
