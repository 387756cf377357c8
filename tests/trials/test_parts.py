"""Laws of the parts of a config: what is made of a name, what is refused, and that rows store own fields."""

import enum
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
import pytest

from mnist_sweep import Adam, Digits, ImageFolder, TrialConfig, from_flat, to_flat, trial_id
from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.optim.optimizers import OPTIMIZERS
from mnist_sweep.trials.config import REGISTRIES
from mnist_sweep.trials.parts import fields_of, make, part_of, type_of
from tests.conftest import Refused
from tests.trials.test_config import NAN, Net

INFINITY = float("inf")


def own_digits() -> Any:
    return Digits().load()


def test_a_part_is_named_by_its_class_and_a_function_by_itself() -> None:
    assert type_of(Adam()) is Adam
    assert type_of(own_digits) is own_digits
    assert isinstance(own_digits, FunctionType)
    assert part_of("data", own_digits, REGISTRIES["data"]) is own_digits
    assert fields_of(own_digits) == ()


def test_values_are_those_that_the_fields_declare() -> None:
    assert part_of("optimizer", "adam", OPTIMIZERS) == make("optimizer", "adam", {}, OPTIMIZERS) == Adam()
    assert isinstance(part_of("optimizer", Adam(learning_rate=1), OPTIMIZERS).learning_rate, float)


def test_what_has_no_default_is_given_by_value(refused: Refused) -> None:
    with refused(ConfigError, "the schedule 'stepwise' has no default for boundaries"):
        make("schedule", "stepwise", {}, REGISTRIES["schedule"])
    with refused(UnknownNameError, "'nosuch'", "learning_rate"):
        make("optimizer", "adam", {"nosuch": 1}, OPTIMIZERS)


@pytest.mark.parametrize("rate", [0, -1, NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_no_optimizer_takes_a_learning_rate_that_is_no_step_size(refused: Refused, optimizer: str, rate: float) -> None:
    with refused(ConfigError, "0 < learning_rate", f"learning_rate={float(rate)}"):
        make("optimizer", optimizer, {"learning_rate": rate}, OPTIMIZERS)


@pytest.mark.parametrize("value", [object(), NAN, {1, 2}, b"bytes", lambda: 3, Path("images"), np.zeros(3)])
def test_field_that_no_row_can_keep_is_refused(refused: Refused, value: Any) -> None:
    with refused(ConfigError, "model.window must be a number, a string, ", "so that a row can store it"):
        TrialConfig(model=Net(window=value))


@pytest.mark.parametrize("value", ["\udcff", 10**400, (1, 10**400), ((((((((1,),),),),),),),)], ids=ascii)
def test_field_that_no_row_can_give_back_is_refused(refused: Refused, value: Any) -> None:
    with refused(ConfigError, "so that a row can store it"):
        trial_id(TrialConfig(model=Net(window=value)))


def test_a_path_is_text_that_a_row_gives_back(refused: Refused) -> None:
    assert from_flat(to_flat(TrialConfig(data=ImageFolder("caf\u00e9")))).data == ImageFolder("caf\u00e9")
    with refused(ConfigError, "data.path must be a number, a string"):
        trial_id(TrialConfig(data=ImageFolder("\udcff")))


@pytest.mark.parametrize("value", [{"a": 1}, (1, {"a": 1})])
def test_field_that_no_set_can_hold_is_refused(refused: Refused, value: Any) -> None:
    with refused(ConfigError, "model.window must be hashable", repr(value)):
        TrialConfig(model=Net(window=value))


@dataclass(frozen=True)
class Doubling(Net):
    """Becomes another value whenever it is made again."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", self.window * 2)


@dataclass(frozen=True)
class Derived(Net):
    area: int = field(init=False, default=9)


def test_value_that_a_row_does_not_make_again_is_refused(refused: Refused) -> None:
    with refused(ConfigError, "model.window must keep its value when the Doubling is restored", "6 becomes 12"):
        TrialConfig(model=Doubling(window=3))
    with refused(ConfigError, "model.area must be an argument of Derived"):
        TrialConfig(model=Derived())


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Coloured(Net):
    colour: Colour = Colour.RED


def test_member_of_an_enum_is_one_in_the_value_that_a_row_makes_again(refused: Refused) -> None:
    model: Any = from_flat(to_flat(TrialConfig(model=Coloured(colour=Colour.BLUE)))).model
    assert model.colour is Colour.BLUE
    with refused(ConfigError, "model.window must keep its value", "<Colour.BLUE: 'blue'> becomes 'blue'"):
        TrialConfig(model=Net(window=Colour.BLUE))


@dataclass(frozen=True)
class Bound:
    """An optimizer that takes numbers from itself, which are those of the first trial in a graph that trials share."""

    learning_rate: float = 0.1
    SLOTS: ClassVar[dict[str, float]] = {}

    def apply(self, variable: Any, gradient: Any, slots: Any, numbers: Any, step: Any) -> None:
        variable.assign_sub(self.learning_rate * gradient)


def test_numbers_of_an_optimizer_come_as_arguments(refused: Refused) -> None:
    with refused(ConfigError, "`apply` of Bound must be a @staticmethod", "take these from `numbers`"):
        part_of("optimizer", Bound(), OPTIMIZERS)
