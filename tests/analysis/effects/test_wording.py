"""Laws of the wording of effects: what is significant, what is not, failures, and what limits the results."""

import re

import numpy as np
import pytest

from mnist_sweep import CNN, TrialConfig, grid, repeat
from mnist_sweep.analysis.effects.effects_of_trials import effects
from mnist_sweep.analysis.effects.wording import _delta
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.trials.row import Status
from mnist_sweep.trials.value_format import ACCURACY
from tests.analysis.effects.planted import AXES, GAIN, GRID, MakeTrials, by_name, optimizer_of
from tests.conftest import MakeRow


def test_sentences_say_the_effect_its_interval_and_what_is_not_shown(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda config: 0.95 + GAIN[optimizer_of(config)]))
    first, *others = (effect.sentence for effect in found.effects)
    best = found.effects[0]
    assert first == (
        f"optimizer: adam is {100 * best.difference:.1f} points better than gradient_descent (95% interval "
        f"{100 * best.low:.1f} to {100 * best.high:.1f}; best and worst of 3)"
    )
    assert sorted(sentence.partition(" (")[0] for sentence in others) == [
        "batch_size: no significant effect between 50 and 100",
        "dropout: no significant effect between 0 and 0.6",
        "filters: no significant effect among 3 values",
    ]


def test_trial_that_diverged_is_said_counted_and_never_a_0(make_trials: MakeTrials) -> None:
    configs = grid(
        TrialConfig(),
        {
            "optimizer.learning_rate": [0.01, 0.1, 1.0],
            "model.dropout": [0.1 * n for n in range(5)],
            "batch_size": [50, 100],
        },
    )
    hot = [config for config in configs if config.optimizer.learning_rate == 1]

    def planted(config: TrialConfig) -> float:
        return float("nan") if config in hot[:8] else 0.95

    found = effects(make_trials(configs, planted))
    effect = by_name(found)["optimizer.learning_rate"]
    assert effect.sentence.endswith("; 1 diverged in 8 of 10 trials, the other levels in 0 of 20")
    assert [(level.n, level.num_diverged, level.num_failed) for level in effect.levels] == [
        (10, 0, 0),
        (10, 0, 0),
        (2, 8, 0),
    ]
    assert min(level.mean for level in effect.levels) > 0.94
    assert (found.num_trials, found.left_out) == (22, {"diverged": 8})
    assert [note for note in found.notes if "22 successful trials" in note and "8 diverged" in note]
    assert not any("diverged" in other.sentence for other in found.effects if other is not effect)


def test_failures_that_chance_explains_are_counted_and_not_said(make_row: MakeRow) -> None:
    rows = [
        make_row(config, Status.FAILED, error="no luck")
        if number % 9 == 0
        else make_row(config, val_accuracy=0.9 + number / 1e4)
        for number, config in enumerate(GRID)
    ]
    found = effects(trials_frame(rows))
    assert found.left_out == {"failed": 8}
    assert all(sum(level.num_failed for level in effect.levels) == 8 for effect in found.effects)
    assert not any("failed" in effect.sentence for effect in found.effects)


def test_sweep_without_a_successful_trial_is_reported(make_row: MakeRow) -> None:
    found = effects(trials_frame([make_row(config, Status.DIVERGED) for config in GRID]))
    assert {effect.sentence.partition(": not compared: ")[2] for effect in found.effects} == {"no trial succeeded"}
    assert (found.num_trials, found.left_out, found.interactions) == (0, {"diverged": len(GRID)}, ())


def test_factor_that_the_design_confounds_is_reported(make_trials: MakeTrials) -> None:
    pairs = [(50, 100), (50, 200), (100, 300), (100, 400)]
    configs = [
        TrialConfig(batch_size=size, num_steps=steps, model=CNN(dropout=rate))
        for size, steps in pairs
        for rate in (0.0, 0.1, 0.2)
    ]
    found = by_name(effects(make_trials(configs, lambda _: 0.9)))
    said = "batch_size: confounded with other hyperparameters that change with it; all means leave out 100"
    assert found["batch_size"].sentence == said
    assert found["num_steps"].sentence.endswith("; all means leave out 300, 400, confounded with other hyperparameters")
    assert all(np.isfinite(level.mean) for level in found["model.dropout"].levels)
    assert found["batch_size"].share is None, "it could as well be another's"
    assert not found["batch_size"].significant
    assert np.isfinite(found["model.dropout"].low)


def test_accuracy_that_is_best_in_the_middle_is_not_said_to_rise(make_trials: MakeTrials) -> None:
    peak = {20: 0.9, 50: 0.95, 100: 0.93}
    configs = repeat(grid(TrialConfig(), AXES | {"batch_size": [*peak]}), seeds=3)
    effect = by_name(effects(make_trials(configs, lambda config: peak[config.batch_size])))["batch_size"]
    assert effect.sentence.startswith("batch_size: 50 is ")
    assert "rises" not in effect.sentence


def test_trend_too_weak_for_two_levels_is_said_as_a_trend(make_trials: MakeTrials) -> None:
    configs = grid(TrialConfig(), {"model.dropout": [0.1 * number for number in range(8)], "batch_size": [20, 50, 100]})
    trials = make_trials(configs, lambda config: 0.95 - 0.02 * config.model.dropout, seed=3)
    effect = by_name(effects(trials))["model.dropout"]
    assert not effect.significant
    trend = "dropout: accuracy falls as it rises, though no two levels differ significantly (0 vs "
    assert effect.sentence.startswith(trend)


def test_trend_that_turns_is_said_by_its_best_and_its_worst_level(make_trials: MakeTrials) -> None:
    configs = grid(TrialConfig(), {"model.dropout": [0.1 * number for number in range(8)], "batch_size": [20, 50, 100]})
    values = {number: 0.95 - 0.003 * abs(number - 2) for number in range(8)}
    trials = make_trials(configs, lambda config: values[round(10 * config.model.dropout)], seed=3)
    effect = by_name(effects(trials))["model.dropout"]
    assert not effect.significant
    assert re.match(
        r"dropout: accuracy is best at 0.[23] and worst at 0.7, though no two levels differ", effect.sentence
    )


def test_one_seed_is_warned_of(make_trials: MakeTrials) -> None:
    assert [note for note in effects(make_trials(GRID, lambda _: 0.9)).notes if "--seeds 5" in note]


def test_stopped_trials_are_said_to_flatter_their_levels(make_trials: MakeTrials) -> None:
    trials = make_trials(GRID, lambda _: 0.9)
    assert not [note for note in effects(trials).notes if "fell behind" in note]
    trials.loc[trials.index[:3], "status"] = "stopped"
    assert [note for note in effects(trials).notes if "fell behind" in note]


def test_end_of_an_interval_is_never_minus_nothing() -> None:
    assert (_delta(-0.0004, ACCURACY), _delta(-0.00004, ACCURACY, 0)) == ("0.0", "0.00")


def test_too_few_settings_have_a_difference_and_no_interval(make_trials: MakeTrials) -> None:
    found = effects(make_trials(grid(TrialConfig(), {"batch_size": [50, 100, 200]}), lambda _: 0.9))
    (effect,) = found.effects
    assert effect.sentence.endswith(", with too few configs for an interval")
    assert np.isnan([effect.low, effect.high]).all()
    assert not effect.significant


@pytest.mark.parametrize("seeds", [1, 2])
def test_level_is_not_compared_with_itself_where_all_are_alike(make_trials: MakeTrials, seeds: int) -> None:
    configs = repeat(grid(TrialConfig(), {"batch_size": [10, 20, 30]}), seeds=seeds)
    (effect,) = effects(make_trials(configs, lambda _: 0.5, noise=0)).effects
    assert effect.sentence == "batch_size: no significant effect between 10 and 30 (all have the same mean accuracy)"
