"""Laws of axes: what a field cannot take is refused when the axes are given, with the way to write it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from mnist_sweep import (
    CNN,
    Adam,
    Choice,
    GradientDescent,
    Integer,
    LogUniform,
    Momentum,
    Search,
    TrialConfig,
    Uniform,
    sample,
)
from mnist_sweep.errors import ConfigError, UnknownNameError
from tests.conftest import Refused

BASE = TrialConfig(num_steps=20, evaluate_every=20)


@dataclass(frozen=True)
class Attention:
    """A model of a user's own, with a rule over two fields and one that raises what it likes."""

    heads: int = 1
    units: int = 12
    depth: int | None = None
    scale: Any = 1
    ratio: float | int = 1
    options: str = field(default="plain", kw_only=True)

    def __post_init__(self) -> None:
        if self.units % self.heads:
            raise ValueError("units must be a multiple of heads")

    def build(self, image_shape: Any, num_classes: int) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("axes", "parts"),
    [
        (
            {"batch_size": LogUniform(low=8, high=128)},
            ["'batch_size' takes whole numbers", "low=8, high=128, log=True)"],
        ),
        ({"batch_size": Uniform(low=8.5, high=99.5)}, ["'batch_size'", "use Integer(low=9, high=99)."]),
        ({"log_every": Uniform(low=1, high=9)}, ["'log_every'", "Integer(low=1, high=9)."]),
        ({"model.units": LogUniform(low=0.5, high=9)}, ["'model.units'", "Integer(low=1, high=9, log=True)"]),
        ({"batch_size": Uniform(low=0.1, high=0.9)}, ["'batch_size' takes whole numbers", "use Integer."]),
        ({"batch_size": Integer(low=0, high=9)}, ["a search reaches batch_size=0, where `batch_size >= 1`"]),
        (
            {"model.dropout": Uniform(low=0.0, high=1.0)},
            ["a search reaches model.dropout=1, where", "0 <= dropout < 1"],
        ),
        ({"precision": Integer(low=0, high=9)}, ["a search reaches precision=0, where", "is one of 'float32'"]),
        ({"precision": Choice(("float32", "float64"))}, ["a search reaches precision='float64'", "is one of"]),
        ({"optimizer": Choice((Adam(), "adamw"))}, ["'adamw'", "known are adagrad, adam"]),
    ],
)
def test_an_axis_that_its_field_does_not_take_is_refused_when_the_search_is_made(
    axes: dict[str, Any], parts: list[str], refused: Refused
) -> None:
    with refused(ConfigError, *parts):
        Search(base=BASE, axes=axes, num_trials=3)


def test_a_sample_refuses_other_numbers_for_whole_ones_as_well(refused: Refused) -> None:
    with refused(ConfigError, "'batch_size' takes whole numbers", "Integer(low=8, high=128, log=True)"):
        sample(BASE, {"batch_size": LogUniform(low=8, high=128)}, num_trials=3, seed=0)


def test_a_field_that_does_not_exist_is_refused_with_the_nearest_one(refused: Refused) -> None:
    with refused(UnknownNameError, "'model.dropuot' names no field of CNN", "did you mean dropout?"):
        Search(base=BASE, axes={"model.dropuot": Uniform(low=0, high=0.5)}, num_trials=3)
    with refused(UnknownNameError, "'dropout' names no field of TrialConfig", "did you mean model.dropout?"):
        Search(base=BASE, axes={"dropout": Uniform(low=0, high=0.5)}, num_trials=3)


def test_a_field_that_not_every_choice_has_is_refused_with_the_way_to_write_it(refused: Refused) -> None:
    axes: dict[str, Any] = {
        "optimizer": Choice((GradientDescent(), "momentum")),
        "optimizer.momentum": Uniform(low=0.5, high=0.9),
    }
    choice = "Choice((GradientDescent(), Momentum(momentum=0.5), Momentum(momentum=0.9)))"
    with refused(UnknownNameError, "'optimizer.momentum' is not a field of GradientDescent", "'optimizer'", choice):
        Search(base=BASE, axes=axes, num_trials=3)
    values = (GradientDescent(), Momentum(momentum=0.5), Momentum(momentum=0.9))
    ends = Search(base=BASE, axes={"optimizer": Choice(values)}, num_trials=3).ends()
    assert {trial.optimizer for trial in ends} == {*values}


def test_fields_of_a_users_own_take_what_they_declare(refused: Refused) -> None:
    def search(**axes: Any) -> Search:
        named = {f"model.{name}": axis for name, axis in axes.items()}
        return Search(base=TrialConfig(model=Attention()), axes=named, num_trials=3)

    search(scale=Uniform(low=0, high=1), ratio=LogUniform(low=0.1, high=1))  # one declares nothing, one takes both
    search(units=Integer(low=12, high=48, step=12), heads=Choice((1, 2, 3, 4)))
    with refused(ConfigError, "'model.depth' takes whole numbers"):
        search(depth=Uniform(low=1, high=4))
    with refused(ConfigError, "model.units=", "model.heads=", "ValueError: units must be a multiple of heads"):
        search(units=Integer(low=12, high=48), heads=Choice((1, 2, 3, 4)))


def test_the_search_of_a_network_stays_possible() -> None:
    axes: dict[str, Any] = {
        "model.units": Integer(low=16, high=256, log=True),
        "model.filters": Choice(((4,), (8, 16))),
        "batch_size": Integer(low=10, high=100, step=10),
    }
    assert Search(base=TrialConfig(model=CNN()), axes=axes, num_trials=3).trial({"batch_size": 20}).batch_size == 20


@pytest.mark.parametrize("parts_first", [True, False])
def test_points_of_axes_reach_every_choice_beside_every_part_and_both_ends(parts_first: bool) -> None:
    axes: dict[str, Any] = {
        "model": Choice((CNN(dropout=0.1), CNN(dropout=0.2))),
        "optimizer": Choice((Adam(), GradientDescent())),
        "optimizer.learning_rate": LogUniform(low=0.1, high=1.0),
        "batch_size": Integer(low=10, high=50),
    }
    order = axes if parts_first else dict(reversed(axes.items()))
    ends = Search(base=BASE, axes=order, num_trials=3).ends()
    found = {(end.model, type(end.optimizer), end.optimizer.learning_rate) for end in ends}
    models, kinds = axes["model"].values, (Adam, GradientDescent)
    assert found == {(model, kind, rate) for model in models for kind in kinds for rate in (0.1, 1.0)}
    assert {end.batch_size for end in ends} == {10, 50}
    assert max(end.optimizer.learning_rate * end.batch_size for end in ends) == 50.0
