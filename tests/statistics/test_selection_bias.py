"""Laws of selection bias: what the best of many is expected to lose, with an interval that covers it."""

import numpy as np
import pytest
from scipy import stats

from mnist_sweep.statistics.selection_bias import SelectionBias, bias_over_images, bias_over_seeds
from mnist_sweep.statistics.two_way_residuals import ErrorVariance, error_variance
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
    for found in (bias_over_seeds(means, ErrorVariance(1e-6, 6)), bias_over_images(means, 2000)):
        assert found.expected == 0
        assert found.low < 0 < found.high


def test_means_without_error_have_no_bias() -> None:
    assert bias_over_seeds(np.array([0.9, 0.9, 0.9]), ErrorVariance(0.0, 4)) == SelectionBias(0, 0, 0)


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


def bias_of(table: Array) -> SelectionBias:
    """Return the drop of the best config of a table as a selection estimates it."""
    error = error_variance(*long_form(table))
    return bias_over_seeds(table.mean(axis=1), ErrorVariance(error.variance / table.shape[1], error.df))


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
    means = stats.norm.ppf(np.linspace(0.1, 0.9, 9))
    assert bias_over_seeds(means, ErrorVariance(0.5, 8)) == bias_over_seeds(means, ErrorVariance(0.5, 8))
