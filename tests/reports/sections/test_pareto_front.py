"""Laws of accuracy against cost: the front is exactly what no other trial beats."""

import random
from collections.abc import Callable, Sequence

from mnist_sweep import TrialConfig
from mnist_sweep.reports.blocks import Plot
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import pareto_front
from mnist_sweep.search import saved_objectives
from mnist_sweep.trials.row import TrialRow

MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]


def test_front_holds_those_that_no_other_beats_in_both(make_row: MakeRow) -> None:
    drawn = random.Random(0)
    rows = [
        make_row(TrialConfig(seed=seed), val_accuracy=drawn.random(), seconds_total=drawn.random())
        for seed in range(60)
    ]
    front = {row.trial_id for row in pareto_front.pareto_optimal(rows)}

    def beaten(row: TrialRow) -> bool:
        pair = (row.val_accuracy or 0, -(row.seconds_total or 0))
        others = [(other.val_accuracy or 0, -(other.seconds_total or 0)) for other in rows]
        return any(all(o >= p for o, p in zip(other, pair, strict=True)) and other != pair for other in others)

    assert front == {row.trial_id for row in rows if not beaten(row)}


def test_cheaper_trial_that_is_nearly_as_good_is_named(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [
        make_row(TrialConfig(seed=seed), val_accuracy=accuracy, seconds_total=seconds)
        for seed, (accuracy, seconds) in enumerate([(0.9, 20.0), (0.897, 11.0), (0.5, 12.0)])
    ]
    section = pareto_front.section(make_results(rows))
    assert section is not None
    assert "took 11 s instead of 20 s, at 0.30 points less" in section.finding


def test_trials_of_different_sizes_have_a_front_of_their_own(make_row: MakeRow, make_results: MakeResults) -> None:
    found = [(0.9, 20.0, 500), (0.897, 11.0, 100), (0.8, 12.0, 300), (0.7, 30.0, None)]
    rows = [
        make_row(TrialConfig(seed=seed), val_accuracy=accuracy, seconds_total=seconds, parameters=number)
        for seed, (accuracy, seconds, number) in enumerate(found)
    ]
    section = pareto_front.section(make_results(rows))
    assert section is not None
    by_time, by_size = section.blocks
    assert isinstance(by_time, Plot)
    assert isinstance(by_size, Plot)
    assert by_size.title == "Validation accuracy against parameters"
    assert "no other trial is both smaller and more accurate" in by_size.finding
    table = by_size.table
    assert (table.caption, [line[2] for line in table.rows]) == (
        "Trials on the Pareto front, smallest first",
        [100, 500],
    )
    assert by_time.table.caption == "Trials on the Pareto front, fastest first"
    alike = pareto_front.section(make_results([*rows[3:], rows[0]]))
    assert alike is not None
    assert len(alike.blocks) == 1


def test_the_objectives_of_a_search_have_their_fronts(make_row: MakeRow, make_results: MakeResults) -> None:
    found = [(0.9, 0.02), (0.8, 0.01), (0.7, 0.03), (0.95, None)]
    rows = [
        make_row(TrialConfig(seed=seed), val_accuracy=accuracy, latency=latency)
        for seed, (accuracy, latency) in enumerate(found)
    ]
    results = make_results(rows)
    saved_objectives.write(results.folder, ("accuracy", "latency"))
    section = pareto_front.section(results)
    assert section is not None
    *_, plot = section.blocks
    assert isinstance(plot, Plot)
    assert (plot.title, [line[2] for line in plot.table.rows]) == ("Validation accuracy against latency", [0.01, 0.02])
