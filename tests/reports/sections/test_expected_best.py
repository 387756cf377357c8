"""Laws of the expected best: its curves end at what was spent."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mnist_sweep.reports.blocks import Plot
from mnist_sweep.reports.report_data import Results, read_results
from mnist_sweep.reports.sections import expected_best
from mnist_sweep.text.numbers import duration
from mnist_sweep.trials.row import TrialRow

MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]
MakeSweep = Callable[..., Path]


def test_the_curve_ends_at_what_was_spent(make_sweep: MakeSweep, tmp_path: Path) -> None:
    results = read_results(make_sweep(tmp_path, 40, num_evaluations=2))
    section = expected_best.section(results)
    assert section is not None
    (plot,) = [block for block in section.blocks if isinstance(block, Plot)]
    assert plot.table.rows[-1][0] == 40
    assert plot.table.rows[-1][1] == pytest.approx(results.good[0].val_accuracy)
    times = [row.seconds_total for row in results.rows if row.seconds_total is not None]
    assert f"A trial used {duration(sum(times) / len(times))} of one core on average." in plot.finding


def test_one_trial_has_no_section(make_row: MakeRow, make_results: MakeResults) -> None:
    assert expected_best.section(make_results([make_row()])) is None
