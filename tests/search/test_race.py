"""Laws of a race: what is decided follows from its rows, in whatever order they came, and waits for none in vain."""

import dataclasses
import functools
import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from mnist_sweep import Known, Status, TrialConfig, TrialRow, config_id
from mnist_sweep.errors import ConfigError
from mnist_sweep.search.race import Race
from mnist_sweep.trials.ids import trial_name
from mnist_sweep.trials.value_format import Measure
from tests.conftest import MakeRow, Refused
from tests.search.races import CONFIGS, IDS, KNOWN, NUM_VAL, judged, rows_of, steady_last


@pytest.fixture
def rows(make_row: MakeRow) -> list[TrialRow]:
    return rows_of(make_row)


def race(rows: Sequence[TrialRow], known: Known = KNOWN) -> Race:
    return Race(IDS, known, num_val=NUM_VAL, rows=rows)


def state(one: Race) -> Any:
    return one.departures, one.end, one.remaining, [*one.lacking()]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"within": 0}, "within"),
        ({"within": math.inf}, "within"),
        ({"within": math.nan}, "within"),
        ({"error": 0}, "error"),
        ({"error": 1}, "error"),
        ({"max_seeds": 1}, "max_seeds"),
        ({"assume": "all"}, "alike"),
    ],
)
def test_rules_are_stated(wrong: dict[str, Any], rule: str, refused: Refused) -> None:
    with refused(ConfigError, rule):
        Known(**{"within": 0.01} | wrong)


def test_settings_leave_in_order_of_their_distance_and_the_rest_are_alike(rows: list[TrialRow]) -> None:
    found = race(rows)
    assert [*found.departures] == [IDS[1], IDS[3]]
    assert found.departures[IDS[1]].num_seeds < found.departures[IDS[3]].num_seeds
    assert found.departures[IDS[3]].rival in (IDS[0], IDS[2])
    assert found.departures[IDS[3]].lead == pytest.approx(0.05, abs=0.015)
    assert (found.end, found.remaining) == ("within", [IDS[0], IDS[2]])


def test_order_of_arrival_changes_nothing(rows: list[TrialRow]) -> None:
    shuffled, one_by_one = [*rows], race([])
    random.Random(0).shuffle(shuffled)
    for row in shuffled:
        one_by_one.add(row)
    assert state(one_by_one) == state(race(rows)) == state(race(shuffled))


def test_race_that_asks_for_what_is_lacking_decides_as_one_with_all_rows(rows: list[TrialRow]) -> None:
    by_id, asked = {row.trial_id: row for row in rows}, race([])
    while pair := next(asked.lacking(), None):
        asked = race([*asked.rows.values(), by_id[f"{pair[0]}-{pair[1]}"]])  # as after each restart
    assert (asked.departures, asked.end) == (race(rows).departures, race(rows).end)
    assert len(asked.rows) < len(rows)


def test_a_row_that_is_lacking_holds_every_later_decision(rows: list[TrialRow]) -> None:
    lacking = [row for row in rows if row.trial_id != f"{IDS[0]}-1"]
    found = race(lacking)
    assert (found.departures, len(found.rounds), found.end) == ({}, 1, None)
    assert [*found.lacking()] == [(IDS[0], 1)]


def test_settings_that_are_out_need_no_more_rows_even_in_the_middle_of_a_round(rows: list[TrialRow]) -> None:
    out_after = race(rows).departures[IDS[1]].num_seeds
    for number in range(len(rows)):
        found = race(rows[:number])
        if IDS[1] in found.departures:
            break
    assert found.departures[IDS[1]].num_seeds == out_after
    assert IDS[1] not in {setting for setting, _ in found.lacking()}


def test_setting_that_is_within_the_difference_of_all_others_gets_no_more_seeds(make_row: MakeRow) -> None:
    rows, known = steady_last(make_row), Known(within=0.015, max_seeds=40)
    start = functools.partial(Race, IDS[:3], known, num_val=10_000)
    found, by_id = start(rows=rows), {row.trial_id: row for row in rows}
    assert (found.end, found.remaining, [*found.closed]) == ("within", IDS[:3], [IDS[2]])
    num_seeds = found.closed[IDS[2]]
    assert 2 < num_seeds == len(found.taken(IDS[2])) < len(found.taken(IDS[0])) == len(found.rounds) < 40
    asked = start()
    while pair := next(asked.lacking(), None):
        asked = start(rows=[*asked.rows.values(), by_id[trial_name(*pair)]])  # as after each restart
    late = start()
    for row in random.Random(0).sample(rows, len(rows)):
        late.add(row)
    for other in (asked, late):
        assert (other.closed, other.rounds, other.end) == (found.closed, found.rounds, found.end)
    assert sum(row.config_id == IDS[2] for row in asked.rows.values()) == num_seeds


def test_failed_and_diverged_runs_are_no_accuracies_and_hold_nothing(rows: list[TrialRow], make_row: MakeRow) -> None:
    third = dataclasses.replace(CONFIGS[0], seed=2)
    for status in (Status.FAILED, Status.DIVERGED, Status.STOPPED):
        changed = [make_row(third, status, val_accuracy=0.1) if row.trial_id == f"{IDS[0]}-2" else row for row in rows]
        found = race(changed)
        assert [*found.departures] == [IDS[1], IDS[3]]
        assert found.taken(IDS[0])[2].status is status
        assert found.elimination.num_seeds[0, 0, 2] == len(found.rounds) - 1


def test_setting_without_any_accuracy_is_out_after_a_few_seeds(rows: list[TrialRow], make_row: MakeRow) -> None:
    last = {f"{IDS[3]}-{seed}": dataclasses.replace(CONFIGS[3], seed=seed) for seed in range(12)}
    changed = [make_row(last[row.trial_id], Status.DIVERGED) if row.trial_id in last else row for row in rows]
    gone = race(changed).departures[IDS[3]]
    assert (gone.num_seeds, gone.rival) == (5, None)
    assert Known(within=0.01, error=0.01).max_runs_without_value == 7
    none = race(
        [
            make_row(dataclasses.replace(row_trial, seed=seed), Status.DIVERGED)
            for seed, row_trial in itertools.product(range(12), CONFIGS)
        ]
    )
    assert none.end == "one", "one always remains"


def test_leads_of_whole_images_are_no_proof_where_there_are_few_images(make_row: MakeRow) -> None:
    trials = [dataclasses.replace(trial, seed=seed) for seed in range(4) for trial in CONFIGS[:2]]
    rows = [make_row(trial, val_accuracy=0.75 - IDS.index(config_id(trial)) / 4) for trial in trials]
    many, few = (Race(IDS[:2], KNOWN, num_val=number, rows=rows) for number in (1000, 4))
    assert [*many.departures] == [IDS[1]]
    assert [*few.departures] == []


def test_race_that_assumes_nothing_takes_more_seeds_and_decides_after_whole_rounds(make_row: MakeRow) -> None:
    trials = [dataclasses.replace(trial, seed=seed) for seed in range(60) for trial in CONFIGS[:3]]
    rows = [make_row(trial, val_accuracy=(0.9, 0.2, 0.895)[IDS.index(config_id(trial))]) for trial in trials]
    known = Known(within=0.2, max_seeds=60, assume="any")
    found = Race(IDS[:3], known, num_val=NUM_VAL, rows=rows)
    assert (found.end, [*found.departures]) == ("within", [IDS[1]])
    assert found.departures[IDS[1]].num_seeds == len(found.taken(IDS[1])) == 9
    before = Race(IDS[:3], known, num_val=NUM_VAL, rows=[row for row in rows if row.config["seed"] < 9][:-1])
    assert before.departures == {}
    assert [*Race(IDS[:3], dataclasses.replace(known, assume="alike"), num_val=NUM_VAL, rows=rows[:15]).departures]


def test_seeds_run_out(rows: list[TrialRow]) -> None:
    known = dataclasses.replace(KNOWN, within=1e-4, max_seeds=3)
    found = race(rows, known)
    assert (found.end, len(found.rounds), [*found.lacking()]) == ("seeds", 3, [])
    assert len(found.rows) == found.max_trials == 12


def test_one_setting_is_the_end(rows: list[TrialRow]) -> None:
    found = Race(IDS[:2], dataclasses.replace(KNOWN, within=1e-4), num_val=NUM_VAL, rows=rows)
    assert (found.end, found.remaining, [*found.lacking()]) == ("one", [IDS[0]], [])


def test_rows_of_other_configs_and_seeds_are_left_out(rows: list[TrialRow], make_row: MakeRow) -> None:
    others = [make_row(TrialConfig(seed=3)), make_row(dataclasses.replace(CONFIGS[0], seed=99))]
    assert race([*others, *rows]).rows == race(rows).rows


def judged_race(rows: Sequence[TrialRow], measure: Measure, times: float, **known: Any) -> Race:
    changed = judged(rows, measure, lambda accuracy: times * accuracy)
    scaled = dataclasses.replace(KNOWN, within=abs(times) * KNOWN.within, **known)
    return Race(IDS, scaled, num_val=NUM_VAL, measure=measure, rows=changed)


LESS, MORE = Measure("regret", "minimize", "px"), Measure("gain", "maximize", "px")


def test_what_is_minimised_is_decided_as_its_mirror_image_that_is_maximised(rows: list[TrialRow]) -> None:
    for number in range(0, len(rows), 5):
        less, more = judged_race(rows[:number], LESS, -1), judged_race(rows[:number], MORE, 1)
        assert state(less) == state(more)
        assert less.rounds == more.rounds
    assert [*less.departures] == [IDS[1], IDS[3]]


@pytest.mark.parametrize("times", [2.0**20, 2.0**-20])
def test_scale_of_values_changes_nothing(rows: list[TrialRow], times: float) -> None:
    one, other = judged_race(rows, LESS, -1), judged_race(rows, LESS, -times)
    assert (one.remaining, one.end, [*one.lacking()]) == (other.remaining, other.end, [*other.lacking()])
    for name, gone in one.departures.items():
        assert other.departures[name] == (gone.num_seeds, gone.rival, gone.lead * times)
    assert [left.distance * times for left in one.rounds] == [left.distance for left in other.rounds]


def test_shares_of_which_less_is_better_are_raced_for_any_shape_as_those_of_which_more_is(rows: list[TrialRow]) -> None:
    accuracy = race(rows, dataclasses.replace(KNOWN, assume="any", within=0.5))
    errors = judged(rows, share := Measure("error_rate", "minimize"), lambda accuracy: 1 - accuracy)
    found = Race(IDS, accuracy.known, num_val=NUM_VAL, measure=share, rows=errors)
    assert (found.remaining, found.end) == (accuracy.remaining, accuracy.end)
    assert found.elimination.evidence == pytest.approx(accuracy.elimination.evidence)


@pytest.mark.parametrize(
    ("known", "measure", "why"),
    [
        (Known(within=1.5), Measure("error_rate", "minimize"), "`0 < within <= 1 (error rate)` must hold"),
        (Known(within=1.5, assume="any"), LESS, "values of any shape that do not lie in [0, 1]"),
    ],
)
def test_what_a_value_does_not_allow_is_refused(known: Known, measure: Measure, why: str, refused: Refused) -> None:
    with refused(ConfigError, why):
        Race(IDS, known, num_val=NUM_VAL, measure=measure)


def test_seeds_before_the_first_one_of_the_race_prove_nothing(rows: list[TrialRow]) -> None:
    found = Race(IDS, KNOWN, num_val=NUM_VAL, rows=rows, first_seed=2)
    later = [
        dataclasses.replace(row, config={**row.config, "seed": seed}, trial_id=f"{row.config_id}-{seed}")
        for row in rows
        if (seed := row.config["seed"] - 2) >= 0
    ]
    expected = race(later)
    assert {row.config["seed"] for row in found.rows.values()} == {*range(2, 12)}
    assert (found.departures, found.end) == (expected.departures, expected.end)
    assert [seed for _, seed in Race(IDS, KNOWN, num_val=NUM_VAL, first_seed=2).lacking()][:5] == [2, 2, 2, 2, 3]
