"""Laws of failures: grouped by cause, none left out."""

from mnist_sweep import TrialConfig
from mnist_sweep.reports.blocks import Table
from mnist_sweep.reports.sections import failures
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of


def test_causes_are_grouped_most_frequent_first(make_row: MakeRow, make_results: MakeResults) -> None:
    errors = ["no luck", "OOM", "OOM"]
    rows = [make_row(TrialConfig(seed=n), Status.FAILED, error=error) for n, error in enumerate(errors)]
    rows += [make_row(TrialConfig(seed=7), Status.DIVERGED), make_row(TrialConfig(seed=8))]
    section = failures.section(make_results(rows))
    assert section.finding.startswith("3 trials failed and 1 trial diverged. ")
    assert "Most frequent cause: OOM. `mnist-sweep run SCRIPT --retry failed`" in section.finding
    (table,) = blocks_of(section, Table)
    assert [line[:3] for line in table.rows] == [
        ["failed", "OOM", 2],
        ["diverged", "the loss was not finite", 1],
        ["failed", "no luck", 1],
    ]


def test_many_causes_are_cut_and_counted(make_row: MakeRow, make_results: MakeResults) -> None:
    number = failures.MAX_GROUPS + 3
    rows = [make_row(TrialConfig(seed=seed), Status.FAILED, error=f"cause {seed}") for seed in range(number)]
    (table,) = blocks_of(failures.section(make_results(rows)), Table)
    assert len(table.rows) == failures.MAX_GROUPS
    assert f"of {number}" in table.caption


def test_none_is_said(make_row: MakeRow, make_results: MakeResults) -> None:
    assert failures.section(make_results([make_row()])).finding == "No trial failed, diverged or was stopped early."


def test_warning_of_a_good_trial_is_shown(make_row: MakeRow, make_results: MakeResults) -> None:
    section = failures.section(make_results([make_row(error="its model could not be saved: x")]))
    assert section.finding == "No trial failed, but some successful ones have a warning."
