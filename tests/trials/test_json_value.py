"""Laws of values as JSON has them: nothing is lost but what is unknown, and nothing is guessed."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from mnist_sweep import Status, TrialConfig, to_flat
from mnist_sweep.trials.json_value import json_value


class Pair(NamedTuple):
    one: float
    other: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    path: Path
    pairs: tuple[Pair, ...]
    key: object = field(default=None, metadata={"json": False})

    @property
    def num_pairs(self) -> int:
        return len(self.pairs)

    @property
    def _hidden(self) -> int:
        return 0

    def method(self) -> int:
        return 0


def test_a_frozen_value_is_an_object_with_its_fields_and_properties() -> None:
    value = Value(Path("a/b"), (Pair(math.nan), Pair(-math.inf, (1, 2))), key=object())
    pairs = [{"one": None, "other": []}, {"one": None, "other": [1, 2]}]
    assert json_value(value) == {"path": "a/b", "pairs": pairs, "num_pairs": 2}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0.1 + 0.2, "0.30000000000000004"),
        (np.float64(0.5), "0.5"),
        (Status.OK, '"ok"'),
        ({1: [Path("x")]}, '{"1": ["x"]}'),
        ({"a": {"b": math.inf}}, '{"a": {"b": null}}'),
        ("\x1b[2J\u202eé", '"\\u001b[2J\\u202e\\u00e9"'),
    ],
)
def test_plain_values_have_their_text(value: Any, text: str) -> None:
    assert json.dumps(json_value(value), allow_nan=False) == text


def test_a_config_has_its_flat_form() -> None:
    assert json_value({"config": TrialConfig()}) == {"config": to_flat(TrialConfig())}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j, np.zeros(2), int, [object()]])
def test_what_json_lacks_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no form in JSON"):
        json_value(value)
