"""Laws of distributions: what is drawn, contained and nearest."""

import math
import statistics
from collections import Counter
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Choice, Integer, LogUniform, Uniform
from mnist_sweep.errors import ConfigError
from mnist_sweep.search.distributions import Axis, contains, ends, from_label, label_of, labels, nearest
from tests.conftest import Refused

GENERATOR = np.random.Generator(np.random.Philox(key=[3, 0]))


@pytest.mark.parametrize(
    "axis",
    [
        Uniform(low=-1, high=3),
        LogUniform(low=1e-4, high=10),
        Integer(low=-1, high=2),
        Integer(low=-(2**63), high=2**63 - 1),
        Integer(low=1, high=64, log=True),
        Integer(low=8, high=128, step=24),
        Choice(("a", (1, 2), None)),
    ],
)
def test_an_axis_contains_its_ends_and_what_it_draws_and_nothing_outside(axis: Axis) -> None:
    for value in [*ends(axis), *(axis.draw(GENERATOR) for _ in range(200))]:
        assert contains(axis, value)
        if not isinstance(axis, Choice):
            assert nearest(axis, value) == value
    for value in ("os:system", 2**70, -(2**70), float("nan"), [1]):
        assert not contains(axis, value)


@pytest.mark.parametrize("label", [5.0, 0.05, -1, math.nan, math.inf, "0.2", None, True, [0.2], np.array([0.2])])
@pytest.mark.parametrize(
    "axis", [LogUniform(low=0.1, high=1), Uniform(low=0, high=0.3, step=0.1), Integer(low=7, high=9), Choice((0.2, 2))]
)
def test_what_is_not_on_an_axis_is_no_value_of_it(axis: Axis, label: Any, refused: Refused) -> None:
    if axis == Uniform(low=0, high=0.3, step=0.1) and label == 0.05:
        pytest.skip("a searcher may suggest a number of steps that is not whole")
    with refused(ConfigError, "was suggested, which is not on the axis"):
        from_label(axis, label)


def test_what_is_rounded_is_on_its_axis() -> None:
    assert from_label(LogUniform(low=0.1, high=0.7), 0.7 * (1 + 1e-15)) == 0.7
    for half in (np.float32(0.5), np.array(0.5)):
        assert from_label(LogUniform(low=0.1, high=0.7), half) == 0.5
    assert from_label(Integer(low=1, high=9), 3.0) == 3


def test_values_of_a_choice_that_are_equal_but_differ_are_told_apart() -> None:
    axis = Choice((1, True, 1.0, 0.5))
    for value in axis.values:
        again = from_label(axis, label_of(axis, value))
        assert (again, type(again)) == (value, type(value))
    assert len({*labels(axis)}) == 4


def test_integers_with_a_step_are_those_of_their_grid_alike() -> None:
    axis = Integer(low=16, high=64, step=16)
    drawn = Counter(axis.draw(GENERATOR) for _ in range(4000))
    assert sorted(drawn) == [16, 32, 48, 64]
    assert all(number / 4000 == pytest.approx(0.25, abs=0.03) for number in drawn.values())
    assert [contains(axis, value) for value in (16, 17, 32.0, 80)] == [True, False, True, False]
    assert [nearest(axis, value) for value in (0, 30.0, 41, 1e9)] == [16, 32, 48, 64]


def test_numbers_with_a_step_are_those_of_their_grid_alike() -> None:
    axis = Uniform(low=0.0, high=0.6, step=0.2)
    drawn = Counter(axis.draw(GENERATOR) for _ in range(4000))
    assert sorted(drawn) == [0.0, 0.2, 0.4, 0.6]
    assert all(number / 4000 == pytest.approx(0.25, abs=0.03) for number in drawn.values())
    assert [contains(axis, value) for value in (0.4, 0.5, 0.6, 0.8)] == [True, False, True, False]
    assert [from_label(axis, label_of(axis, value)) for value in drawn] == [*drawn]


@pytest.mark.parametrize("step", [0.0, -0.1, 0.4, 2.0, math.inf])
def test_a_step_that_does_not_lead_to_the_upper_bound_is_refused(step: float) -> None:
    with pytest.raises(ConfigError, match="step"):
        Uniform(low=0.0, high=0.6, step=step)


def test_integers_with_log_fill_each_factor_alike_both_ends_included() -> None:
    drawn = [Integer(low=1, high=1000, log=True).draw(GENERATOR) for _ in range(4000)]
    assert min(drawn) == 1
    assert max(drawn) <= 1000
    assert statistics.median(drawn) == pytest.approx(math.sqrt(0.5 * 1000.5), rel=0.2)
    assert all(type(value) is int for value in drawn)
    assert {Integer(low=3, high=3, log=True).draw(GENERATOR) for _ in range(9)} == {3}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"low": 0, "high": 8, "log": True}, "low >= 1 with log"),
        ({"low": 1, "high": 9, "log": True, "step": 2}, "step == 1 with log"),
        ({"low": 1, "high": 8, "step": 2}, "high - low is a multiple of step"),
        ({"low": 1, "high": 8, "step": 0}, "step >= 1"),
    ],
)
def test_integers_that_make_no_sense_are_refused(given: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        Integer(**given)
