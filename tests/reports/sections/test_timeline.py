"""Laws of the timeline: busy is what the rows say, idle is the rest, pauses count for nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.reports.blocks import Plot, Section
from mnist_sweep.reports.report_data import Results, analyse
from mnist_sweep.reports.sections import timeline
from mnist_sweep.reports.sections.timeline import Span, merge
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.results.runs import append, describe_run
from mnist_sweep.trials.row import TrialRow
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of


def trial(make_row: MakeRow, seed: int, worker: str, started: float | None, seconds: float) -> TrialRow:
    return make_row(TrialConfig(seed=seed), worker=worker, started=started, seconds_total=seconds)


def section_of(results: Results) -> Section:
    section = timeline.section(results)
    assert section is not None
    return section


def test_idle_share_is_the_gaps(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [trial(make_row, 0, "a:1", 1000.0, 10.0), trial(make_row, 1, "b:2", 1000.0, 4.0)]
    rows.append(trial(make_row, 2, "b:2", 1006.0, 2.0))
    section = section_of(make_results(rows))
    assert "3 trials ran in 10 s, at most 2 at a time; workers were idle 20.0% of the time." in section.finding
    (plot,) = blocks_of(section, Plot)
    a, b = ["a:1", 1, 10.0], ["b:2", 2, 6.0]
    assert [*plot.table.rows] in ([a, b], [b, a])
    assert sorted(plot.figure.data[0].base) == [0, 0, 6]


def test_processes_of_two_runs_are_not_counted_as_if_they_had_run_at_a_time(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    rows = [trial(make_row, seed, f"a:{seed}", 100.0 * (seed // 2), 10.0) for seed in range(6)]
    finding = section_of(make_results(rows)).finding
    assert finding.startswith("6 trials ran in 30 s, at most 2 at a time; ")


def test_worker_in_the_place_of_another_is_no_third_one(make_row: MakeRow) -> None:
    rows = [
        trial(make_row, 0, "a:1", 0.0, 20.0),
        trial(make_row, 1, "a:2", 0.0, 8.0),
        trial(make_row, 2, "a:3", 10.0, 10.0),
    ]
    found = timeline.worker_timeline(rows)
    assert (found.available, found.length) == (40.0, 20.0)
    assert found.idle == pytest.approx(2 / 40)


def test_pause_between_two_runs_is_no_idle_time(make_row: MakeRow) -> None:
    rows = [trial(make_row, 0, "a:1", 0.0, 10.0), trial(make_row, 1, "a:9", 1e6, 10.0)]
    found = timeline.worker_timeline(rows)
    assert (found.length, found.idle) == (20.0, 0.0)
    assert found.work["a:9"] == [Span(10.0, 20.0)]


def test_a_resumed_trial_was_not_in_its_worker_while_that_ran_another(make_row: MakeRow) -> None:
    rows = [trial(make_row, 0, "a:1", 1000.0, 10.0), trial(make_row, 1, "a:1", 970.0, 60.0)]  # it took 40 s elsewhere
    rows.append(trial(make_row, 2, "b:2", 1000.0, 15.0))
    found = timeline.worker_timeline(rows)
    assert found.work == {"a:1": [Span(0.0, 10.0), Span(10.0, 30.0)], "b:2": [Span(0.0, 15.0)]}
    assert (found.length, found.idle) == (30.0, 0.25)


def test_a_resumed_trial_was_not_in_its_worker_before_the_run_in_which_it_ended(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    rows = [trial(make_row, 0, "a:1", 1000.0, 10.0), trial(make_row, 1, "a:9", 5010.0, 60.0)]  # 40 s of them before
    results = make_results([*rows, trial(make_row, 2, "b:9", 5055.0, 15.0)])
    one = describe_run(seconds=0.0, runner="RayTune", num_workers=2, num_run=1, data={})
    for started, ended in (("1970-01-01T00:16:00Z", "1970-01-01T00:17:00Z"), ("1970-01-01T01:24:10Z", one.ended)):
        append(results.folder, replace(one, started=started, ended=ended))
    section = section_of(results)
    assert "3 trials ran in 30 s, at most 2 at a time; workers were idle 10.0% of the time." in section.finding
    assert "3 trials ran in 1 min 10 s, at most 2 at a time" in section_of(make_results(results.rows)).finding


def test_rows_without_a_start_are_counted_and_left_out(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [trial(make_row, 0, "a:1", 5.0, 10.0), trial(make_row, 1, "a:1", None, 10.0)]
    rows.append(trial(make_row, 2, "a:1", 15.0, 10.0))
    assert "Left out: 1 trial without a start time" in section_of(make_results(rows)).finding


def test_one_trial_is_no_timeline(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [trial(make_row, 0, "a:1", 1000.0, 10.0), make_row(TrialConfig(seed=1), started=None)]
    assert timeline.section(make_results(rows)) is None


def test_bars_stay_few_and_no_work_is_lost(make_row: MakeRow, make_results: MakeResults) -> None:
    row = make_row()
    rows = [
        replace(row, trial_id=str(n), worker=f"a:{n % 4}", started=n // 4 * 1.1, seconds_total=1.0) for n in range(8000)
    ]
    trials = trials_frame(rows)
    results = Results(folder=Path(), rows=rows, varying=[], trials=trials, result=lambda: analyse(trials))
    bars = blocks_of(timeline.section(results), Plot)[0].figure.data[0]
    assert len(bars.x) <= timeline.MAX_BARS
    assert sum(bars.x) >= 8000


def test_spans_that_touch_become_one() -> None:
    spans = [Span(0, 2), Span(1, 3), Span(4, 5), Span(9, 10)]
    assert merge(spans, 1.0) == [Span(0, 5), Span(9, 10)]
