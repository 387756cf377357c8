"""Laws of a race in words: the answer can be quoted, and says what it does not hold for."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from mnist_sweep import Status, TrialRow, trial_id
from mnist_sweep.search import race_summary
from mnist_sweep.search.race import Race
from mnist_sweep.search.race_summary import RaceSummary, summary
from mnist_sweep.statistics.intervals import share_upper_limit
from mnist_sweep.trials.value_format import Measure
from tests.conftest import MakeRow
from tests.search.races import CONFIGS, IDS, KNOWN, NUM_VAL, judged, rows_of, steady_last


def summarised(rows: Sequence[TrialRow], **given: Any) -> RaceSummary:
    return summary(race(rows, **given))


def race(rows: Sequence[TrialRow], **given: Any) -> Race:
    return Race(IDS, dataclasses.replace(KNOWN, **given), num_val=NUM_VAL, rows=rows)


def test_answer_names_who_remains_what_it_cost_and_its_limits(make_row: MakeRow) -> None:
    first, limits, images = summarised(rows_of(make_row)).sentences
    assert first.startswith(
        "Of 4 configs, 2 remain within 2 points of each other for these images (error at most 5%): learning_rate="
    )
    assert first.endswith("; 48 trials.")
    assert summarised(rows_of(make_row)[:-1]).sentences[0].endswith("; 47 trials instead of 48.")
    assert limits.startswith("This holds for runs such as those seen (none collapsed, so that less than ")
    assert "do), not for new images. About 242 seeds would show a lead of 2 points" in limits
    assert images == (
        "For new images, 1,000 validation images can show no difference below about 1.87 points between configs that "
        "classify 5% of them differently, with any number of seeds."
    )


@pytest.mark.parametrize(
    ("num_seeds", "given", "says"),
    [
        (2, {}, "4 remain after 2 seeds so far, not shown to be within 2 points of each other for these images"),
        (
            12,
            {"within": 1e-4, "error": 1e-9},
            "after all 12 seeds, not shown to be within 0.01 points of each other, but within ",
        ),
        (0, {}, "No trial of the race has finished."),
    ],
)
def test_answer_says_how_the_race_ended(num_seeds: int, given: dict[str, Any], says: str, make_row: MakeRow) -> None:
    assert says in summarised(rows_of(make_row, num_seeds), **given).sentences[0]


def test_one_that_remains_is_the_best(make_row: MakeRow) -> None:
    two = Race(IDS[:2], KNOWN, num_val=NUM_VAL, rows=rows_of(make_row))
    assert "Of 2 configs, 1 remains as the best for these images" in summary(two).sentences[0]


def test_departure_says_after_how_many_seeds_and_by_whom(make_row: MakeRow) -> None:
    found = race(rows_of(make_row))
    (line,) = race_summary.news(found, [IDS[1]])
    gone = found.departures[IDS[1]]
    assert line.startswith(f"learning_rate=0.2 is out after {gone.num_seeds} seeds: ")
    assert "points worse than learning_rate=0." in line


def test_setting_that_gets_no_more_seeds_is_said_to_be_within_the_difference_until_all_are(make_row: MakeRow) -> None:
    rows, known = steady_last(make_row), dataclasses.replace(KNOWN, within=0.015, max_seeds=40)
    begun = Race(IDS[:3], known, num_val=10_000, rows=rows[:30])
    within = "within 1.5 points of all others: no more seeds"
    assert {one.state: one.num_seeds for one in summary(begun).settings} == {within: 7, "remains": 10}
    assert race_summary.news(begun, begun.closed) == [f"learning_rate=0.3 is {within}"]
    ended = Race(IDS[:3], known, num_val=10_000, rows=rows)
    assert {one.state for one in summary(ended).settings} == {"remains"}


def test_setting_with_collapsed_runs_is_marked_with_what_their_share_is_below(make_row: MakeRow) -> None:
    rows = rows_of(make_row)
    low, gone = (trial_id(dataclasses.replace(CONFIGS[0], seed=seed)) for seed in (1, 3))
    changed = [dataclasses.replace(row, val_accuracy=0.1) if row.trial_id == low else row for row in rows]
    diverged = make_row(dataclasses.replace(CONFIGS[0], seed=3), Status.DIVERGED)
    found = summarised([diverged if row.trial_id == gone else row for row in changed])
    (one,) = [one for one in found.settings if one.config_id == IDS[0]]
    assert (one.num_collapsed, one.collapsed) == (2, "2 of 12 (below 44%)")
    assert "collapsed runs: learning_rate=0.1 2 of 12 (below 44%)" in found.sentences[1]


def test_ten_runs_of_which_none_collapsed_leave_room_for_a_quarter(make_row: MakeRow) -> None:
    found = summarised(rows_of(make_row, 10), error=1e-9)
    assert {one.collapsed for one in found.settings} == {"0 of 10 (below 26%)"}


def test_setting_without_accuracies_is_out_for_that(make_row: MakeRow) -> None:
    last = {trial_id(trial): trial for trial in (dataclasses.replace(CONFIGS[3], seed=seed) for seed in range(12))}
    rows = [make_row(last[row.trial_id], Status.DIVERGED) if row.trial_id in last else row for row in rows_of(make_row)]
    assert race_summary.news(race(rows), [IDS[3]]) == ["learning_rate=0.4 is out after 5 seeds: no run gave a value"]


def test_runs_that_failed_say_nothing_of_any_config_and_nothing_of_how_many_collapse(make_row: MakeRow) -> None:
    trials = [dataclasses.replace(trial, seed=seed) for seed in range(12) for trial in CONFIGS]
    rows = [make_row(trial, Status.FAILED) for trial in trials]
    assert summarised(rows).sentences == ("No run gave a value, so nothing is known of any config; 48 trials.",)
    found = summarised([*rows_of(make_row, 11), *rows[-4:]], error=1e-9)
    assert {one.collapsed_below for one in found.settings} == {share_upper_limit(0, 11)}


def test_settings_that_remain_come_first_the_best_at_the_top(make_row: MakeRow) -> None:
    found = summarised(rows_of(make_row))
    assert [one.config_id for one in found.settings] == [IDS[0], IDS[2], IDS[3], IDS[1]]
    assert found.remaining == (IDS[0], IDS[2])
    assert [one.state == "remains" for one in found.settings] == [True, True, False, False]
    assert (found.num_trials, found.max_trials, found.known, found.end) == (48, 48, KNOWN, "within")


def test_answer_says_what_it_relies_on_and_what_relying_on_nothing_would_take(make_row: MakeRow) -> None:
    rows = rows_of(make_row)
    limits = summarised(rows).sentences[1]
    assert limits.endswith(
        "), not for new images. About 242 seeds would show a lead of 2 points for runs of any shape (`--assume any`)."
    )
    found, longer = race(rows, assume="any"), race(rows, assume="any", max_seeds=300)
    assert summary(found).sentences[1].startswith("This holds whatever other runs may do (none collapsed, ")
    assert race_summary.opening(found)[2] == "for runs of any shape, about 242 seeds show a lead of 2 points"
    assert len(race_summary.opening(race(rows))) == len(race_summary.opening(longer)) == 2


def test_answer_of_another_objective_is_in_its_unit_and_its_best_is_the_lowest(make_row: MakeRow) -> None:
    loss = Measure("log_loss", "minimize", "nats")
    rows = judged(rows_of(make_row), loss, lambda accuracy: 10 * (1 - accuracy))
    known = dataclasses.replace(KNOWN, within=0.2)
    found = summary(made := Race(IDS, known, num_val=NUM_VAL, measure=loss, rows=rows))
    assert found.objective == loss
    assert found.remaining == (IDS[0], IDS[2])
    assert found.sentences[0].startswith("Of 4 configs, 2 remain within 0.2 nats of each other for these images")
    assert "learning_rate=0.1 (0.9637 nats) and learning_rate=0.3 (1.052 nats)" in found.sentences[0]
    assert found.sentences[1].endswith("of a config's do), not for new images."), "no bets on what has no limits"
    assert found.sentences[2:] == ("For new images, nothing is known: no image has its own log loss.",)
    assert " nats worse than learning_rate=" in race_summary.news(made, [IDS[1]])[0]
    assert "within 0.2 nats of each other" in race_summary.opening(made)[0]


def test_collapsed_runs_are_those_of_little_accuracy_whatever_they_are_judged_by(make_row: MakeRow) -> None:
    loss = Measure("log_loss", "minimize", "nats")
    rows = [
        dataclasses.replace(row, val_accuracy=0.1) if row.trial_id == f"{IDS[0]}-1" else row
        for row in judged(rows_of(make_row), loss, lambda accuracy: 10 * (1 - accuracy))
    ]
    found = summary(Race(IDS, KNOWN, num_val=NUM_VAL, measure=loss, rows=rows))
    assert {one.config_id: one.num_collapsed for one in found.settings} == {name: name == IDS[0] for name in IDS}
    unknown = [dataclasses.replace(row, val_accuracy=None) for row in rows]
    found = summary(Race(IDS, KNOWN, num_val=NUM_VAL, measure=loss, rows=unknown))
    assert {one.num_collapsed for one in found.settings} == {0}
