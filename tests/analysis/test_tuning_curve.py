"""Laws of the tuning curve: exact against counting, unbiased, with intervals that hold, and a verdict in words."""

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mnist_sweep import read_trials
from mnist_sweep.analysis.tuning_curve import expected_best_curve, sentence
from mnist_sweep.errors import LedgerError
from mnist_sweep.results.csv_columns import trials_frame
from mnist_sweep.trials.row import Status
from tests.conftest import MakeRow, Refused

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def table(accuracies: Sequence[float] | NDArray[np.float64], seconds: float = 2.0) -> pd.DataFrame:
    """Return trials with these validation accuracies; NaN is a failure."""
    found = np.asarray(accuracies, np.float64)
    status = np.where(np.isnan(found), "failed", "ok")
    return pd.DataFrame(
        {
            "config_id": np.arange(len(found)),
            "status": status,
            "val_accuracy": found,
            "seconds_total": np.where(np.isnan(found), np.nan, seconds),
        }
    )


@pytest.mark.parametrize("accuracies", [[0.3, 0.9, 0.5, 0.5, 0.7], [0.4, math.nan, 0.6, 0.8, math.nan, 0.5]])
def test_expected_best_is_the_mean_over_all_choices_of_trials(accuracies: list[float]) -> None:
    curve = expected_best_curve(table(accuracies))
    for budget, expected in zip(curve["budget"], curve["expected_best"], strict=True):
        choices = itertools.combinations(accuracies, int(budget))
        some = [[one for one in choice if not math.isnan(one)] for choice in choices]
        assert expected == pytest.approx(np.mean([max(choice) for choice in some if choice]))


def test_curve_begins_at_the_mean_ends_at_the_best_and_never_falls() -> None:
    accuracies = np.random.default_rng(0).beta(5, 2, 60)
    curve = expected_best_curve(table(accuracies))
    assert list(curve.columns) == ["budget", "expected_best", "low", "high"]
    assert curve["budget"].tolist() == list(range(1, 61))
    assert curve["expected_best"].iloc[0] == pytest.approx(accuracies.mean())
    assert curve["expected_best"].iloc[-1] == pytest.approx(accuracies.max())
    assert (curve.diff().iloc[1:][["expected_best", "low"]] >= 0).all(axis=None)
    assert ((curve["low"] <= curve["expected_best"]) & (curve["expected_best"] <= curve["high"])).all()
    assert curve["high"].max() <= 1


def test_order_of_the_trials_changes_nothing() -> None:
    accuracies = np.random.default_rng(1).random(20)
    pd.testing.assert_frame_equal(expected_best_curve(table(accuracies)), expected_best_curve(table(accuracies[::-1])))


def test_expected_best_is_unbiased_for_random_trials() -> None:
    """Drawing with replacement, as Dodge et al. do, would expect 0.02 less here (Tang et al. 2020)."""
    draw = np.random.default_rng(2)
    found = np.mean([expected_best_curve(table(draw.random(10)))["expected_best"] for _ in range(300)], axis=0)
    assert found == pytest.approx(np.arange(1, 11) / np.arange(2, 12), abs=0.01)


def draw_grid(draw: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float64]:
    """Return accuracies as sweeps have them: most close to the best, some far below."""
    good = 1 - np.exp(draw.normal(-3.2, 0.4, size))
    return np.where(draw.random(size) < 0.2, draw.uniform(0.1, 0.9, size), good)


def draw_beta(draw: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float64]:
    return draw.beta(5, 2, size)


def draw_normal(draw: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float64]:
    return 0.9 + 0.01 * draw.standard_normal(size)


@pytest.mark.parametrize("shape", [draw_grid, draw_beta, draw_normal])
def test_intervals_hold_in_95_percent_up_to_the_whole_budget(
    shape: Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]],
) -> None:
    draw, held = np.random.default_rng(3), []
    budgets = np.array([2, 10, 20, 40])
    true = np.array([shape(draw, (20_000, num)).max(axis=1).mean() for num in budgets])
    for _ in range(100):
        curve = expected_best_curve(table(shape(draw, (40,)))).set_index("budget").loc[budgets]
        held.append((curve["low"].to_numpy() <= true) & (true <= curve["high"].to_numpy()))
    assert (np.mean(held, axis=0) >= 0.9).all()
    assert 0.93 <= np.mean(held) <= 0.99


@pytest.mark.parametrize("num", [1, 2, 9])
def test_few_trials_have_a_curve_without_an_interval(num: int) -> None:
    trials = table(np.linspace(0.5, 0.7, num))
    curve = expected_best_curve(trials)
    assert len(curve) == num
    assert curve[["low", "high"]].isna().all(axis=None)
    assert "too few" in sentence(trials)


def test_few_of_many_trials_that_succeeded_are_not_called_many() -> None:
    trials = table([0.5, 0.6, *[math.nan] * 50])
    assert sentence(trials) == "Only 2 trials succeeded: too few to predict the gain of more."


@pytest.mark.parametrize("status", [Status.FAILED, Status.DIVERGED])
def test_nothing_that_succeeded_is_an_error_of_one_line(make_row: MakeRow, refused: Refused, status: Status) -> None:
    trials = trials_frame([make_row(status=status)])
    for use in (expected_best_curve, sentence):
        with refused(LedgerError, "no trial succeeded", "mnist-sweep status"):
            use(trials)


def test_curve_of_many_trials_is_that_of_all_its_budgets() -> None:
    accuracies = draw_grid(np.random.default_rng(4), (3000,))
    curve = expected_best_curve(table(accuracies))
    assert len(curve) <= 100
    assert curve["budget"].iloc[-1] == 3000
    assert curve["expected_best"].iloc[-1] == pytest.approx(accuracies.max())
    assert ((curve["low"] <= curve["expected_best"]) & (curve["expected_best"] <= curve["high"])).mean() > 0.97


def test_sweep_whose_best_ones_are_alike_was_large_enough() -> None:
    close = np.r_[np.linspace(0.5, 0.9, 20), 0.95 + np.arange(40) * 1e-5]
    assert "half as many would be expected to reach 95.0" in sentence(table(close))
    assert sentence(table(close)).endswith("the sweep was large enough.")


def test_sweep_whose_best_one_stands_alone_may_pay_more() -> None:
    assert sentence(table(np.linspace(0.5, 0.95, 10))).endswith("more trials may pay off.")


def test_the_best_of_ties_may_be_lucky() -> None:
    text = sentence(table(np.linspace(0.5, 0.95, 10)), all_tied=True)
    assert text.endswith("): as all of them are statistically tied, this may be luck.")


def test_twice_as_many_trials_bring_about_what_is_said() -> None:
    draw, told = np.random.default_rng(5), []
    for _ in range(100):
        text = sentence(table(draw.normal(0.9, 0.02, 40)))
        told.append(float(text.partition("to gain ")[2].partition(" points")[0]) / 100)
    true = draw.normal(0, 0.02, (20_000, 80)).max(axis=1).mean() - draw.normal(0, 0.02, (20_000, 40)).max(axis=1).mean()
    assert true <= np.mean(told) <= 1.4 * true, "careful: it expects a little more than comes"


def test_trials_that_are_all_alike_do_not_show_that_they_are_enough() -> None:
    expected = "All successful trials reached 10.00% on validation: the gain of more cannot be predicted."
    assert sentence(table([0.1] * 10)) == expected


def test_perfect_best_cannot_be_beaten() -> None:
    assert sentence(table([*np.linspace(0.9, 0.97, 9), 1.0])).endswith("More trials cannot improve on that.")


@pytest.mark.parametrize("num_seeds", [1, 5])
def test_seeds_of_a_config_are_one_draw_of_it(num_seeds: int) -> None:
    draw = np.random.default_rng(6)
    means = draw.normal(0.9, 0.01, 20)
    runs = means[:, None] + draw.normal(0, 0.02, (20, num_seeds))
    trials = table(runs.ravel()).assign(config_id=np.repeat(np.arange(20), num_seeds))
    curve, one = expected_best_curve(trials), expected_best_curve(table(runs.mean(axis=1)))
    assert curve["budget"].tolist() == [num_seeds * num for num in one["budget"]]
    pd.testing.assert_frame_equal(curve.drop(columns="budget"), one.drop(columns="budget"))
    assert sentence(trials).startswith(f"The best of 20 {'configs' if num_seeds > 1 else 'trials'} reached ")


@pytest.mark.parametrize(("name", "noun"), [("quickstart", "40 trials"), ("deep_mnist", "20 trials")])
def test_reference_sweeps_have_a_curve_and_a_sentence(name: str, noun: str) -> None:
    trials = read_trials(REFERENCE / name)
    curve = expected_best_curve(trials)
    assert curve["expected_best"].iloc[-1] == pytest.approx(trials.groupby("config_id")["val_accuracy"].mean().max())
    assert curve["budget"].iloc[-1] == len(trials)
    assert sentence(trials).startswith(f"The best of {noun} reached")
