"""Laws of own fields: rows store them, and make the same value again."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.errors import ConfigError
from tests.trials.test_config import NAN, Net, Refused


@pytest.mark.parametrize("value", [object(), NAN, {1, 2}, b"bytes", lambda: 3, Path("images"), np.zeros(3)])
def test_field_that_no_row_can_keep_is_refused(refused: Refused, value: Any) -> None:
    with refused(ConfigError, "model.window must be a number, a string, ", "so that a row can store it"):
        TrialConfig(model=Net(window=value))


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
