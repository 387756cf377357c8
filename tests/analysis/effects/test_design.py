"""Laws of designs: seeds that repeat the settings, cells that are missing, grids, and factors nested in others."""

import itertools

import numpy as np
import pytest

from mnist_sweep.analysis.effects.design import Design, design_of_trials, fit, marginal_weights


def test_seeds_that_repeat_the_settings_have_a_column_each() -> None:
    accuracy, setting, seed = np.arange(6) / 10, np.repeat([0, 1, 2], 2), np.tile([0, 1], 3)
    found = design_of_trials(accuracy, setting[:, None], setting, seed)
    np.testing.assert_array_equal(found.accuracy, accuracy.reshape(3, 2))
    assert (found.present, found.is_grid) == (1, True)


def test_seeds_that_do_not_repeat_the_settings_are_averaged() -> None:
    accuracy, setting, seed = np.array([0.9, 0.7, 0.5]), np.array([0, 0, 1]), np.array([0, 1, 2])
    found = design_of_trials(accuracy, setting[:, None], setting, seed)
    np.testing.assert_allclose(found.accuracy, [[0.8], [0.5]])


def test_missing_cell_is_what_its_row_and_column_imply() -> None:
    table = np.add.outer([0.1, 0.2, 0.3], [0.0, 0.05])
    setting, seed = (index.ravel()[:-1] for index in np.indices(table.shape))
    found = design_of_trials(table.ravel()[:-1], setting[:, None], setting, seed)
    np.testing.assert_allclose(found.accuracy, table)
    assert found.present == pytest.approx(5 / 6)


def test_field_of_a_part_is_nested_and_makes_no_pair_with_it() -> None:
    codes = np.array([(optimizer, rate) for optimizer, rate in ((0, 0), (0, 1), (1, -1))])
    codes = np.array([(*code, size) for code, size in itertools.product(codes, range(2))])
    found = design_of_trials(np.arange(6) / 10, codes, np.arange(6), np.zeros(6, int))
    assert found.parents == (None, (0, 0), None)
    assert found.is_grid
    assert found.pairs() == [(0, 2), (1, 2)]


def test_settings_that_are_no_full_grid_are_a_sample() -> None:
    codes = np.array([(0, 0), (0, 1), (1, 0)])
    assert not design_of_trials(np.zeros(3), codes, np.arange(3), np.zeros(3, int)).is_grid


def test_fit_is_that_of_least_squares() -> None:
    codes = np.array([*itertools.product(range(2), range(3), range(2))])
    accuracy = np.random.default_rng(0).random(12)
    model = fit(design_of_trials(accuracy, codes, np.arange(12), np.zeros(12, int)))
    columns = np.hstack([np.eye(num)[code] for num, code in zip((2, 3, 2), codes.T, strict=True)])
    expected = accuracy - columns @ np.linalg.lstsq(columns, accuracy)[0]
    np.testing.assert_allclose(model.residuals[:, 0], expected, atol=1e-12)


def confounded(accuracy: np.ndarray | None = None) -> Design:
    """Return a sample in which the last level of two factors occurs in the same settings only."""
    draw = np.random.default_rng(1)
    codes = draw.integers(0, [3, 2, 2, 2], (40, 4))
    codes[:4, 1:3] = 2
    accuracy = draw.random(40) if accuracy is None else accuracy
    return design_of_trials(accuracy, codes, np.arange(40), np.zeros(40, int), is_sample=True)


def test_means_are_over_the_levels_that_are_not_confounded() -> None:
    design = confounded()
    model = fit(design)
    assert [levels.tolist() for levels in model.levels] == [[0, 1, 2], [0, 1], [0, 1], [0, 1]]
    apart = design.codes[:, 1] == 2  # these settings say something of the other factors, by a column of their own
    columns = np.column_stack([np.eye(3)[design.codes[:, 0]], *(design.codes[:, 1:].T == 1), apart])
    found, *_ = np.linalg.lstsq(columns, design.accuracy[:, 0])
    means = [marginal_weights(model, {0: level}) @ model.coefficients[:, 0] for level in range(3)]
    np.testing.assert_allclose(means, found[:3] + found[3:6].sum() / 2, atol=1e-12)


def test_level_of_an_optimizers_field_that_is_confounded_is_left_out_of_the_optimizers_mean() -> None:
    codes = np.array([*itertools.product(range(2), range(3), range(2))] * 2)
    codes[codes[:, 0] == 1, 1] = -1  # the second optimizer has no such field
    codes[codes[:, 1] == 2, 2] = 2
    draw = np.random.default_rng(0)
    design = design_of_trials(draw.random(24), codes, np.arange(24), np.zeros(24, int), is_sample=True)
    model = fit(design)
    assert design.parents[1] == (0, 0)
    assert [levels.tolist() for levels in model.levels] == [[0, 1], [0, 1], [0, 1]]
    kept = codes[:, 2] < 2
    columns = np.column_stack([np.array([codes[:, 1] == 0, codes[:, 1] == 1, codes[:, 0] == 1]).T, codes[:, 2] == 1])
    found, *_ = np.linalg.lstsq(columns[kept].astype(float), design.accuracy[kept, 0])
    means = [marginal_weights(model, {0: level}) @ model.coefficients[:, 0] for level in range(2)]
    np.testing.assert_allclose(means, [found[:2].mean() + found[3] / 2, found[2] + found[3] / 2], atol=1e-12)
