"""Laws of the set that is no worse than the best: how often it errs where all are equal, and what it sees otherwise."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mnist_sweep.statistics import unequal_variances
from mnist_sweep.statistics.multiple_comparisons import (
    Drop,
    Noise,
    drop_on_other_images,
    drop_with_other_seeds,
    seed_noise,
    worse_by_images,
    worse_by_seeds,
)
from tests.benchmarks import equals

NUM_SIMULATIONS = 1000
Array = NDArray[np.float64]


class Design(NamedTuple):
    accuracy: Array
    config: NDArray[np.intp]
    seed: NDArray[np.intp]


def design(table: Array, kept: NDArray[np.bool_] | None = None) -> Design:
    """Return a table of accuracies, configs down and seeds across, in long form, without what is not kept."""
    config, seed = np.indices(table.shape).reshape(2, -1)
    keep = np.ones(table.size, np.bool_) if kept is None else kept.ravel()
    return Design(table.ravel()[keep], config[keep], seed[keep])


def worse(table: Array) -> NDArray[np.bool_]:
    found = design(table)
    return worse_by_seeds(*found, int(table.mean(axis=1).argmax()), seed_noise(*found))


@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("num_configs", [4, 10, 40])
def test_equal_configs_are_called_worse_in_at_most_5_percent_of_sweeps(num_configs: int, num_seeds: int) -> None:
    draw = np.random.default_rng(num_configs + num_seeds)
    tables = draw.normal(0.97, 0.003, (NUM_SIMULATIONS, num_configs, num_seeds))
    tables += draw.normal(0, 0.01, (NUM_SIMULATIONS, 1, num_seeds))
    assert np.mean([worse(table).any() for table in tables]) <= 0.05


@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("layout", ["log-normal, 0.5", "every other 3 times", "every tenth 5 times"])
def test_seeds_that_vary_more_at_some_settings_do_not_break_the_test(layout: str, num_seeds: int) -> None:
    false, found = equals.called(layout, 40, num_seeds, 500)
    assert false <= 0.05
    assert found > 0


def test_worse_configs_are_found_where_seeds_vary_alike() -> None:
    assert equals.called("equal", 40, 3, 100)[1] > 0.85


@pytest.mark.parametrize(("num_configs", "num_images", "share"), [(4, 300, 0.93), (40, 300, 0.93), (40, 5000, 0.975)])
def test_configs_that_are_equal_but_for_their_images_are_called_worse_in_at_most_5_percent(
    num_configs: int, num_images: int, share: float
) -> None:
    draw = np.random.default_rng(num_configs)
    sweeps = draw.binomial(num_images, share, (NUM_SIMULATIONS, num_configs)) / num_images
    assert np.mean([worse_by_images(one, int(one.argmax()), num_images).any() for one in sweeps]) <= 0.05


def test_configs_that_share_images_are_called_worse_more_rarely_still() -> None:
    draw = np.random.default_rng(0)
    easy = draw.beta(4, 0.3, (500, 1, 300))  # how easy each image is, for all configs alike
    sweeps = (draw.random((500, 10, 300)) < easy).mean(axis=2)
    assert np.mean([worse_by_images(one, int(one.argmax()), 300).any() for one in sweeps]) <= 0.03


def test_configs_that_are_five_standard_deviations_worse_are_found() -> None:
    draw = np.random.default_rng(2)
    true = np.where(np.arange(10) % 2, 0.97, 0.955)
    found = np.mean([worse(draw.normal(true[:, None], 0.003, (10, 5))) for _ in range(200)], axis=0)
    assert found[true < 0.97].mean() > 0.95
    assert found[true == 0.97].mean() < 0.01


def test_what_a_seed_does_to_all_configs_changes_no_verdict() -> None:
    draw = np.random.default_rng(3)
    for _ in range(50):
        table = draw.normal(draw.normal(0.95, 0.01, (8, 1)), 0.003, (8, 4))
        np.testing.assert_array_equal(worse(table), worse(table + draw.normal(0, 0.02, 4)))


def test_best_one_and_its_equals_are_never_worse() -> None:
    assert not worse(np.tile([0.9, 0.91, 0.92], (4, 1))).any()
    assert not worse_by_images(np.ones(5), 0, 300).any()


def test_difference_without_any_noise_is_a_difference() -> None:
    table = np.array([0.97, 0.97, 0.96])[:, None] + np.array([0.0, 0.01, -0.02])
    assert worse(table).tolist() == [False, False, True]


def test_config_that_shares_no_seed_with_the_best_is_not_judged() -> None:
    kept = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], np.bool_)
    table = np.array([[0.99], [0.9], [0.5]]) + np.random.default_rng(4).normal(0, 0.001, (3, 5))
    found = design(table, kept)
    assert worse_by_seeds(*found, 0, seed_noise(*found)).tolist() == [False, True, False]


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_noise_is_the_residual_variance_of_least_squares(lost: float) -> None:
    draw = np.random.default_rng(5)
    table = draw.normal(0.9, 0.01, (7, 4)) + draw.normal(0, 0.1, 4)
    found = design(table, draw.random((7, 4)) >= lost)
    effects = np.hstack([np.eye(7)[found.config], np.eye(4)[found.seed]])
    rest = found.accuracy - effects @ np.linalg.lstsq(effects, found.accuracy)[0]
    degrees = len(rest) - np.linalg.matrix_rank(effects)
    noise = seed_noise(*found)
    assert noise.degrees == degrees
    assert noise.variance == pytest.approx((rest**2).sum() / degrees, rel=1e-9)


def test_seeds_that_no_two_configs_share_leave_no_noise_to_see() -> None:
    noise = seed_noise(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3]))
    assert noise.degrees == 0
    assert np.isnan(noise.variance)


def test_verdict_turns_at_the_published_critical_value() -> None:
    """Tukey's studentized range at 5% for 3 means of known variance is 3.314 (Pearson and Hartley's tables)."""
    for factor, expected in ((3.312, False), (3.316, True)):
        half = factor * np.sqrt(0.25 / 300) / 2
        assert worse_by_images(np.array([0.5 + half, 0.5 - half, 0.5]), 0, 300)[1] == expected


def test_verdict_over_seeds_turns_at_the_critical_value_of_its_pair() -> None:
    table = np.random.default_rng(6).normal(0, 1, (3, 6))
    table -= table.mean(axis=1, keepdims=True)
    found = design(table)
    noise = seed_noise(*found)
    pair = max(noise.variance, float(np.var(table[0] - table[1], ddof=1)) / 2)
    unlike = unequal_variances.spread(unequal_variances.residuals(*found), found.config)
    times = unequal_variances.critical(found.config, found.seed, noise.degrees, unlike)
    for factor, expected in ((0.999, False), (1.001, True)):
        shifted = table + np.array([[factor * times * np.sqrt(pair / 6)], [0.0], [1e-9]])
        assert worse_by_seeds(*design(shifted), 0, noise)[1] == expected


@pytest.mark.parametrize(("num", "num_seeds"), [(10, 3), (40, 5)])
def test_expected_drop_among_equals_is_what_the_best_of_so_many_gains(num: int, num_seeds: int) -> None:
    draw = np.random.default_rng(num)
    true = draw.standard_normal((20_000, num)).max(axis=1).mean() / np.sqrt(num_seeds)
    found = [drop_of(draw.standard_normal((num, num_seeds))).expected for _ in range(100)]
    assert 0.75 * true <= np.mean(found) <= true, "careful: some of the spread is always taken for real"


@pytest.mark.parametrize("others", [1, 3, 39])
def test_clear_winner_is_not_expected_to_drop(others: int) -> None:
    means = np.array([0.99, *np.linspace(0.89, 0.9, others)])
    for found in (drop_with_other_seeds(means, Noise(1e-6, 6)), drop_on_other_images(means, 2000)):
        assert found.expected == 0
        assert found.low < 0 < found.high


def test_drop_without_noise_is_none() -> None:
    assert drop_with_other_seeds(np.array([0.9, 0.9, 0.9]), Noise(0.0, 4)) == Drop(0, 0, 0)


def test_drop_is_no_more_than_the_lead_over_the_mean() -> None:
    close = np.array([0.9702, 0.97, 0.9698, 0.9699, 0.9701])
    assert drop_on_other_images(close, 300).expected == pytest.approx(0.0002, rel=1e-3)


def test_images_that_were_easy_for_all_count_in_the_interval() -> None:
    """That accuracies are closer than images allow shows that these are alike; on others all may drop alike."""
    close = np.array([0.9702, 0.97, 0.9698, 0.9699, 0.9701])
    found = drop_on_other_images(close, 300)
    assert found.high - found.low == pytest.approx(4 * np.sqrt(0.97 * 0.03 / 300), rel=0.1)


def test_best_of_perfect_accuracies_can_only_drop() -> None:
    found = drop_on_other_images(np.array([1.0, 1.0, 0.99, 0.995]), 300)
    assert 0 <= found.low < found.expected < found.high


def drop_of(table: Array) -> Drop:
    """Return the drop of the best config of a table as a selection estimates it."""
    noise = seed_noise(*design(table))
    return drop_with_other_seeds(table.mean(axis=1), Noise(noise.variance / table.shape[1], noise.degrees))


@pytest.mark.parametrize(("num_images", "spread"), [(300, 0.02), (5000, 0.0), (5000, 0.003)])
def test_interval_of_the_drop_on_other_images_holds_the_drop(num_images: int, spread: float) -> None:
    draw, held = np.random.default_rng(8), []
    for _ in range(300):
        true = np.minimum(draw.normal(0.95, spread, 20), 1)
        means = draw.binomial(num_images, true) / num_images
        found, best = drop_on_other_images(means, num_images), int(means.argmax())
        held.append(found.low <= means[best] - true[best] <= found.high)
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("spread", [0.0, 0.6, 3.0])
def test_interval_of_the_drop_holds_the_drop(spread: float) -> None:
    draw = np.random.default_rng(7)
    held = []
    for _ in range(200):
        true = draw.normal(0, spread, 20)
        table = draw.normal(true[:, None], 1, (20, 5))
        best, found = int(table.mean(axis=1).argmax()), drop_of(table)
        held.append(found.low <= table[best].mean() - true[best] <= found.high)
    assert np.mean(held) >= 0.92


def test_same_accuracies_have_the_same_drop() -> None:
    means = stats.norm.ppf(np.linspace(0.1, 0.9, 9))
    assert drop_with_other_seeds(means, Noise(0.5, 8)) == drop_with_other_seeds(means, Noise(0.5, 8))
