"""Laws of inputs: a folder is read from its rows, a table is taken as it is, and both errors name the way out."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mnist_sweep import Adam, Momentum, TrialConfig, grid, read_trials, repeat
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.analysis.inputs import as_trials
from mnist_sweep.analysis.selection import select
from mnist_sweep.analysis.sweep_diff import diff
from mnist_sweep.analysis.tuning_curve import expected_best_curve
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.results.csv_io import write_tables
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow, Refused

FUNCTIONS = (select, effects, expected_best_curve, lambda trials: diff(trials, trials))


def plain(found: Any) -> str:
    """Return a value as text, in which NaN equals NaN."""
    return str(found.to_dict() if isinstance(found, pd.DataFrame) else dataclasses.asdict(found))


@pytest.fixture
def rows(tmp_path: Path, make_row: MakeRow) -> list[TrialRow]:
    """Rows that lie in the results folder `tmp_path` as well."""
    ledger = Ledger(tmp_path)
    ledger.open()
    optimizers = [Adam(), Adam(learning_rate=0.1), Momentum()]
    axes: dict[str, Any] = {"model.filters": [(8,), (8, 16)], "log_every": [None, 10], "optimizer": optimizers}
    configs = repeat(grid(TrialConfig(), axes), seeds=2)
    found = [make_row(config, val_accuracy=0.9 + number**2 / 1e4) for number, config in enumerate(configs)]
    for row in found:
        ledger.commit(row)
    return found


def test_folder_is_read_from_its_rows(tmp_path: Path, rows: list[TrialRow]) -> None:
    for folder in (tmp_path, str(tmp_path)):
        pd.testing.assert_frame_equal(as_trials(folder), trials_frame(rows))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_folder_table_and_its_file_give_the_same(
    tmp_path: Path, rows: list[TrialRow], function: Callable[[object], object]
) -> None:
    write_tables(tmp_path, rows)
    found = [plain(function(given)) for given in (tmp_path, trials_frame(rows), read_trials(tmp_path))]
    assert found[0] == found[1] == found[2]


def test_a_table_that_would_give_wrong_numbers_is_refused(rows: list[TrialRow], refused: Refused) -> None:
    table = trials_frame(rows)
    with refused(LedgerError, f"the table has {rows[0].trial_id} twice, which would count as two seeds"):
        select(pd.concat([table, table[:1]]))
    with refused(LedgerError, "the table has no numbers in val_accuracy"):
        select(table.astype({"val_accuracy": str}))
    with refused(LedgerError, "trials are a results folder or a DataFrame, but got a list"):
        select([1, 2])  # type: ignore[arg-type]


def test_folder_without_rows_is_one_line(tmp_path: Path, refused: Refused) -> None:
    with refused(LedgerError, f"{tmp_path} holds no rows"):
        select(tmp_path)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_table_of_something_else_is_one_line(refused: Refused, function: Callable[[object], object]) -> None:
    with refused(LedgerError, "lacks the columns", "status", "`read_trials`"):
        function(pd.DataFrame({"loss": [1.0]}))
