"""Laws of the table of trials: every row is in it, the best first."""

from mnist_sweep import TrialConfig
from mnist_sweep.reports.blocks import Table
from mnist_sweep.reports.sections import trials
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of


def test_every_row_is_a_line_best_first_and_the_others_last(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=value) for seed, value in enumerate([0.7, 0.9, 0.8])]
    rows.append(make_row(TrialConfig(seed=7), Status.FAILED, error="x"))
    rows.append(make_row(TrialConfig(seed=8), Status.DIVERGED))
    (table,) = blocks_of(trials.section(make_results(rows)), Table)
    titles = [column.title for column in table.columns]
    assert titles[:3] == ["trial", "status", "seed"]
    assert [line[titles.index("val accuracy")] for line in table.rows] == [0.9, 0.8, 0.7, None, None]
    assert [line[1] for line in table.rows] == ["ok", "ok", "ok", "diverged", "failed"]


def test_what_is_alike_but_for_a_failed_trial_is_no_column(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(), make_row(TrialConfig(seed=7), Status.FAILED, error="x")]
    (table,) = blocks_of(trials.section(make_results(rows)), Table)
    assert {column.title for column in table.columns} & {"steps", "parameters"} == set()
