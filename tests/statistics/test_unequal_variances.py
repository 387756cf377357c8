"""Laws of unequal variances: the bound holds what they are, and depends on no scale."""

import numpy as np
import pytest

from mnist_sweep.statistics.two_way_residuals import Array, residuals
from mnist_sweep.statistics.unequal_variances import (
    LOG_VARIANCE_STDS,
    NUM_DRAWS,
    log_variance_std_bound,
    simulated_tables,
)

CONFIG, SEED = np.indices((40, 3)).reshape(2, -1)


def seen(variance: Array, draw: np.random.Generator) -> float:
    """Return the limit of a sweep of three seeds whose configs have these variances."""
    accuracy = np.sqrt(variance)[CONFIG] * draw.standard_normal(len(CONFIG))
    return log_variance_std_bound(residuals(accuracy, CONFIG, SEED), CONFIG)


@pytest.mark.parametrize("degrees", [2.0, 5.0, 20.0])
def test_variances_are_more_unequal_than_the_limit_in_1_percent_of_sweeps(degrees: float) -> None:
    draw = np.random.default_rng(0)
    true = np.log(degrees / draw.chisquare(degrees, 100_000)).std()
    limits = [seen(degrees / draw.chisquare(degrees, 40), draw) for _ in range(500)]
    assert np.mean(np.array(limits) < true - LOG_VARIANCE_STDS[1] / 2) <= 0.02


def test_equal_variances_are_not_taken_for_very_unequal_ones() -> None:
    draw = np.random.default_rng(1)
    assert np.mean([seen(np.ones(40), draw) for _ in range(200)]) < 1


def test_scale_of_accuracies_changes_no_limit() -> None:
    rest = residuals(np.random.default_rng(2).normal(size=len(CONFIG)), CONFIG, SEED)
    assert log_variance_std_bound(1e-4 * rest, CONFIG) == log_variance_std_bound(rest, CONFIG)


def test_accuracies_without_noise_have_no_spread() -> None:
    assert log_variance_std_bound(np.zeros(len(CONFIG)), CONFIG) == 0


def test_simulated_configs_vary_as_unequally_as_they_should() -> None:
    counts = np.ones((400, 200), np.int64)
    counts[0, 0] = 0
    tables = next(simulated_tables(counts, 0.6))
    assert not tables[:, 0, 0].any()
    assert np.log(tables[0, 1:].var(axis=1)).std() == pytest.approx(0.6, rel=0.1)


@pytest.mark.parametrize("shape", [(3, 2), (40, 3)])
def test_as_many_tables_are_simulated_in_any_portions(shape: tuple[int, int]) -> None:
    assert sum(map(len, simulated_tables(np.ones(shape, np.int64), 0.4))) == NUM_DRAWS
