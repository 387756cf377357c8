"""Laws of spaces: which trials, in which order, and which axes can never be."""

import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from mnist_sweep import (
    CNN,
    Adam,
    Choice,
    Digits,
    GradientDescent,
    Integer,
    LogUniform,
    Momentum,
    Softmax,
    Stepwise,
    TrialConfig,
    Uniform,
    grid,
    repeat,
    sample,
    trial_id,
    zipped,
)
from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.search.distributions import Distribution
from mnist_sweep.trials.overrides import replace_fields
from tests.conftest import Refused

BASE = TrialConfig(model=CNN(units=64), num_steps=10)
NAN, INFINITY = float("nan"), float("inf")


def drawn(distribution: Distribution, number: int = 4000) -> list[Any]:
    generator = np.random.Generator(np.random.Philox(key=[0, 0]))
    return [distribution.draw(generator) for _ in range(number)]


def test_grid_is_every_combination_and_the_last_axis_is_fastest() -> None:
    trials = grid(BASE, {"batch_size": [10, 20], "seed": [0, 1, 2]})
    assert [(trial.batch_size, trial.seed) for trial in trials] == [
        (10, 0),
        (10, 1),
        (10, 2),
        (20, 0),
        (20, 1),
        (20, 2),
    ]


def test_axis_leaves_everything_else_as_in_the_base() -> None:
    (trial,) = grid(BASE, {"model.dropout": [0.5]})
    assert trial == replace(BASE, model=CNN(units=64, dropout=0.5))


def test_grid_on_a_list_is_the_grid_on_each_in_its_order() -> None:
    bases = [replace(BASE, num_steps=5), replace(BASE, num_steps=6)]
    axes = {"seed": [1, 2]}
    assert grid(bases, axes) == grid(bases[0], axes) + grid(bases[1], axes) == grid(iter(bases), axes)


def test_spaces_nest() -> None:
    assert grid(grid(BASE, {"batch_size": [10, 20]}), {"seed": [0, 1]}) == grid(
        BASE, {"batch_size": [10, 20], "seed": [0, 1]}
    )


def test_axis_of_whole_parts_takes_values_and_names() -> None:
    trials = grid(BASE, {"optimizer": [Momentum(momentum=0.5), "adam"], "model": ["softmax", CNN(units=8)]})
    assert [(trial.optimizer, trial.model) for trial in trials] == [
        (Momentum(momentum=0.5), Softmax()),
        (Momentum(momentum=0.5), CNN(units=8)),
        (Adam(), Softmax()),
        (Adam(), CNN(units=8)),
    ]


@pytest.mark.parametrize("flip", [False, True])
def test_whole_part_and_its_fields_combine_whatever_their_order(flip: bool) -> None:
    rates = [0.1, 0.2]
    optimizers: list[Any] = [GradientDescent(), Momentum(momentum=0.5)]
    axes: dict[str, Any] = {"optimizer": optimizers, "optimizer.learning_rate": rates}
    trials = grid(BASE, dict(reversed(axes.items())) if flip else axes)
    expected = {replace(one, learning_rate=rate) for one in optimizers for rate in rates}
    assert {trial.optimizer for trial in trials} == expected
    assert len(trials) == 4


def test_order_of_axes_orders_the_trials_and_changes_none() -> None:
    one = grid(BASE, {"batch_size": [10, 20], "seed": [0, 1]})
    other = grid(BASE, {"seed": [0, 1], "batch_size": [10, 20]})
    assert one != other
    assert set(one) == set(other)


def test_several_fields_of_one_part_vary_together() -> None:
    (trial,) = zipped(BASE, {"model.filters": [(4,)], "model.units": [8], "model.dropout": [0.5]})
    assert trial.model == CNN(filters=(4,), units=8, dropout=0.5)


def test_values_that_are_valid_only_together_replace_those_before() -> None:
    base = replace(BASE, schedule=Stepwise(boundaries=(5, 8)), changes=((9, (("weight_decay", 0.1),)),))
    (trial,) = zipped(base, {"num_steps": [6], "changes": [()], "seed": [3]})
    assert (trial.num_steps, trial.changes, trial.seed) == (6, (), 3)


def test_zipped_takes_the_values_side_by_side() -> None:
    trials = zipped(BASE, {"batch_size": [10, 20, 30], "seed": range(3)})
    assert [(trial.batch_size, trial.seed) for trial in trials] == [(10, 0), (20, 1), (30, 2)]


def test_zipped_of_one_axis_is_its_grid() -> None:
    axes = {"optimizer.learning_rate": [0.1, 0.2, 0.3]}
    assert zipped(BASE, axes) == grid(BASE, axes)


def test_repeat_puts_the_seeds_of_a_trial_next_to_each_other() -> None:
    trials = repeat(grid(BASE, {"batch_size": [10, 20]}), seeds=2)
    assert [(trial.batch_size, trial.seed) for trial in trials] == [(10, 0), (10, 1), (20, 0), (20, 1)]


def test_repeat_of_one_trial_ignores_the_seed_it_had() -> None:
    assert repeat(replace(BASE, seed=9), seeds=1) == [BASE]


def test_vary_changes_a_copy() -> None:
    assert replace_fields(BASE, {"seed": 1, "data": Digits(val_size=7)}) == replace(
        BASE, seed=1, data=Digits(val_size=7)
    )
    assert replace_fields(BASE, {}) == BASE


@pytest.mark.parametrize("make", [grid, zipped])
@pytest.mark.parametrize(
    ("axes", "kind", "parts"),
    [
        ({}, ConfigError, ["at least one axis"]),
        ({"seed": []}, ConfigError, ["'seed'", "at least one value"]),
        ({"seed": ()}, ConfigError, ["'seed'", "at least one value"]),
        ({"optimizer": "adam"}, ConfigError, ["'optimizer'", "a list of values", "'adam'"]),
        ({"seed": 3}, ConfigError, ["'seed'", "a list of values", "3"]),
        ({"seed": {1, 2}}, ConfigError, ["'seed'", "a list of values"]),
        ({"seed": Integer(low=0, high=3)}, ConfigError, ["'seed'", "a list of values", "Integer("]),
        ({"model.dropout": np.linspace(0, 0.9, 100)}, ConfigError, ["'model.dropout'", "a list of values"]),
        ({"model.dropouts": [0.1]}, UnknownNameError, ["'model.dropouts'", "CNN", "dropout, initializer"]),
        ({"model.filters.0": [8]}, UnknownNameError, ["'model.filters.0'", "CNN", "filters"]),
        ({"nosuch": [8]}, UnknownNameError, ["'nosuch'", "TrialConfig", "num_steps"]),
        ({"nosuch.field": [8]}, UnknownNameError, ["'nosuch.field'", "TrialConfig", "num_steps"]),
        ({"rule": [8]}, UnknownNameError, ["'rule'", "TrialConfig"]),
        ({"seed.value": [8]}, UnknownNameError, ["'seed.value'"]),
        ({"model": ["softmax"], "model.units": [8]}, UnknownNameError, ["'model.units'", "Softmax", "initializer"]),
        ({"model.dropout": [0.5, 1.0]}, ConfigError, ["`0 <= dropout < 1`", "dropout=1.0"]),
        ({"schedule": [Stepwise(boundaries=(5,)), "nosuch"]}, UnknownNameError, ["schedule", "'nosuch'", "cosine"]),
    ],
)
def test_bad_axis_is_refused(
    refused: Refused, make: Callable[..., Any], axes: dict[str, Any], kind: type[Exception], parts: list[str]
) -> None:
    with refused(kind, *parts):
        make(BASE, axes)


def test_zipped_axes_of_unequal_lengths_are_refused_with_both(refused: Refused) -> None:
    with refused(ConfigError, "one length", "seed=2", "model.dropout=3"):
        zipped(BASE, {"seed": [0, 1], "model.dropout": [0.1, 0.2, 0.3]})


@pytest.mark.parametrize("make", [grid, zipped])
def test_no_base_makes_no_space(refused: Refused, make: Callable[..., Any]) -> None:
    with refused(ConfigError, "at least one base trial"):
        make([], {"seed": [0]})


@pytest.mark.parametrize("seeds", [0, -1, 2.5, "3", True])
def test_repeat_wants_a_number_of_seeds(refused: Refused, seeds: Any) -> None:
    with refused(ConfigError, "seeds", repr(seeds)):
        repeat(BASE, seeds=seeds)


AXES: dict[str, Distribution] = {
    "optimizer.learning_rate": LogUniform(low=1e-4, high=1e-1),
    "model.dropout": Uniform(low=0.1, high=0.6),
    "model.units": Integer(low=8, high=16),
    "model.filters": Choice(values=((8,), (8, 16))),
    "schedule": Choice(values=("constant", "cosine")),
}


def test_sample_is_a_function_of_its_seed() -> None:
    one = sample(BASE, AXES, num_trials=5, seed=1)
    assert one == sample(BASE, AXES, num_trials=5, seed=1)
    assert not set(one) & set(sample(BASE, AXES, num_trials=5, seed=2))
    assert len({trial_id(trial) for trial in one}) == 5


def test_larger_sample_extends_the_smaller() -> None:
    assert sample(BASE, AXES, num_trials=20, seed=1)[:5] == sample(BASE, AXES, num_trials=5, seed=1)


def test_sample_on_each_base_extends_and_differs_from_the_others() -> None:
    bases = [replace(BASE, num_steps=5), replace(BASE, num_steps=6)]
    first, second = sample(bases[0], AXES, num_trials=3, seed=1), sample(bases, AXES, num_trials=3, seed=1)[3:]
    assert sample(bases, AXES, num_trials=3, seed=1)[:3] == first
    assert {trial.num_steps for trial in second} == {6}
    assert all(one.model != other.model for one, other in zip(first, second, strict=True))


def test_sample_is_the_same_in_every_version() -> None:
    axes: dict[str, Distribution] = {
        "optimizer.learning_rate": LogUniform(low=1e-4, high=1e-1),
        "model.units": Integer(low=8, high=1024),
    }
    trials = sample(TrialConfig(), axes, num_trials=3, seed=0)
    values = [(trial.optimizer.learning_rate, cast(CNN, trial.model).units) for trial in trials]
    assert [rate for rate, _ in values] == pytest.approx(
        [0.00010830294416010319, 0.00021591239088154327, 0.004934508084283899]
    )
    assert [units for _, units in values] == [630, 253, 549]


class PowersOfTwo:
    """A distribution of a user's own."""

    def draw(self, generator: np.random.Generator) -> int:
        return 1 << int(generator.integers(3, 8))


def test_sample_draws_from_any_object_that_draws() -> None:
    axes: dict[str, Distribution] = {"batch_size": PowersOfTwo(), "model.dropout": Uniform(low=0, high=1)}
    assert {trial.batch_size for trial in sample(BASE, axes, num_trials=50, seed=0)} == {8, 16, 32, 64, 128}


def test_sampled_values_stay_in_their_ranges() -> None:
    for trial in sample(BASE, AXES, num_trials=200, seed=3):
        model = cast(CNN, trial.model)
        assert 1e-4 <= trial.optimizer.learning_rate < 1e-1
        assert 0.1 <= model.dropout < 0.6
        assert 8 <= model.units <= 16
        assert model.filters in ((8,), (8, 16))


def test_uniform_fills_its_range_evenly() -> None:
    counts = np.histogram(drawn(Uniform(low=-1, high=3)), bins=4, range=(-1, 3))[0].tolist()
    assert sum(counts) == 4000
    assert counts == pytest.approx([1000] * 4, abs=120)


def test_log_uniform_fills_each_decade_evenly() -> None:
    values = drawn(LogUniform(low=1e-4, high=1))
    counts = np.histogram(np.log10(values), bins=4, range=(-4, 0))[0].tolist()
    assert sum(counts) == 4000
    assert counts == pytest.approx([1000] * 4, abs=120)
    assert math.log10(statistics.median(values)) == pytest.approx(-2, abs=0.1)


def test_integer_takes_every_value_of_its_range_both_ends_included() -> None:
    values = drawn(Integer(low=-1, high=2))
    assert set(values) == {-1, 0, 1, 2}
    assert all(values.count(value) / 4000 == pytest.approx(0.25, abs=0.03) for value in set(values))
    assert drawn(Integer(low=5, high=5), 3) == [5, 5, 5]
    assert all(type(value) is int for value in values)


def test_choice_takes_every_value_alike() -> None:
    values = drawn(Choice(values=("a", (1, 2), None, "d")))
    assert all(values.count(value) / 4000 == pytest.approx(0.25, abs=0.03) for value in ("a", (1, 2), None, "d"))


def test_choice_takes_a_list() -> None:
    assert Choice(values=cast(Any, [1, 2])) == Choice(values=(1, 2))


@pytest.mark.parametrize(
    ("cls", "given", "parts"),
    [
        (Uniform, {"low": 1, "high": 1}, ["low < high", "low=1.0, high=1.0"]),
        (Uniform, {"low": 2, "high": 1}, ["low < high", "low=2.0, high=1.0"]),
        (Uniform, {"low": NAN, "high": 1}, ["low=nan"]),
        (Uniform, {"low": 0, "high": INFINITY}, ["high=inf"]),
        (Uniform, {"low": "a", "high": 1}, ["Uniform.low", "'a'"]),
        (LogUniform, {"low": 0, "high": 1}, ["0 < low < high", "low=0.0"]),
        (LogUniform, {"low": -1, "high": 1}, ["0 < low < high", "low=-1.0"]),
        (LogUniform, {"low": 1, "high": 1}, ["0 < low < high"]),
        (LogUniform, {"low": 1, "high": INFINITY}, ["high=inf"]),
        (Integer, {"low": 2, "high": 1}, ["low <= high", "low=2, high=1"]),
        (Integer, {"low": 0.5, "high": 1}, ["Integer.low", "0.5"]),
        (Integer, {"low": 0, "high": 2**70}, ["high", str(2**70)]),
        (Choice, {"values": ()}, ["at least one value"]),
        (Choice, {"values": "abc"}, ["Choice.values", "'abc'"]),
    ],
)
def test_bad_distribution_is_refused(refused: Refused, cls: Any, given: dict[str, Any], parts: list[str]) -> None:
    with refused(ConfigError, *parts):
        cls(**given)


@pytest.mark.parametrize(
    ("axes", "options", "kind", "parts"),
    [
        ({}, {}, ConfigError, ["at least one axis"]),
        ({"seed": [1, 2]}, {}, ConfigError, ["'seed'", "[1, 2]"]),
        ({"nosuch": Choice(values=(1,))}, {}, UnknownNameError, ["'nosuch'", "num_steps"]),
        ({"model.units": Uniform(low=1, high=9)}, {}, ConfigError, ["units"]),
        ({"model.dropout": Uniform(low=1, high=2)}, {}, ConfigError, ["`0 <= dropout < 1`"]),
        (AXES, {"num_trials": 0}, ConfigError, ["num_trials", "num_trials=0"]),
        (AXES, {"num_trials": 2.5}, ConfigError, ["num_trials", "2.5"]),
        (AXES, {"seed": -1}, ConfigError, ["seed", "-1"]),
        (AXES, {"seed": 1.5}, ConfigError, ["seed", "1.5"]),
        (AXES, {"seed": 2**64}, ConfigError, ["seed", str(2**64)]),
    ],
)
def test_bad_sample_is_refused(
    refused: Refused, axes: dict[str, Any], options: dict[str, Any], kind: type[Exception], parts: list[str]
) -> None:
    with refused(kind, *parts):
        sample(BASE, axes, **{"num_trials": 2, "seed": 0} | options)
