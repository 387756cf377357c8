"""Laws of typed fields: what is one value, what is none, and how a rule is told."""

import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.validation import coerce, coerced_fields, require, require_at_least
from tests.conftest import Refused

NAN, INFINITY = float("nan"), float("inf")


class Colour(str, enum.Enum):  # noqa: UP042 (other than a StrEnum, its `str` is "Colour.RED")
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Value:
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    text: str = ""
    word: Literal["red", "blue"] = "red"
    odd: Literal[1, 3] = 1
    sizes: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    table: tuple[tuple[int, ...], ...] = ()
    pair: tuple[int, float] = (0, 0.0)
    maybe: float | None = None
    colour: Colour = Colour.RED
    levels: tuple[Level | None, ...] = ()
    anything: Any = None
    CONSTANT: ClassVar[int] = 7

    def __post_init__(self) -> None:
        coerce(self)


@dataclass(frozen=True)
class Either:
    size: int | str | None = None

    def __post_init__(self) -> None:
        coerce(self)


@dataclass(frozen=True)
class Unresolved:
    size: "NoSuchType" = 3  # type: ignore[name-defined]  # noqa: F821 (the mistake under test)


def with_types(value: Any) -> Any:
    """Return a value with the types of all its parts, since 1, 1.0 and True are equal."""
    return type(value), [with_types(item) for item in value] if isinstance(value, tuple | list) else value


@pytest.mark.parametrize(
    ("name", "given", "coerced"),
    [
        ("whole", 3.0, 3),
        ("whole", np.int64(3), 3),
        ("whole", np.float32(3), 3),
        ("whole", np.int64(2**53 + 1), 2**53 + 1),
        ("whole", Fraction(6, 2), 3),
        ("number", 1, 1.0),
        ("number", np.float64(0.1), 0.1),
        ("number", np.int8(1), 1.0),
        ("number", INFINITY, INFINITY),
        ("flag", np.True_, True),
        ("text", np.str_("a"), "a"),
        ("text", Colour.RED, "red"),
        ("word", np.str_("blue"), "blue"),
        ("odd", 3.0, 3),
        ("odd", np.int64(3), 3),
        ("sizes", [1, 2], (1, 2)),
        ("sizes", (1.0, np.int64(2)), (1, 2)),
        ("shares", [1, 0.5], (1.0, 0.5)),
        ("table", [[1, 2.0], (3,)], ((1, 2), (3,))),
        ("pair", [1, 2], (1, 2.0)),
        ("pair", (1.0, 2.0), (1, 2.0)),
        ("maybe", None, None),
        ("maybe", 1, 1.0),
        ("colour", "red", Colour.RED),
        ("levels", [2, Level.LOW, None], (Level.HIGH, Level.LOW, None)),
        ("anything", "x", "x"),
        ("anything", [np.float64(0.5), [np.int8(1)]], (0.5, (1,))),
    ],
)
def test_field_becomes_its_declared_type(name: str, given: Any, coerced: Any) -> None:
    assert with_types(getattr(Value(**{name: given}), name)) == with_types(coerced)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("whole", 2.5),
        ("whole", NAN),
        ("whole", INFINITY),
        ("whole", True),
        ("whole", "3"),
        ("whole", None),
        ("number", "abc"),
        ("number", True),
        ("number", None),
        ("number", 1j),
        pytest.param("number", 10**400, id="number-huge"),
        ("number", np.ones((30, 30))),
        ("flag", 1),
        ("flag", "yes"),
        ("text", 3),
        ("word", "green"),
        ("word", 3),
        ("word", np.array(["red", "blue"])),
        ("odd", 2),
        ("odd", True),
        ("sizes", 3),
        ("sizes", "12"),
        ("sizes", (1, 2.5)),
        ("sizes", (True,)),
        ("maybe", "abc"),
        ("colour", "green"),
        ("levels", (3,)),
    ],
)
def test_field_refuses_what_it_cannot_hold_and_names_both(refused: Refused, name: str, given: Any) -> None:
    shown = repr(given) if isinstance(given, int | float | str | None) and given != 10**400 else ""
    with refused(ConfigError, f"Value.{name} ", f"must hold, but got {name}=", shown):
        Value(**{name: given})


@pytest.mark.parametrize("given", [3, "all", None])
def test_field_of_a_type_without_one_meaning_stays(given: Any) -> None:
    assert with_types(Either(size=given).size) == with_types(given)


def test_literal_lists_what_it_may_be(refused: Refused) -> None:
    with refused(ConfigError, "'red', 'blue'", "'green'"):
        Value(word="green")  # type: ignore[arg-type]  # the mistake under test


def test_type_that_cannot_be_resolved_is_named(refused: Refused) -> None:
    with refused(ConfigError, "Unresolved", "NoSuchType"):
        coerced_fields(Unresolved())


def test_field_of_its_type_is_left_as_it_is() -> None:
    value = Value(whole=3, number=0.1, sizes=(1, 2), shares=(0.5,), text="a", maybe=2.0)
    assert coerced_fields(value) == {}


def test_number_that_is_no_number_is_left_to_the_rules() -> None:
    assert np.isnan(Value(number=NAN).number)


def test_rule_that_holds_says_nothing() -> None:
    require(True, "0 <= x < 1", x=0.5)


def test_rule_that_does_not_hold_is_told_with_its_values(refused: Refused) -> None:
    with refused(ConfigError, "`low < high` must hold, but got low=3, high='x'."):
        require(False, "low < high", low=3, high="x")


@pytest.mark.parametrize("name", ["holds", "rule", "values", "model.filters"])
def test_rule_takes_values_of_any_name(refused: Refused, name: str) -> None:
    with refused(ConfigError, f"{name}=1"):
        require(False, "a rule", **{name: 1})


def test_rule_shows_a_value_of_many_lines_in_one(refused: Refused) -> None:
    with refused(ConfigError, "rates=array("):
        require(False, "a rule", rates=np.linspace(0, 1, 100))


def test_the_first_value_below_a_minimum_is_named_and_none_has_no_minimum(refused: Refused) -> None:
    require_at_least(1, steps=1, workers=None)
    with refused(ConfigError, "`steps >= 1` must hold, but got steps=0."):
        require_at_least(1, workers=None, steps=0, seeds=-1)
