"""Laws of the selection: by validation only, with intervals, corrected for all pairs."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mnist_sweep import Softmax, TrialConfig, read_trials
from mnist_sweep.analysis.selection import select
from mnist_sweep.analysis.selection_wording import ONE_SEED, UNTESTABLE
from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.results.csv_columns import all_frames, trials_frame
from mnist_sweep.statistics.intervals import half_width_of_mean, interval_of_sum, wilson_interval
from mnist_sweep.trials.row import Status
from tests.analysis.tables import text
from tests.analysis.tables import trials as table
from tests.conftest import MakeRow, Refused

HARD = SimpleNamespace(cdf=stats.beta.cdf(0.5, 2, 0.2), sf=stats.beta.sf(0.5, 2, 0.2))  # shares of hard and easy images
REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quickstart"


def test_the_best_mean_on_validation_is_selected_whatever_test_says() -> None:
    trials = table({"a": [0.9, 0.92], "b": [0.99, 0.8], "c": [0.93, 0.9]})
    trials["test_accuracy"] = [0.1, 0.2, 0.9, 0.9, 0.3, 0.4]
    found = select(trials)
    assert (found.config_id, found.n, found.num_compared) == ("c", 2, 3)
    assert found.test_mean == pytest.approx(0.35)


def test_ties_go_to_the_smaller_loss() -> None:
    trials = table({"a": [0.9], "b": [0.9], "c": [0.9]})
    assert select(trials.assign(val_loss=[0.3, 0.1, 0.2])).tied == ("b", "c", "a")


def test_order_of_the_rows_changes_nothing() -> None:
    draw = np.random.default_rng(0)
    trials = table({name: draw.normal(0.95, 0.01, 3).tolist() for name in "abcdefgh"})
    assert select(trials.sample(frac=1, random_state=1)) == select(trials)


def test_figures_of_several_seeds_are_those_of_the_summary(make_row: MakeRow) -> None:
    draw = np.random.default_rng(1)
    rows = [
        make_row(TrialConfig(num_steps=steps, seed=seed), val_accuracy=draw.random(), test_accuracy=draw.random())
        for steps in (5, 6, 7)
        for seed in range(4)
    ]
    found, summary = select(trials_frame(rows)), dict(all_frames(rows))["summary"].set_index("config_id")
    line = summary.loc[found.config_id]
    assert line["val_accuracy_mean"] == summary["val_accuracy_mean"].max()
    for name in ("val", "test"):
        for end in ("mean", "low", "high"):
            assert getattr(found, f"{name}_{end}") == pytest.approx(line[f"{name}_accuracy_{end}"])


def test_figures_of_one_seed_have_wilson_intervals(make_row: MakeRow) -> None:
    rows = [make_row(val_accuracy=0.91, test_accuracy=0.9), make_row(TrialConfig(model=Softmax()), val_accuracy=0.5)]
    found = select(trials_frame(rows))
    val, test = (stats.binomtest(count, 300).proportion_ci(method="wilson") for count in (273, 270))
    assert found.val_low <= val.low < val.high <= found.val_high, "it was selected, if from another far behind"
    assert (found.val_low, found.val_high) == pytest.approx((val.low, val.high), abs=0.003)
    assert (found.test_low, found.test_high) == pytest.approx((test.low, test.high))


def test_seeds_that_are_all_alike_have_the_interval_of_one(make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=0.91, test_accuracy=0.9) for seed in range(3)]
    found, one = select(trials_frame(rows)), select(trials_frame(rows[:1]))
    assert (found.val_low, found.val_high) == (one.val_low, one.val_high)
    assert (found.test_low, found.test_high) == (one.test_low, one.test_high)
    assert found.val_low < 0.9 < found.val_high


def test_interval_for_new_images_is_no_narrower_than_the_images_allow() -> None:
    found = select(table({"a": [0.8230, 0.8256, 0.8243], "b": [0.7, 0.71, 0.72]}), num_val=10_000)
    low, high = wilson_interval(0.8243 * 10_000, 10_000)
    assert found.val_new_low < low < found.val_low < found.val_high < high < found.val_new_high
    ends = f"{100 * found.val_new_low:.2f}% to {100 * found.val_new_high:.2f}% for new images"
    assert f"for these validation images, {ends}" in text(found)
    unknown = select(table({"a": [0.8230, 0.8256], "b": [0.7, 0.71]}).drop(columns="data.val_size"))
    assert math.isnan(unknown.val_new_low)
    assert "for these validation images)" in text(unknown)


def test_one_seed_has_the_interval_of_its_trained_model() -> None:
    found = select(table({"a": [0.95], "b": [0.94]}))
    assert (found.val_low, found.val_high) == (found.val_new_low, found.val_new_high)
    assert "% for new images, given this trained model, the best of 2); test" in text(found)
    assert text(found).endswith("--seeds 3`.")
    assert "for new images, given this trained model)" in text(found), "test played no part in the selection"


def test_interval_of_one_seed_covers_although_the_best_of_several_models_is_lucky() -> None:
    draw, covered = np.random.default_rng(8), []
    for _ in range(200):
        accuracies = draw.binomial(300, 0.95, 10) / 300
        found = select(table({str(number): [accuracy] for number, accuracy in enumerate(accuracies)}))
        covered.append(found.val_new_low <= 0.95 <= found.val_new_high)
    assert np.mean(covered) >= 0.93, "that of one model, without selection, covers in 8 of 10"


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 10])
def test_intervals_cover_the_accuracy_for_these_and_for_new_images(num_seeds: int) -> None:
    """Images are easy or hard for all seeds alike, and each seed adds luck of its own."""
    draw, these, new = np.random.default_rng(num_seeds), [], []
    for _ in range(1000):
        easy = draw.beta(2, 0.2, 1000)
        luck = draw.normal(0, 0.01, num_seeds)
        correct = draw.random((num_seeds, 1000)) < np.clip(np.where(easy > 0.5, 0.985, 0.2) + luck[:, None], 0, 1)
        # of the images, the seeds' mean accuracy, and of all images
        of_these, of_all = np.where(easy > 0.5, 0.985, 0.2).mean(), 0.985 * HARD.sf + 0.2 * HARD.cdf
        mean, std = float(correct.mean()), correct.mean(axis=1).std(ddof=1)
        half = float(half_width_of_mean(std, num_seeds))
        low, high = map(float, wilson_interval(mean * 1000, 1000))
        ends = interval_of_sum(mean, (mean - half, mean + half), (low, high))
        these.append(abs(mean - of_these) <= half)
        new.append(ends[0] <= of_all <= ends[1])
    assert 0.93 <= np.mean(these) <= 0.97
    assert 0.94 <= np.mean(new) <= 0.99


def test_drop_leaves_an_accuracy() -> None:
    found = select(table({"a": [0.99, 0.97, 0.98], "b": [0.3, 0.9, 0.6], "c": [0.95, 0.2, 0.4]}))
    assert found.selection_bias_low == pytest.approx(-0.02)
    assert found.selection_bias_high <= found.val_mean


def test_interval_of_several_seeds_ends_where_no_accuracy_lies(make_row: MakeRow) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=0.99 + 0.01 * seed, test_accuracy=0.9) for seed in range(2)]
    assert select(trials_frame(rows)).val_high == 1


def test_configs_that_are_clearly_worse_are_not_among_the_best() -> None:
    draw = np.random.default_rng(3)
    trials = table({name: draw.normal(0.97 - 0.02 * (name in "xyz"), 0.001, 3).tolist() for name in "abcxyz"})
    found = select(trials)
    assert set(found.tied) == set("abc")
    assert found.tied[0] == found.config_id
    assert "Berger and Boos" in found.method
    assert "2 of the 5 other configs are statistically tied with it for these validation images." in text(found)


@pytest.mark.parametrize("num_val", [None, 10_000])
def test_with_one_seed_no_lead_is_called_one_and_the_way_to_test_it_is_said(num_val: int | None) -> None:
    found = select(table({"a": [0.95], "b": [0.94], "c": [0.5]}), num_val=num_val)
    assert (found.tied, found.untested, found.method) == (("a", "b", "c"), ("b", "c"), ONE_SEED)
    assert math.isnan(found.selection_bias)
    assert "its lead cannot be distinguished from seed-to-seed noise" in text(found)
    assert "`--seeds 3`" in text(found)
    assert "expect" not in text(found)


def test_configs_that_share_one_seed_with_the_best_are_not_tested() -> None:
    trials = table({"a": [0.95, 0.953, 0.951], "b": [0.6, 0.603, 0.602], "c": [0.5, math.nan, 0.51], "d": [0.4, 0.41]})
    found = select(trials[(trials["config_id"] != "c") | (trials["seed"] != 2)])
    assert found.tied == ("a",)
    found = select(pd.concat([trials[trials["config_id"] != "d"], table({"d": [0.4, 0.41]}).assign(seed=[2, 7])]))
    assert (found.tied, found.untested) == (("a", "d"), ("d",))


def test_more_images_tell_configs_apart_that_few_do_not_where_seeds_are_all_alike() -> None:
    trials = table({"a": [0.95, 0.95], "b": [0.93, 0.93]})
    assert select(trials).tied == ("a", "b")
    assert "binomial" in select(trials).method
    assert select(trials, num_val=10_000).tied == ("a",)


def test_number_of_images_must_be_one(refused: Refused) -> None:
    with refused(ConfigError, "num_val >= 1", "num_val=0"):
        select(table({"a": [0.95]}), num_val=0)


@pytest.mark.parametrize("sizes", [None, [300, 500], [300, None], ["many", "few"]])
def test_one_seed_with_an_unknown_number_of_images_excludes_nothing(sizes: list[Any] | None) -> None:
    trials = table({"a": [0.95], "b": [0.5]}).drop(columns="data.val_size")
    if sizes is not None:
        trials["data.val_size"] = pd.Series(sizes, dtype="Int64" if sizes[0] == 300 else "object")
    found = select(trials)
    assert found.tied == ("a", "b")
    assert math.isnan(found.val_low)
    assert math.isnan(found.selection_bias)


def test_seeds_that_are_all_alike_leave_nothing_to_test_without_the_number_of_images() -> None:
    found = select(table({"a": [0.95, 0.95], "b": [0.5, 0.5]}).drop(columns="data.val_size"))
    assert (found.tied, found.untested, found.method) == (("a", "b"), ("b",), UNTESTABLE)


def test_drop_is_between_its_ends_and_smaller_with_more_seeds() -> None:
    draw = np.random.default_rng(4)
    few = {str(name): draw.normal(0.95, 0.01, 3).tolist() for name in range(20)}
    many = {name: [*values, *draw.normal(0.95, 0.01, 27).tolist()] for name, values in few.items()}
    one, other = select(table(few)), select(table(many))
    assert one.selection_bias_low < one.selection_bias < one.selection_bias_high
    assert 0 < other.selection_bias < one.selection_bias / 2
    assert "new seeds" in text(one)


def test_one_lucky_seed_does_not_win_where_others_have_several() -> None:
    found = select(table({"lucky": [0.999], "a": [0.95, 0.94, 0.95], "b": [0.93, 0.94, 0.93]}))
    assert (found.config_id, found.num_compared) == ("a", 2)
    assert "one successful seed where most have several: 1 config." in text(found)


def test_seeds_that_no_configs_share_leave_nothing_to_test() -> None:
    found = select(table({"a": [0.95, 0.94], "b": [0.64, 0.65]}).assign(seed=[0, 1, 2, 3]))
    assert (found.tied, found.untested, found.method) == (("a", "b"), ("b",), UNTESTABLE)
    assert "With one seed" not in text(found)
    assert "run each with the same seeds" in text(found)


def test_two_configs_with_two_seeds_that_are_equal_are_called_worse_in_at_most_5_percent() -> None:
    """Accuracies are whole images, so that both seeds often differ by the same number of them by chance."""
    draw = np.random.default_rng(6)
    tables = draw.normal(0.97, 0.003, (400, 2, 2))
    sweeps = [table(dict(zip("ab", (np.round(300 * accuracy) / 300).tolist(), strict=True))) for accuracy in tables]
    assert np.mean([len(select(trials).tied) == 1 for trials in sweeps]) <= 0.05


def test_config_alone_is_selected_without_a_test() -> None:
    found = select(table({"a": [0.95, 0.94]}))
    assert (found.tied, found.selection_bias, found.num_compared) == (("a",), 0, 1)
    assert "from 1 config" in text(found)


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED, Status.STOPPED])
def test_nothing_that_succeeded_is_an_error_of_one_line(make_row: MakeRow, refused: Refused, status: Status) -> None:
    with refused(LedgerError, "no trial succeeded", "mnist-sweep status"):
        select(trials_frame([make_row(status=status)]))


def test_interval_on_test_holds_the_true_accuracy_of_what_was_selected() -> None:
    draw, held = np.random.default_rng(5), []
    names = [str(number) for number in range(10)]
    for _ in range(200):
        true = draw.normal(0.95, 0.002, 10)
        val, correct = draw.binomial(1000, true) / 1000, draw.binomial(1000, true)
        low, high = wilson_interval(correct, 1000)
        trials = table(dict(zip(names, val[:, None].tolist(), strict=True)))
        found = select(trials.assign(test_accuracy=correct / 1000, test_accuracy_low=low, test_accuracy_high=high))
        held.append(found.test_low <= true[int(found.config_id)] <= found.test_high)
    assert 0.93 <= np.mean(held) <= 0.97


def test_reference_sweep_is_read_as_its_readers_read_it() -> None:
    found = select(read_trials(REFERENCE))
    assert (found.config_id, found.n, found.num_compared) == ("860ce0bafd68", 1, 40)
    assert (len(found.tied), len(found.untested), found.method) == (40, 39, ONE_SEED)
    assert found.sentences[0] == "Selected by validation accuracy from 40 configs: 860ce0bafd68 (1 seed)."
    assert found.sentences[1].startswith("Validation accuracy 97.33%")
