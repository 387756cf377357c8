"""Laws of the answer: the config with the best mean is named, and what is not known is said."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mnist_sweep import MacroF1, Momentum, TrialConfig, repeat
from mnist_sweep.analysis.selection import config_means
from mnist_sweep.reports.blocks import Facts, Plot
from mnist_sweep.reports.sections import best_config
from mnist_sweep.reports.sections.config_intervals import INTERVALS
from mnist_sweep.results import saved_race
from mnist_sweep.search.race import Race
from mnist_sweep.trials.row import Status, TrialRow
from tests.conftest import MakeRow
from tests.reports.conftest import MakeResults, blocks_of
from tests.search.races import IDS, KNOWN, NUM_VAL, rows_of


def seeds(make_row: MakeRow, accuracies: Sequence[float], config: TrialConfig | None = None) -> list[TrialRow]:
    configs = repeat([config or TrialConfig()], seeds=len(accuracies))
    return [make_row(config, val_accuracy=value) for config, value in zip(configs, accuracies, strict=True)]


def test_config_with_the_best_mean_is_named_and_not_the_luckiest_trial(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    rows = seeds(make_row, [0.93, 0.94, 0.95])
    rows += seeds(make_row, [0.80, 0.81, 0.99], TrialConfig(optimizer=Momentum()))
    section = best_config.section(make_results(rows))
    assert section.finding.startswith(
        "Use `adam`: of 2 configs it has the best validation accuracy, 94.00%, and reaches"
    )
    assert (
        "It is not known to be better than the second, `momentum` (86.67%): the other config is statis"
        in section.finding
    )
    facts = numbers(section)
    assert facts["accuracy on new images"].startswith("91.00% (95% interval 87.")
    assert "6 trials: 6 ok" in facts["cost"]
    assert facts["what to try next"].startswith("2 configs with 6 seeds each (6 more trials")


def test_nothing_that_ended_well_is_said(make_row: MakeRow, make_results: MakeResults) -> None:
    section = best_config.section(make_results([make_row(status=Status.FAILED, error="no luck")]))
    assert section.finding == best_config.NOTHING


def test_single_trial_is_an_answer(make_row: MakeRow, make_results: MakeResults) -> None:
    said = "Use `cnn`, the only config. It has a validation accuracy of 90.00%, and reaches 91.00% on test."
    assert best_config.section(make_results([make_row()])).finding == said


def numbers(section: Any) -> dict[str, str]:
    (facts,) = blocks_of(section, Facts)
    return dict(facts.facts)


def picture(section: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the states of the configs, and the traces of the picture by name."""
    (plot,) = blocks_of(section, Plot)
    traces = json.loads(plot.figure.to_json())["data"]
    return [str(row[2]) for row in plot.table.rows], {trace["name"]: trace for trace in traces}


def test_picture_has_both_intervals_and_tells_worse_configs_apart(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = seeds(make_row, [0.93, 0.94, 0.95]) + seeds(make_row, [0.50, 0.53, 0.51], TrialConfig(optimizer=Momentum()))
    section = best_config.section(make_results(rows))
    assert section.finding.endswith("better than the second, `momentum` (51.33%), for these validation images.")
    states, traces = picture(section)
    assert states == ["best", "worse"]
    assert traces["validation, may be the best"]["x"] == [pytest.approx(0.94)]
    assert traces["validation, worse"]["marker"]["symbol"] == "circle-open"
    (low, high, _), (new_low, new_high, _) = (traces[name]["x"][:3] for name in INTERVALS)
    assert new_low < low < 0.94 < high < new_high


def test_one_seed_has_no_interval_for_others(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(), make_row(TrialConfig(optimizer=Momentum()), val_accuracy=0.8)]
    section = best_config.section(make_results(rows))
    assert section.finding.endswith(
        "(80.00%), is unknown: with one seed each, the noise from seed to seed is unknown, too."
    )
    states, traces = picture(section)
    assert (states, INTERVALS[0] in traces) == (["best", "untested"], False)


def test_picture_has_the_interval_of_the_answer_which_allows_for_the_choice(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    results = make_results(
        [make_row(TrialConfig(num_steps=steps), val_accuracy=0.9 - steps / 300) for steps in range(1, 9)]
    )
    selection, (plot,) = results.analysis[0], blocks_of(best_config.section(results), Plot)
    assert selection.intervals[0].endswith("given this trained model, the best of 8")
    assert plot.finding.endswith("Only the interval of the first config allows for its being the best of 8.")
    assert selection.val_new_low < config_means(results.trials, [selection.config_id])[0]["val_new_low"]
    ends = [[row[column] for column in (-3, -2)] for row in plot.table.rows]
    others = config_means(results.trials, [str(row[0]) for row in plot.table.rows[1:]])
    new = [
        (selection.val_new_low, selection.val_new_high),
        *((one["val_new_low"], one["val_new_high"]) for one in others),
    ]
    assert ends == [[*one] for one in new]
    assert picture(best_config.section(results))[1][INTERVALS[1]]["x"] == [x for one in new for x in (*one, None)]


@pytest.mark.parametrize("accuracy", [0.97, 0.4])
def test_config_that_was_not_compared_is_called_neither_worse_nor_absent(
    make_row: MakeRow, make_results: MakeResults, accuracy: float
) -> None:
    lone = make_row(TrialConfig(num_steps=9), val_accuracy=accuracy)
    best, worse = seeds(make_row, [0.93, 0.94, 0.95]), seeds(make_row, [0.5, 0.53, 0.51], TrialConfig(num_steps=8))
    section = best_config.section(make_results([*best, *worse, lone]))
    assert "of 2 configs with several successful seeds it has the best" in section.finding
    assert "all others" not in section.finding
    states, traces = picture(section)
    assert states == ["best", "worse", "left out"]
    assert traces["validation, may be the best"]["x"] == [pytest.approx(0.94)]
    assert traces["validation, left out"]["x"] == [accuracy]
    section = best_config.section(make_results([*best, lone]))
    assert "the only config with several successful seeds." in section.finding
    failed = make_row(TrialConfig(num_steps=9), Status.FAILED, error="no luck")
    assert "the only config that succeeded." in best_config.section(make_results([*best, failed])).finding


def test_picture_says_of_dots_and_bars_what_they_are(make_row: MakeRow, make_results: MakeResults) -> None:
    (plot,) = blocks_of(best_config.section(make_results([make_row()])), Plot)
    assert plot.finding == best_config.ONE_SEED_EACH
    (plot,) = blocks_of(best_config.section(make_results(seeds(make_row, [0.9, 0.91, 0.92]))), Plot)
    assert plot.finding == best_config.DOTS


def test_another_objective_has_its_name_and_the_interval_that_is_known(
    make_row: MakeRow, make_results: MakeResults
) -> None:
    configs = repeat([TrialConfig(objective=MacroF1())], seeds=2)
    given = {"objective": {"name": "macro_f1", "direction": "maximize", "unit": "share"}, "test_objective": 0.8}
    rows = [make_row(config, val_objective=0.9, **given) for config in configs]
    section = best_config.section(make_results(rows))
    assert "validation macro F1 of 90.00%, and reaches 80.00% on test" in section.finding
    assert numbers(section)["test macro F1"].startswith("80.00% (no interval; 2 seeds")


def test_race_answers_by_its_own_rule(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results(rows_of(make_row))
    saved_race.write(results.folder, Race(IDS, KNOWN, num_val=NUM_VAL))
    section = best_config.section(results)
    assert results.race is not None
    assert section.finding.endswith(results.race.sentences[0])
    assert sorted(picture(section)[0]) == ["remains", "remains", "worse", "worse"]
    assert numbers(section)["what to try next"] == "see the race"
