"""Laws of selection bias: what the best of many is expected to lose, with an interval that covers it."""

import numpy as np
import pytest
from scipy import stats

from mnist_sweep.statistics.multiple_comparisons import worse_over_seeds
from mnist_sweep.statistics.selection_bias import SelectionBias, bias_over_images, bias_over_seeds
from mnist_sweep.statistics.two_way_residuals import error_variance
from tests.benchmarks import errors
from tests.benchmarks.kinds import KINDS
from tests.statistics.long_form import Array, long_form


@pytest.mark.parametrize(("num", "num_seeds"), [(10, 3), (40, 5)])
def test_expected_bias_among_equals_is_what_the_best_of_so_many_gains(num: int, num_seeds: int) -> None:
    draw = np.random.default_rng(num)
    true = draw.standard_normal((20_000, num)).max(axis=1).mean() / np.sqrt(num_seeds)
    found = [bias_of(draw.standard_normal((num, num_seeds))).expected for _ in range(100)]
    assert 0.75 * true <= np.mean(found) <= true, "careful: some of the spread is always taken for real"


@pytest.mark.parametrize("others", [1, 3, 39])
def test_clear_winner_has_no_bias(others: int) -> None:
    means = np.array([0.99, *np.linspace(0.89, 0.9, others)])
    table = means[:, None] + np.random.default_rng(0).normal(0, 0.001, (len(means), 3))
    for found in (bias_of(table), bias_over_images(means, 2000)):
        assert found.expected == 0
        assert found.low < 0 < found.high


def test_bias_of_a_clear_winner_has_an_interval_of_its_own_seeds_with_less_risk_above() -> None:
    noise = np.array([[0.0, 0.0004, 0.0002], [0.02, 0.01, -0.03], [0.02, -0.03, 0.01], [0, 0, 0]])
    found = bias_of(np.array([[0.9943], [0.2], [0.3], [0.098]]) + noise)
    below, above = stats.t.cdf(np.array([found.low, -found.high]) / stats.sem(noise[0]), 2)
    assert (found.expected, above + below, above) == pytest.approx((0, 0.05, 0.015))


def test_of_many_configs_the_best_is_less_lucky_if_accuracies_are_skewed_to_the_left() -> None:
    noise = 0.001 * np.random.default_rng(4).exponential(size=(10, 40, 3))
    to_left, to_right = (np.mean([bias_of(0.9 + sign * one).high for one in noise]) for sign in (-1, 1))
    assert to_left < 0.3 * to_right


def test_means_without_error_have_no_bias() -> None:
    assert bias_of(np.tile(0.9, (3, 3))) == SelectionBias(0, 0, 0)


def test_bias_is_no_more_than_the_lead_over_the_mean() -> None:
    close = np.array([0.9702, 0.97, 0.9698, 0.9699, 0.9701])
    assert bias_over_images(close, 300).expected == pytest.approx(0.0002, rel=1e-3)


def test_images_that_were_easy_for_all_count_in_the_interval() -> None:
    """That accuracies are closer than images allow shows that these are alike; on others all may drop alike."""
    close = np.array([0.9702, 0.97, 0.9698, 0.9699, 0.9701])
    found = bias_over_images(close, 300)
    assert found.high - found.low == pytest.approx(4 * np.sqrt(0.97 * 0.03 / 300), rel=0.1)


def test_best_of_perfect_accuracies_can_only_drop() -> None:
    found = bias_over_images(np.array([1.0, 1.0, 0.99, 0.995]), 300)
    assert 0 <= found.low < found.expected < found.high


@pytest.mark.parametrize("true", [0.97, 0.99, 0.995])
def test_interval_of_the_bias_over_images_covers_the_drop_from_nearly_all(true: float) -> None:
    means = np.random.default_rng(3).binomial(300, true, (300, 4)) / 300
    drops = zip(means.max(axis=1) - true, (bias_over_images(one, 300) for one in means), strict=True)
    assert np.mean([found.low <= drop <= found.high for drop, found in drops]) >= 0.93


@pytest.mark.parametrize(("true", "spread"), [(0.9, 0.02), (0.97, 0.01), (0.97, 0.0)])
def test_interval_of_the_bias_covers_the_drop_where_images_are_hard_for_all_configs_alike(
    true: float, spread: float
) -> None:
    draw, covered = np.random.default_rng(7), []
    for _ in range(400):
        accuracies = np.clip(draw.normal(true, spread, 10), 0, 0.999)
        seen = 0.9 * draw.standard_normal(400) + np.sqrt(0.19) * draw.standard_normal((10, 400))
        means = (seen < stats.norm.ppf(accuracies)[:, None]).mean(axis=1)
        found, best = bias_over_images(means, 400), int(means.argmax())
        covered.append(found.low <= means[best] - accuracies[best] <= found.high)
    assert np.mean(covered) >= 0.92


def test_interval_of_the_bias_of_accuracies_of_0_holds_it() -> None:
    found = bias_over_images(np.zeros(4), 300)
    assert found.low < found.expected == found.high == 0


def bias_of(table: Array) -> SelectionBias:
    """Return the bias of the best config of a table as a selection estimates it, among those tied with it."""
    found, best = long_form(table, ~np.isnan(table)), int(np.nanmean(table, axis=1).argmax())
    error = error_variance(*found)
    worse = worse_over_seeds(*found, best, error) if error.variance > 1e-20 else np.zeros(len(table), np.bool_)
    tied = np.flatnonzero(~worse)
    kept = long_form(table[tied], ~np.isnan(table[tied]))
    return bias_over_seeds(*kept, int(np.searchsorted(tied, best)))


@pytest.mark.parametrize(("num_images", "spread"), [(300, 0.02), (5000, 0.0), (5000, 0.003)])
def test_interval_of_the_bias_over_images_holds_the_drop(num_images: int, spread: float) -> None:
    draw, held = np.random.default_rng(8), []
    for _ in range(300):
        true = np.minimum(draw.normal(0.95, spread, 20), 1)
        means = draw.binomial(num_images, true) / num_images
        found, best = bias_over_images(means, num_images), int(means.argmax())
        held.append(found.low <= means[best] - true[best] <= found.high)
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("spread", [0.0, 0.6, 3.0])
def test_interval_of_the_bias_over_seeds_covers_the_drop(spread: float) -> None:
    draw = np.random.default_rng(7)
    held = []
    for _ in range(200):
        true = draw.normal(0, spread, 20)
        table = draw.normal(true[:, None], 1, (20, 5))
        best, found = int(table.mean(axis=1).argmax()), bias_of(table)
        held.append(found.low <= table[best].mean() - true[best] <= found.high)
    assert np.mean(held) >= 0.92


def test_same_accuracies_have_the_same_bias() -> None:
    found = long_form(np.random.default_rng(9).normal(0.9, 0.01, (9, 3)))
    assert bias_over_seeds(*found, 0) == bias_over_seeds(*found, 0)


@pytest.mark.parametrize("kind", ["equal", "half constant", "shared seeds", "log-normal spreads, 0.5"])
def test_interval_covers_the_drop_on_data_that_is_not_ideal(kind: str) -> None:
    assert 0.91 <= errors.selections(kind, 10, 3, 60)["bias_covered"] <= 1


def test_interval_allows_for_accuracies_that_are_skewed() -> None:
    """A mean without a low run is too good, and its spread too small: the risk beyond the upper end is kept small."""
    assert errors.selections("skewed", 2, 10, 200)["bias_covered"] >= 0.94


def test_run_far_from_the_others_of_its_config_leaves_no_interval() -> None:
    """What collapses cost on average, seeds that happen to show one cannot tell, and those that show none cannot."""
    table = np.random.default_rng(0).normal(0.97, 0.003, (10, 3))
    assert np.isfinite(bias_of(table)).all()
    table[4, 1] = 0.1
    assert np.isnan(bias_of(table)).all()


def test_configs_that_vary_unequally_are_not_taken_for_collapses() -> None:
    given = [errors.selections(kind, 10, 3, 30)["bias_given"] for kind in ("one 5 times as noisy", "heavy tails")]
    assert min(given) > 0.9


def test_noise_of_seeds_that_all_configs_share_is_not_made_of_chance() -> None:
    """With three seeds, a t quantile of 4.3 of an excess by chance made intervals of few configs too wide."""
    draw, widths = np.random.default_rng(5), []
    for _ in range(100):
        table = draw.standard_normal((5, 3))
        found = bias_of(table)
        widths.append(found.high - found.low)
    assert np.median(widths) < 3


@pytest.mark.slow
@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "collapses"])
def test_interval_covers_the_drop_on_every_kind_of_data(kind: str, num_seeds: int) -> None:
    figures = errors.selections(kind, 10, num_seeds, 500)
    assert 0.92 <= figures["bias_covered"] <= 0.99
    assert max(figures["called_worse"], figures["best_lost"]) <= 0.06
