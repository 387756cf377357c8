"""Laws of effects: what was planted is found with its uncertainty, what was not is not, and no trial becomes a 0."""

import io
import itertools
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from mnist_sweep import CNN, MNIST, Adam, Digits, GradientDescent, Momentum, Softmax, TrialConfig, grid, repeat
from mnist_sweep.analysis.effects import anova, sentences
from mnist_sweep.analysis.effects.design import design
from mnist_sweep.analysis.effects.effect import Effect, Effects, effects_frame
from mnist_sweep.analysis.effects.estimation import effects
from mnist_sweep.cli.views.effects import show
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.frames import trials_frame
from mnist_sweep.results.tables import read_trials, write_tables
from mnist_sweep.search.space import Choice, LogUniform, Uniform, sample, zipped
from mnist_sweep.trials.row import Status, TrialRow
from tests.benchmarks import coverage

MakeRow = Callable[..., TrialRow]
Planted = Callable[[TrialConfig], float]
MakeTrials = Callable[..., pd.DataFrame]
AXES = {
    "model.filters": [(8,), (16,), (8, 16)],
    "model.dropout": [0.0, 0.2, 0.4, 0.6],
    "optimizer": [Adam(), GradientDescent(), Momentum()],
    "batch_size": [50, 100],
}
GRID = grid(TrialConfig(), AXES)
GAIN = {"adam": 0.0, "gradient_descent": -0.018, "momentum": -0.009}


@pytest.fixture
def make_trials(make_row: MakeRow) -> MakeTrials:
    """Tables of configs whose accuracy is what is planted and normal noise; a planted NaN is a trial that diverged."""

    def make(configs: Iterable[TrialConfig], planted: Planted, *, noise: float = 0.004, seed: int = 0) -> pd.DataFrame:
        generator = np.random.default_rng(seed)
        rows = []
        for config in configs:
            accuracy = planted(config) + noise * generator.normal()
            good = bool(np.isfinite(accuracy))
            rows.append(
                make_row(config, val_accuracy=accuracy)
                if good
                else make_row(config, Status.DIVERGED, error="not finite")
            )
        return trials_frame(rows)

    return make


def optimizer_of(config: TrialConfig) -> str:
    return {Adam: "adam", GradientDescent: "gradient_descent", Momentum: "momentum"}[type(config.optimizer)]


def by_name(found: Effects) -> dict[str, Effect]:
    return {effect.name: effect for effect in found.effects}


def test_planted_effects_are_found_and_no_others(make_trials: MakeTrials) -> None:
    found = by_name(effects(make_trials(GRID, lambda config: 0.95 + GAIN[optimizer_of(config)])))
    assert sorted(found) == ["batch_size", "model.dropout", "model.filters", "optimizer"]
    assert [name for name, effect in found.items() if effect.shown] == ["optimizer"]
    assert found["optimizer"].low <= 0.018 <= found["optimizer"].high
    assert found["optimizer"].high - found["optimizer"].low < 0.01
    levels = {level.value: level for level in found["optimizer"].levels}
    assert all(levels[name].low <= 0.95 + gain <= levels[name].high for name, gain in GAIN.items())
    assert [level.n for level in found["model.dropout"].levels] == [18] * 4


def test_sentences_say_the_effect_its_interval_and_what_is_not_shown(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda config: 0.95 + GAIN[optimizer_of(config)]))
    first, *others = (effect.sentence for effect in found.effects)
    best = found.effects[0]
    assert first == (
        f"optimizer adam over gradient_descent: +{100 * best.difference:.1f} points, 95% interval "
        f"{100 * best.low:.1f} to {100 * best.high:.1f}, best and worst of 3"
    )
    assert sorted(sentence.partition(" (")[0] for sentence in others) == [
        "batch_size: no effect shown between 50 and 100",
        "dropout: no effect shown between 0 and 0.6",
        "filters: no effect shown among 3 values",
    ]


def test_planted_interaction_is_found_and_no_other(make_trials: MakeTrials) -> None:
    def planted(config: TrialConfig) -> float:
        return 0.95 + (0.01 if optimizer_of(config) == "adam" else -0.01) * (1 if config.batch_size == 50 else -1)

    found = effects(make_trials(GRID, planted))
    shown = [pair for pair in found.interactions if pair.shown]
    assert [set(pair.names) for pair in shown] == [{"optimizer", "batch_size"}]
    assert shown[0].share == pytest.approx(0.75, abs=0.1)
    assert "what one does depends on the other" in shown[0].sentence
    assert len(found.interactions) == 5


def test_confounded_sample_is_put_right(make_trials: MakeTrials) -> None:
    configs = [
        replace(config, batch_size=size)
        for config in GRID[::2]
        for size in ([50] * 2 + [100] if optimizer_of(config) == "adam" else [100] * 3)
    ]
    configs = [replace(config, num_steps=1000 + number) for number, config in enumerate(configs)]
    trials = make_trials(configs, lambda config: 0.95 + GAIN[optimizer_of(config)]).drop(columns="num_steps")
    plain = trials.groupby("batch_size")["val_accuracy"].mean()
    found = by_name(effects(trials))
    assert abs(plain[50] - plain[100]) > 0.007
    assert not found["batch_size"].shown
    assert found["batch_size"].difference < 0.004
    assert found["optimizer"].low <= 0.018 <= found["optimizer"].high


def test_two_levels_with_seeds_are_scipys_paired_t_test(make_trials: MakeTrials) -> None:
    trials = make_trials(repeat(grid(TrialConfig(), {"batch_size": [50, 100]}), seeds=6), lambda _: 0.95)
    (effect,) = effects(trials).effects
    one, other = (group["val_accuracy"].to_numpy() for _, group in trials.groupby("batch_size"))
    low, high = stats.ttest_rel(one, other).confidence_interval()
    expected = (low, high) if one.mean() > other.mean() else (-high, -low)
    assert (effect.low, effect.high) == pytest.approx(tuple(expected), rel=1e-9)
    for level, values in zip(effect.levels, (one, other), strict=True):
        interval = stats.t.interval(0.95, 5, loc=values.mean(), scale=stats.sem(values))
        assert (level.mean, level.low, level.high) == pytest.approx((values.mean(), *interval), rel=1e-9)


def test_many_settings_of_one_hyperparameter_are_scipys_tukey_test(make_trials: MakeTrials) -> None:
    configs = [
        replace(config, num_steps=1000 + number)
        for number, config in enumerate(grid(TrialConfig(), {"optimizer": AXES["optimizer"]}) * 5)
    ]
    trials = make_trials(configs, lambda config: 0.95 + GAIN[optimizer_of(config)]).drop(columns="num_steps")
    (effect,) = effects(trials).effects
    groups = [group["val_accuracy"].to_numpy() for _, group in trials.groupby("optimizer")]
    means = [group.mean() for group in groups]
    best, worst = int(np.argmax(means)), int(np.argmin(means))
    interval = stats.tukey_hsd(*groups).confidence_interval()
    assert effect.low == pytest.approx(interval.low[best, worst], rel=1e-4)
    assert effect.high == pytest.approx(interval.high[best, worst], rel=1e-4)


def test_interaction_has_the_p_of_the_textbook() -> None:
    # Two by three with two settings in a cell: Snedecor and Cochran's sums of squares, by hand.
    codes = np.array(list(itertools.product(range(2), range(3), range(2))))[:, :2]
    accuracy = np.random.default_rng(5).random(12)
    cells = accuracy.reshape(2, 3, 2)
    rows, columns = cells.mean(axis=(1, 2), keepdims=True), cells.mean(axis=(0, 2), keepdims=True)
    inside = cells.mean(axis=2, keepdims=True)
    together = 2 * ((inside - rows - columns + cells.mean()) ** 2).sum() / 2
    expected = stats.f.sf(together / (((cells - inside) ** 2).sum() / 6), 2, 6)
    _, (pair,) = anova.analyse(design(accuracy, codes, np.arange(12), np.zeros(12, int)))
    assert pair.p == pytest.approx(expected, rel=1e-9)


DESIGNS: dict[str, dict[str, Any]] = {
    "grid, one seed": {},
    "grid, one seed, interaction": {"interaction": 0.02},
    "grid, three seeds with shared noise": {"num_seeds": 3, "shared": 0.01},
    "grid, five seeds, a tenth missing": {"num_seeds": 5, "missing": 0.1},
    "sample": {"sample": 50, "unexplained": 0.01},
    "sample, three seeds": {"sample": 50, "num_seeds": 3, "unexplained": 0.01, "nums": (2, 2, 2)},
    "sample, two seeds": {"sample": 50, "num_seeds": 2, "unexplained": 0.01, "shared": 0.01, "nums": (2, 2, 2)},
    "sample, three seeds with shared noise": {"sample": 50, "num_seeds": 3, "shared": 0.005, "nums": (2, 2, 2)},
    "sample, five seeds": {"sample": 50, "num_seeds": 5, "unexplained": 0.01, "shared": 0.005, "nums": (2, 2, 2)},
}


@pytest.mark.parametrize("design", DESIGNS)
def test_95_percent_intervals_hold_the_truth_in_95_percent_of_sweeps(design: str) -> None:
    means, differences = coverage.held(DESIGNS[design], 500)
    assert 0.93 <= means <= 0.97
    assert 0.93 <= differences <= 0.97


@pytest.mark.parametrize("design", [name for name in DESIGNS if "interaction" not in name])
def test_nothing_planted_is_shown_in_5_percent_of_sweeps(design: str) -> None:
    effects, trends, pairs = coverage.shown(DESIGNS[design], 100)
    assert effects <= 0.07
    assert trends <= 0.08
    assert pairs <= 0.08


@pytest.mark.parametrize(("levels", "num_seeds"), [((2,), 2), ((2, 2), 1), ((2, 2), 2)])
def test_accuracies_that_count_few_images_show_nothing_by_chance_in_more_than_5_percent(
    levels: tuple[int, ...], num_seeds: int
) -> None:
    """Whole images are often the same by chance, and then nothing seems to scatter."""
    draw, shown = np.random.default_rng(1), []
    settings = np.array([*itertools.product(*map(range, levels))])
    codes, seed = np.repeat(settings, num_seeds, axis=0), np.tile(np.arange(num_seeds), len(settings))
    for _ in range(500):
        accuracy = np.round(300 * draw.normal(0.97, 0.003, len(seed))) / 300
        setting = np.repeat(np.arange(len(settings)), num_seeds)
        model, _ = anova.analyse(design(accuracy, codes, setting, seed, rounding=1 / (12 * 300**2)))
        shown.append(anova.means(model, 0).difference.low > 0)
    assert np.mean(shown) <= 0.05


def test_size_of_the_validation_split_bounds_what_seeds_can_show(make_row: MakeRow) -> None:
    configs = repeat(grid(TrialConfig(), {"batch_size": [50, 100]}), seeds=2)
    accuracies = {50: 0.95, 100: 0.96}
    (effect,) = effects(
        trials_frame([make_row(config, val_accuracy=accuracies[config.batch_size]) for config in configs])
    ).effects
    assert not effect.shown
    assert effect.low < 0 < effect.high


def test_seeds_of_a_setting_are_no_new_settings(make_trials: MakeTrials) -> None:
    configs = sample(
        TrialConfig(),
        {"batch_size": Choice((50, 100)), "model.dropout": Uniform(low=0, high=0.5)},
        num_trials=30,
        seed=0,
    )
    luck = dict(zip(configs, 0.01 * np.random.default_rng(0).normal(size=30), strict=True))

    def planted(config: TrialConfig) -> float:
        return 0.9 + float(luck[replace(config, seed=0)])

    once = by_name(effects(make_trials(configs, planted, noise=0)))["batch_size"]
    often = by_name(effects(make_trials(repeat(configs, seeds=5), planted, noise=1e-6)))["batch_size"]
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.01)


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
    assert effect.sentence.endswith("; 1 diverged in 8 of 10 trials, the others in 0 of 20")
    assert [(level.n, level.num_diverged, level.num_failed) for level in effect.levels] == [
        (10, 0, 0),
        (10, 0, 0),
        (2, 8, 0),
    ]
    assert min(level.mean for level in effect.levels) > 0.94
    assert (found.num_trials, found.left_out) == (22, {"diverged": 8})
    assert [note for note in found.notes if "22 trials" in note and "8 diverged" in note]
    assert not any("diverged" in other.sentence for other in found.effects if other is not effect)


def test_level_that_never_ended_well_has_no_mean_and_the_others_are_compared(make_trials: MakeTrials) -> None:
    def planted(config: TrialConfig) -> float:
        return float("nan") if config.batch_size == 200 else 0.95 + 0.02 * (config.batch_size == 50)

    configs = grid(
        TrialConfig(), {"batch_size": [50, 100, 200], "model.dropout": [0.1 * number for number in range(6)]}
    )
    effect = by_name(effects(make_trials(configs, planted)))["batch_size"]
    assert effect.levels[2].n == 0
    assert np.isnan([effect.levels[2].mean, effect.levels[2].low, effect.levels[2].high]).all()
    assert effect.low <= 0.02 <= effect.high
    assert "200 diverged in 6 of 6 trials" in effect.sentence


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


def test_sweep_without_a_good_trial_is_told(make_row: MakeRow) -> None:
    found = effects(trials_frame([make_row(config, Status.DIVERGED) for config in GRID]))
    assert {effect.sentence.partition(", since ")[2] for effect in found.effects} == {"no trial ended well"}
    assert (found.num_trials, found.left_out, found.interactions) == (0, {"diverged": len(GRID)}, ())


def test_axis_of_whole_optimizers_is_one_hyperparameter(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda _: 0.9))
    assert not any(effect.name.startswith("optimizer.") for effect in found.effects)


def test_number_of_a_part_is_compared_within_the_part(make_trials: MakeTrials) -> None:
    optimizers = [Adam(learning_rate=0.001), Adam(learning_rate=0.01), Adam(learning_rate=0.1), Momentum()]
    configs = grid(TrialConfig(), {"optimizer": optimizers, "model.dropout": [0.1 * number for number in range(8)]})

    def planted(config: TrialConfig) -> float:
        return (
            0.95 - 0.02 * (config.optimizer == Adam(learning_rate=0.1)) - 0.01 * isinstance(config.optimizer, Momentum)
        )

    found = by_name(effects(make_trials(configs, planted, noise=0.002)))
    rate = found["optimizer.learning_rate (adam)"]
    assert sorted(found) == ["model.dropout", "optimizer", "optimizer.learning_rate (adam)"]
    assert rate.sentence.startswith("learning_rate of adam 0.0")
    assert rate.low <= 0.02 <= rate.high
    assert [level.n for level in rate.levels] == [8, 8, 8]
    assert found["optimizer"].low <= 0.01 - 0.02 / 3 <= found["optimizer"].high


def test_columns_that_change_together_are_one_hyperparameter(make_trials: MakeTrials) -> None:
    configs = [
        replace(config, model=model)
        for config in zipped(TrialConfig(), {"batch_size": [50, 100, 200], "num_steps": [400, 200, 100]})
        for model in (CNN(filters=(8,), units=64), CNN(filters=(16,), units=64), CNN(filters=(8, 8), units=128))
    ]
    found = effects(make_trials(configs, lambda _: 0.9))
    assert sorted(by_name(found)) == ["model.filters + model.units", "num_steps + batch_size"]
    assert sum("change only together" in note for note in found.notes) == 2
    values = [level.value for level in by_name(found)["num_steps + batch_size"].levels]
    assert sorted(values) == ["100 + 200", "200 + 100", "400 + 50"]


def test_parts_that_change_together_keep_their_own_numbers(make_trials: MakeTrials) -> None:
    configs = [TrialConfig(data=MNIST(), model=Softmax()), TrialConfig(data=Digits(), model=CNN(units=64))]
    configs += [TrialConfig(data=Digits(), model=CNN(units=128))]
    found = by_name(effects(make_trials(repeat(configs, seeds=5), lambda _: 0.9)))
    assert sorted(found) == ["data + model", "model.units (cnn)"]


def test_what_the_design_cannot_tell_apart_is_said(make_trials: MakeTrials) -> None:
    pairs = [(50, 100), (50, 200), (100, 300), (100, 400)]
    configs = [
        TrialConfig(batch_size=size, num_steps=steps, model=CNN(dropout=rate))
        for size, steps in pairs
        for rate in (0.0, 0.1, 0.2)
    ]
    found = by_name(effects(make_trials(configs, lambda _: 0.9)))
    assert (
        found["batch_size"].sentence
        == "batch_size: cannot be told apart from other hyperparameters that change with it"
    )
    assert not found["batch_size"].shown
    assert np.isfinite(found["model.dropout"].low)


def test_numbers_of_many_values_are_grouped_and_their_trend_is_said(make_trials: MakeTrials) -> None:
    axes: dict[str, Any] = {
        "model.dropout": Uniform(low=0, high=0.5),
        "optimizer.learning_rate": LogUniform(low=1e-4, high=1e-1),
    }
    configs = sample(TrialConfig(), axes, num_trials=100, seed=0)
    found = effects(make_trials(configs, lambda config: 0.95 - 0.04 * config.model.dropout))
    dropout, rate = by_name(found)["model.dropout"], by_name(found)["optimizer.learning_rate"]
    assert [level.n for level in dropout.levels] == [20] * 5
    assert dropout.sentence.endswith("; accuracy falls as it rises")
    assert not rate.shown
    assert "rises" not in rate.sentence
    assert [note for note in found.notes if "groups" in note and "dropout" in note and "learning_rate" in note]


def test_accuracy_that_is_best_in_the_middle_is_not_said_to_rise(make_trials: MakeTrials) -> None:
    peak = {20: 0.9, 50: 0.95, 100: 0.93}
    configs = repeat(grid(TrialConfig(), AXES | {"batch_size": [*peak]}), seeds=3)
    effect = by_name(effects(make_trials(configs, lambda config: peak[config.batch_size])))["batch_size"]
    assert effect.sentence.startswith("batch_size 50 over 20: +")
    assert "rises" not in effect.sentence


def test_trend_too_weak_for_two_levels_is_said_as_a_trend(make_trials: MakeTrials) -> None:
    configs = grid(TrialConfig(), {"model.dropout": [0.1 * number for number in range(8)], "batch_size": [20, 50, 100]})
    trials = make_trials(configs, lambda config: 0.95 - 0.02 * config.model.dropout, seed=3)
    effect = by_name(effects(trials))["model.dropout"]
    assert not effect.shown
    assert effect.sentence.startswith("dropout: accuracy falls as it rises, though no two levels are shown to differ")


def test_seed_is_noise_and_no_hyperparameter(make_trials: MakeTrials) -> None:
    configs = repeat(grid(TrialConfig(), {"batch_size": [50, 100], "model.dropout": [0.0, 0.5]}), seeds=4)
    luck = [0.0, 0.05, -0.05, 0.02]
    found = effects(
        make_trials(configs, lambda config: 0.9 + luck[config.seed] + 0.01 * (config.batch_size == 50), noise=5e-4)
    )
    assert sorted(by_name(found)) == ["batch_size", "model.dropout"]
    assert by_name(found)["batch_size"].low == pytest.approx(0.01, abs=0.003)
    assert [note for note in found.notes if "standard deviation of 4." in note]


def test_one_seed_is_warned_of(make_trials: MakeTrials) -> None:
    assert [note for note in effects(make_trials(GRID, lambda _: 0.9)).notes if "--seeds 5" in note]


def test_stopped_trials_are_said_to_flatter_their_levels(make_trials: MakeTrials) -> None:
    trials = make_trials(GRID, lambda _: 0.9)
    assert not [note for note in effects(trials).notes if "fell behind" in note]
    trials.loc[trials.index[:3], "status"] = "stopped"
    assert [note for note in effects(trials).notes if "fell behind" in note]


def test_shares_are_those_planted(make_trials: MakeTrials) -> None:
    def planted(config: TrialConfig) -> float:
        return 0.9 + 0.02 * (config.batch_size == 50) + 0.01 * (optimizer_of(config) != "adam")

    shares = {name: effect.share for name, effect in by_name(effects(make_trials(GRID, planted, noise=1e-4))).items()}
    by_hand = {"batch_size": 0.02**2 / 4, "optimizer": 0.01**2 * 2 / 9}
    for name, variance in by_hand.items():
        assert shares[name] == pytest.approx(variance / sum(by_hand.values()), abs=0.05)
    assert shares["model.dropout"] == pytest.approx(0, abs=0.01)


def test_same_trials_have_the_same_effects_in_any_order(make_trials: MakeTrials) -> None:
    trials = make_trials(repeat(GRID, seeds=2), lambda config: 0.95 + GAIN[optimizer_of(config)])
    one, other = effects(trials), effects(trials.sample(frac=1, random_state=0))
    for effect in one.effects:
        again = by_name(other)[effect.name]
        assert (again.difference, again.low) == pytest.approx((effect.difference, effect.low), rel=1e-6)
        assert {level.value: level.n for level in again.levels} == {level.value: level.n for level in effect.levels}


def test_table_that_was_read_has_the_same_effects_as_its_rows(make_row: MakeRow, tmp_path: Path) -> None:
    rows = [make_row(config, val_accuracy=0.9 + number / 1e3) for number, config in enumerate(GRID)]
    write_tables(tmp_path, rows)
    assert effects(read_trials(tmp_path)) == effects(trials_frame(rows))


def test_field_that_an_older_version_does_not_have_is_no_hyperparameter(make_row: MakeRow) -> None:
    rows = [make_row(config, val_accuracy=0.9 + number / 1e3) for number, config in enumerate(GRID)]
    old = [
        replace(
            row, version="0.0.9", config={name: value for name, value in row.config.items() if name != "weight_decay"}
        )
        for row in rows[::3]
    ]
    assert "weight_decay" not in by_name(effects(trials_frame([*old, *rows[1::3], *rows[2::3]])))


def test_end_of_an_interval_is_never_minus_nothing() -> None:
    assert (sentences._points(-0.0004), sentences._points(-0.00004, 0)) == ("0.0", "0.00")


def test_none_is_a_value_of_its_own(make_trials: MakeTrials) -> None:
    configs = grid(TrialConfig(), {"log_every": [None, 10], "model.dropout": [0.0, 0.2, 0.4, 0.5]})
    effect = by_name(effects(make_trials(configs, lambda config: 0.9 + 0.05 * (config.log_every is None))))["log_every"]
    assert [level.value for level in effect.levels] == ["10", "none"]
    assert effect.sentence.startswith("log_every none over 10: +")


def test_too_few_settings_have_a_difference_and_no_interval(make_trials: MakeTrials) -> None:
    found = effects(make_trials(grid(TrialConfig(), {"batch_size": [50, 100, 200]}), lambda _: 0.9))
    (effect,) = found.effects
    assert effect.sentence.endswith("points, but too few settings for an interval")
    assert np.isnan([effect.low, effect.high]).all()
    assert not effect.shown


@pytest.mark.parametrize("seeds", [1, 3])
def test_accuracies_without_any_noise_break_nothing(make_trials: MakeTrials, seeds: int) -> None:
    found = by_name(
        effects(make_trials(repeat(GRID, seeds=seeds), lambda c: 0.9 + 0.01 * (c.batch_size == 50), noise=0))
    )
    assert [name for name, effect in found.items() if effect.shown] == ["batch_size"]
    assert found["batch_size"].difference == pytest.approx(0.01, abs=1e-12)
    assert not any(
        effect.shown for effect in effects(make_trials(repeat(GRID, seeds=seeds), lambda _: 0.9, noise=0)).effects
    )


@pytest.mark.parametrize("seeds", [1, 2])
def test_level_is_not_compared_with_itself_where_all_are_alike(make_trials: MakeTrials, seeds: int) -> None:
    configs = repeat(grid(TrialConfig(), {"batch_size": [10, 20, 30]}), seeds=seeds)
    (effect,) = effects(make_trials(configs, lambda _: 0.5, noise=0)).effects
    assert effect.sentence == "batch_size: no effect shown between 10 and 30 (all have the same mean accuracy)"


def test_trials_that_differ_in_nothing_have_no_effects(make_trials: MakeTrials) -> None:
    found = effects(make_trials(repeat(TrialConfig(), seeds=3), lambda _: 0.9))
    assert (found.effects, found.interactions, found.num_trials) == ((), (), 3)
    assert "No hyperparameter varies among these trials." in found.notes
    assert len(effects_frame(found)) == 0


def test_table_without_trials_is_told_with_the_way_out(refused: Callable[..., AbstractContextManager[None]]) -> None:
    with refused(LedgerError, "none", "run the sweep"):
        effects(trials_frame([]))


def test_frame_has_a_line_for_each_level(make_trials: MakeTrials) -> None:
    found = effects(make_trials(GRID, lambda config: 0.95 + GAIN[optimizer_of(config)]))
    frame = effects_frame(found)
    assert list(frame) == ["name", "level", "n", "mean", "low", "high", "share", "sentence"]
    assert list(frame["level"][:3]) == [level.value for level in found.effects[0].levels]
    assert len(frame) == 3 + 4 + 3 + 2
    assert list(frame["sentence"].unique()) == [effect.sentence for effect in found.effects]


def test_screen_shows_every_sentence_level_and_note_as_text(make_trials: MakeTrials) -> None:
    trials = make_trials(
        GRID, lambda config: 0.95 + 0.02 * (config.batch_size == 50) * (optimizer_of(config) == "adam")
    )
    trials["precision"] = np.where(np.arange(len(trials)) % 2, "[bold]loud", json.dumps(["[red]"]))
    found = effects(trials)
    console = Console(width=200, file=io.StringIO())
    show(found, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    said = [effect.sentence for effect in found.effects] + [pair.sentence for pair in found.interactions if pair.shown]
    values = [level.value for effect in found.effects for level in effect.levels]
    assert [part for part in [*said, *found.notes, *values] if part not in text] == []
    assert "diverged" not in text
    assert "[bold]loud" in text
    assert "[red]" in text


def test_no_interval_goes_beyond_what_accuracies_can_differ_by(make_trials: MakeTrials) -> None:
    """Two seeds that disagree say nothing of the effect, and it is still none of more than 100 points."""

    def planted(config: TrialConfig) -> float:
        return 0.1 + 0.8 * (config.seed == 0) * (config.batch_size == 50)

    configs = repeat(grid(TrialConfig(), {"batch_size": [50, 100]}), seeds=2)
    (effect,) = effects(make_trials(configs, planted, noise=0)).effects
    assert (effect.low, effect.high) == (-1, 1)
