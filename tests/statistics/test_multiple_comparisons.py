"""Laws of comparisons with the best: how often they err where all are equal, and what they find otherwise."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import studentized_range

from mnist_sweep.statistics import multiple_comparisons
from mnist_sweep.statistics.multiple_comparisons import critical_lead, worse_over_images, worse_over_seeds
from mnist_sweep.statistics.two_way_residuals import error_variance, in_order, residuals
from mnist_sweep.statistics.unequal_variances import log_variance_std_bound
from tests.benchmarks import equals
from tests.statistics.long_form import Array, long_form

SIMULATIONS = pytest.mark.parametrize("num_simulations", [1000, pytest.param(2000, marks=pytest.mark.slow)])


def worse(table: Array) -> NDArray[np.bool_]:
    found = long_form(table)
    return worse_over_seeds(*found, int(table.mean(axis=1).argmax()), error_variance(*found))


@SIMULATIONS
@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("num_configs", [4, 10, 40])
def test_equal_configs_are_called_worse_in_at_most_5_percent_of_sweeps(
    num_configs: int, num_seeds: int, num_simulations: int
) -> None:
    draw = np.random.default_rng(num_configs + num_seeds)
    tables = draw.normal(0.97, 0.003, (num_simulations, num_configs, num_seeds))
    tables += draw.normal(0, 0.01, (num_simulations, 1, num_seeds))
    assert np.mean([worse(table).any() for table in tables]) <= 0.05


@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("layout", ["log-normal, 0.5", "every other 3 times", "every tenth 5 times"])
def test_seeds_that_vary_more_at_some_settings_do_not_break_the_test(layout: str, num_seeds: int) -> None:
    false, found = equals.called(layout, 40, num_seeds, 500)
    assert false <= 0.05
    assert found > 0


def test_one_of_many_configs_that_varies_five_times_as_much_is_not_found_to_be_better() -> None:
    """Among 96, it hardly shows in the distribution of variances: of equal ones, any was called worse in over 5%."""
    table = np.random.default_rng(183).standard_normal((96, 3)) * np.where(np.arange(96), 1, 5)[:, None]
    assert table.mean(axis=1).argmax() == 0
    assert not worse(table).any()


@pytest.mark.parametrize("num_seeds", [5, 10])
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_configs_that_hardly_vary_do_not_make_others_seem_worse(spread: float, num_seeds: int) -> None:
    draw, hardly = np.random.default_rng(0), np.arange(40)[:, None] % 2
    tables = draw.normal(0.97 - 0.8 * hardly, 0.003 * np.where(hardly, spread, 1), (500, 40, 40))[:, :, -num_seeds:]
    called = np.mean([worse(table)[::2].any() for table in tables])
    assert called <= 0.07  # 5% and two standard errors of 500 sweeps; 28% with the widest distribution alone


def test_config_at_chance_is_worse_though_others_collapse_in_some_runs() -> None:
    table = np.random.default_rng(0).normal(0.96, 0.005, (20, 3))
    table[:3] = np.array([[0.1126, 0.0958, 0.1126], [0.91, 0.1126, 0.1126], [0.1126, 0.9, 0.91]])
    assert np.flatnonzero(worse(table)).tolist() == [0]


@pytest.mark.parametrize(("num_configs", "num_seeds"), [(4, 3), (20, 3), (96, 3), (10, 5)])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.8])
def test_losing_all_runs_by_chance_is_not_being_worse(share: float, num_configs: int, num_seeds: int) -> None:
    """All runs collapse equally often, so that the configs are equal, and how often they do is seen in the others."""
    draw, shape = np.random.default_rng(0), (300, num_configs, num_seeds)
    tables = np.where(draw.random(shape) < share, 0.1, draw.normal(0.96, 0.005, shape))
    assert np.mean([worse(table).any() for table in tables]) <= 0.05


def test_worse_configs_are_found_where_seeds_vary_alike() -> None:
    assert equals.called("equal", 40, 3, 100)[1] > 0.85


@SIMULATIONS
@pytest.mark.parametrize(("num_configs", "num_images", "share"), [(4, 300, 0.93), (40, 300, 0.93), (40, 5000, 0.975)])
def test_configs_that_are_equal_but_for_their_images_are_called_worse_in_at_most_5_percent(
    num_configs: int, num_images: int, share: float, num_simulations: int
) -> None:
    draw = np.random.default_rng(num_configs)
    sweeps = draw.binomial(num_images, share, (num_simulations, num_configs)) / num_images
    assert np.mean([worse_over_images(one, int(one.argmax()), num_images).any() for one in sweeps]) <= 0.05


def test_configs_that_share_images_are_called_worse_more_rarely_still() -> None:
    draw = np.random.default_rng(0)
    easy = draw.beta(4, 0.3, (500, 1, 300))  # how easy each image is, for all configs alike
    sweeps = (draw.random((500, 10, 300)) < easy).mean(axis=2)
    assert np.mean([worse_over_images(one, int(one.argmax()), 300).any() for one in sweeps]) <= 0.03


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
    assert not worse_over_images(np.ones(5), 0, 300).any()


def test_difference_without_any_noise_is_a_difference() -> None:
    table = np.array([0.97, 0.97, 0.96])[:, None] + np.array([0.0, 0.01, -0.02])
    assert worse(table).tolist() == [False, False, True]


def test_config_that_shares_no_seed_with_the_best_is_not_judged() -> None:
    kept = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], np.bool_)
    table = np.array([[0.99], [0.9], [0.5]]) + np.random.default_rng(4).normal(0, 0.001, (3, 5))
    found = long_form(table, kept)
    assert worse_over_seeds(*found, 0, error_variance(*found)).tolist() == [False, True, False]


def test_verdict_turns_at_the_published_critical_value() -> None:
    """Tukey's studentized range at 5% for 3 means of known variance is 3.314 (Pearson and Hartley's tables)."""
    for factor, expected in ((3.312, False), (3.316, True)):
        half = factor * np.sqrt(0.25 / 300) / 2
        assert worse_over_images(np.array([0.5 + half, 0.5 - half, 0.5]), 0, 300)[1] == expected


def test_verdict_over_seeds_turns_at_the_critical_value_of_its_pair() -> None:
    table = np.random.default_rng(6).normal(0, 1, (3, 6))
    table -= table.mean(axis=1, keepdims=True)
    found = long_form(table)
    error = error_variance(*found)
    pair = max(error.variance, float(np.var(table[0] - table[1], ddof=1)) / 2)
    unlike = log_variance_std_bound(residuals(*found), found.config)
    times = critical_lead(found.config, found.seed, error.df, unlike)
    for factor, expected in ((0.999, False), (1.001, True)):
        shifted = table + np.array([[factor * times * np.sqrt(pair / 6)], [0.0], [1e-9]])
        assert worse_over_seeds(*long_form(shifted), 0, error)[1] == expected


CONFIG, SEED = np.indices((40, 3)).reshape(2, -1)


def test_critical_value_of_equal_variances_is_that_of_tukey() -> None:
    assert critical_lead(CONFIG, SEED, 78, 0.0) == pytest.approx(studentized_range.ppf(0.97, 40, 78), rel=0.05)


def test_critical_value_is_larger_where_variances_are_unequal() -> None:
    assert (
        critical_lead(CONFIG, SEED, 78, 0.0)
        < critical_lead(CONFIG, SEED, 78, 0.6)
        < critical_lead(CONFIG, SEED, 78, 1.2)
    )


def test_critical_value_is_found_again_in_any_order() -> None:
    draw = np.random.default_rng(3)
    first = critical_lead(CONFIG, SEED, 78, 0.4)
    hits = multiple_comparisons._critical_lead.cache_info().hits
    order = draw.permutation(len(CONFIG))
    assert critical_lead(draw.permutation(40)[CONFIG][order], SEED[order], 78, 0.4) == first
    assert multiple_comparisons._critical_lead.cache_info().hits == hits + 1


def test_seeds_that_no_other_config_has_are_not_simulated_one_by_one() -> None:
    present = np.hstack([np.ones((6, 3)), np.kron(np.eye(6), np.ones((1, 4)))]) > 0
    cells = in_order(present)
    assert cells == ((1, 1, 1, 4),) * 6
    each = tuple((*row, 0) for row in present.tolist())
    found, expected = (multiple_comparisons._critical_lead(one, 10, 1.2, 0.03) for one in (cells, each))
    assert found == pytest.approx(expected, rel=0.07)  # of 2,000 simulated sweeps
