"""Laws of what a model is to the sweep: what its graph depends on."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.protocol import VARIABLE, structure
from mnist_sweep.models.softmax import Softmax


@dataclass(frozen=True)
class Net:
    units: int = 8
    dropout: float = field(default=0.5, metadata=VARIABLE)
    noise: float = field(default=0.0, metadata={"variable": True, "unit": "pixels"})
    scale: float = field(default=1.0, metadata={"unit": "pixels"})
    fixed: float = field(default=1.0, metadata={"variable": False})


@dataclass(frozen=True)
class Other:
    units: int = 8
    scale: float = 1.0
    fixed: float = 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [(Net(dropout=0.1), Net(dropout=0.2)), (Net(noise=0.1), Net()), (CNN(dropout=0.0), CNN(dropout=0.9))],
)
def test_structure_ignores_what_is_kept_in_weights(one: Any, other: Any) -> None:
    assert structure(one) == structure(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Net(units=8), Net(units=9)),
        (Net(scale=1.0), Net(scale=2.0)),
        (Net(fixed=1.0), Net(fixed=2.0)),
        (Net(), Other()),
        (CNN(), CNN(filters=(32,))),
        (CNN(), CNN(kernel_size=3)),
        (CNN(), CNN(pool_size=3)),
        (CNN(), CNN(units=8)),
        (CNN(), CNN(initializer="truncated_normal")),
        (Softmax(), Softmax(initializer="glorot_uniform")),
    ],
)
def test_structure_tells_everything_else_apart(one: Any, other: Any) -> None:
    assert structure(one) != structure(other)


def test_structure_is_a_key() -> None:
    assert len({structure(model) for model in (CNN(), CNN(dropout=0.5), Softmax())}) == 2


def test_mark_of_a_variable_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VARIABLE["variable"] = False  # type: ignore[index]  # the mistake under test
