"""Laws of the section on a race: only for a race, with every setting and the answer."""

from dataclasses import replace

from mnist_sweep.reports.blocks import Plot, Table
from mnist_sweep.reports.sections import best_config, next_run
from mnist_sweep.reports.sections import race as race_section
from mnist_sweep.results import saved_race
from mnist_sweep.search.race import Race
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of
from tests.search.races import CONFIGS, IDS, KNOWN, NUM_VAL, rows_of


def test_section_has_the_answer_and_every_setting(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results(rows_of(make_row))
    assert race_section.section(results) is None
    saved_race.write(results.folder, Race(IDS, KNOWN, num_val=NUM_VAL))
    section = race_section.section(replace(results))
    assert section is not None
    assert section.finding.startswith("Of 4 configs, 2 remain within 2 points of each other")
    (plot,) = blocks_of(section, Plot)
    distances = [float(line[2] or 0) for line in plot.table.rows]
    assert (plot.table.rows[-1][1], distances) == (2, sorted(distances, reverse=True))
    assert distances[-1] <= 2 < distances[0], "points"
    (table,) = blocks_of(section, Table)
    assert [line[0] for line in table.rows] == [f"learning_rate={rate}" for rate in ("0.1", "0.3", "0.4", "0.2")]
    assert [line[-1] == "remains" for line in table.rows] == [True, True, False, False]


def test_seeds_are_added_until_the_race_has_ended(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = rows_of(make_row)
    for shown, finding in ((rows, "The race has ended."), (rows[:8], "The race adds seeds itself")):
        results = make_results(shown)
        saved_race.write(results.folder, Race(IDS, KNOWN, num_val=NUM_VAL))
        assert next_run.section(results).finding.startswith(finding)


def test_a_race_whose_runs_all_failed_has_no_answer(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row(trial, Status.FAILED, error="x", traceback="x") for trial in CONFIGS])
    saved_race.write(results.folder, Race(IDS, KNOWN, num_val=NUM_VAL))
    section = race_section.section(results)
    assert section is not None
    assert section.finding == "No run gave a value, so nothing is known of any config; 4 trials."
    assert best_config.next_step(results)[1] == "see the failures"
