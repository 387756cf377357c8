"""Laws of the resolution of values: the least difference that was seen, beyond the rounding of float32."""

import numpy as np
import pytest

from mnist_sweep.statistics.resolution import Resolution
from mnist_sweep.statistics.sequential import Elimination


def step_of(*values: float) -> float:
    found = Resolution(1)
    for value in values:
        found.add(np.array([value]))
    return float(found.step[0])


def test_step_of_rounded_values_is_that_of_their_rounding() -> None:
    drawn = np.random.default_rng(0).normal(3, 0.4, 60).round(1)
    assert step_of(*drawn) == pytest.approx(0.1)


def test_rounding_of_float32_is_no_difference() -> None:
    value = 123.456
    assert step_of(value, float(np.nextafter(value, 200)), value + 5e-6) == np.inf
    assert step_of(value, float(np.float32(value)) + 1e-4) == pytest.approx(1e-4, rel=0.1)


def test_equal_or_lacking_values_have_no_step() -> None:
    assert step_of(0.5, 0.5, np.nan, 0.5) == np.inf
    assert step_of(0.5, np.nan, 0.75) == 0.25


def test_step_scales_with_the_values() -> None:
    values = np.random.default_rng(1).normal(0, 1, 20)
    assert step_of(*(8 * values)) == 8 * step_of(*values)


def raced(table: list[list[float]], within: float, step: float | None, error: float = 0.05) -> Elimination:
    found = Elimination(len(table), within=within, error=error, step=step)
    for column in np.array(table).T:
        for setting, score in enumerate(column):
            found.add(setting, score)
        found.end_round()
    return found


def test_equal_differences_of_coarse_values_are_no_proof() -> None:
    table = [[3.0, 2.0, 2.5, 2.0], [2.5, 1.5, 2.0, 1.5], [2.5, 1.5, 2.0, 1.5]]
    assert raced(table, 0.01, step=0.0).remaining.tolist() == [[True, False, False]]
    assert raced(table, 0.01, step=None).remaining.all()


def test_values_that_are_all_equal_may_have_any_step_up_to_the_difference_that_matters() -> None:
    table = [[2.0] * 4, [2.0] * 4]
    assert raced(table, 0.1, step=0.0).within[0]
    assert not raced(table, 0.1, step=None).within[0]
    assert raced([[2.0] * 5, [2.0] * 5], 0.1, step=None).within[0]


def test_within_needs_twice_the_evidence_of_values_that_may_be_skewed() -> None:
    table = np.random.default_rng(0).normal(0, 1, (2, 12)).tolist()
    distance = raced(table, 0.001, step=None).distance[0]
    assert raced(table, 0.001, step=0.0).distance[0] < distance
    assert distance == pytest.approx(raced(table, 0.001, step=0.0, error=0.025).distance[0])
