"""Laws of the two-way model: residuals and their variance are those of least squares."""

import numpy as np
import pytest

from mnist_sweep.statistics.two_way_residuals import error_variance, residuals, table_residuals, to_table
from tests.statistics.long_form import long_form


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_error_variance_is_the_residual_variance_of_least_squares(lost: float) -> None:
    draw = np.random.default_rng(5)
    table = draw.normal(0.9, 0.01, (7, 4)) + draw.normal(0, 0.1, 4)
    found = long_form(table, draw.random((7, 4)) >= lost)
    effects = np.hstack([np.eye(7)[found.config], np.eye(4)[found.seed]])
    rest = found.accuracy - effects @ np.linalg.lstsq(effects, found.accuracy)[0]
    df = len(rest) - np.linalg.matrix_rank(effects)
    error = error_variance(*found)
    assert error.df == df
    assert error.variance == pytest.approx((rest**2).sum() / df, rel=1e-9)


def test_seeds_that_no_two_configs_share_leave_no_degrees_of_freedom() -> None:
    error = error_variance(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3]))
    assert error.df == 0
    assert np.isnan(error.variance)


def test_configs_with_seeds_of_their_own_change_nothing_however_many_they_are() -> None:
    draw = np.random.default_rng(7)
    shared = long_form(draw.normal(0, 1, (5, 4)), np.ones((5, 4), np.bool_))
    config, seed = np.repeat(np.arange(5, 5005), 3), np.arange(4, 15_004)
    accuracy, configs, seeds = (
        np.concatenate(parts) for parts in zip(shared, (draw.normal(0, 1, 15_000), config, seed), strict=True)
    )
    assert error_variance(accuracy, configs, seeds) == pytest.approx(error_variance(*shared), rel=1e-12)
    np.testing.assert_allclose(residuals(accuracy, configs, seeds)[:20], residuals(*shared), atol=1e-12)


@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_residuals_of_many_tables_are_those_of_each(lost: float) -> None:
    draw = np.random.default_rng(6)
    kept = draw.random((5, 4)) >= lost
    kept[:, 0] = kept[0] = True
    tables = draw.normal(0, 1, (3, 5, 4))
    found = table_residuals(tables, kept)
    for table, rest in zip(tables, found, strict=True):
        accuracy, config, seed = long_form(table, kept)
        np.testing.assert_allclose(rest[kept], residuals(accuracy, config, seed), atol=1e-9)
        present, filled = to_table(accuracy, config, seed)
        np.testing.assert_array_equal(present, kept)
        np.testing.assert_array_equal(filled, np.where(kept, table, 0))
    assert not found[:, ~kept].any()


def test_seeds_and_configs_without_trials_change_nothing() -> None:
    draw = np.random.default_rng(7)
    found = long_form(draw.normal(0.9, 0.01, (6, 3)), draw.random((6, 3)) >= 0.2)
    apart = found._replace(config=2 * found.config, seed=3 * found.seed + 1)
    np.testing.assert_allclose(residuals(*apart), residuals(*found), atol=1e-12)
    assert error_variance(*apart) == pytest.approx(error_variance(*found))
