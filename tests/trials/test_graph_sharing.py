"""Laws of what makes two trials share a compiled graph."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import pytest

from mnist_sweep import Adam, Cosine, Digits, Momentum, TrialConfig
from mnist_sweep.models.cnn import CNN
from mnist_sweep.models.protocol import VARIABLE
from mnist_sweep.models.softmax_regression import Softmax
from mnist_sweep.optim.optimizers import OPTIMIZERS
from mnist_sweep.trials.graph_sharing import graph_signature, model_signature, network_signature, update_signature
from tests.optim.test_optimizers import Annotated


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
def test_model_signature_ignores_what_is_kept_in_weights(one: Any, other: Any) -> None:
    assert model_signature(one) == model_signature(other)


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
def test_model_signature_distinguishes_everything_else(one: Any, other: Any) -> None:
    assert model_signature(one) != model_signature(other)


def test_model_signature_is_hashable() -> None:
    assert len({model_signature(model) for model in (CNN(), CNN(dropout=0.5), Softmax())}) == 2


def of_update(optimizer: Any) -> tuple[Any, ...]:
    return update_signature(TrialConfig(optimizer=optimizer))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_signature_of_an_update_ignores_numbers_of_the_optimizer(name: str) -> None:
    one = OPTIMIZERS[name]()
    other = OPTIMIZERS[name](**{item.name: 0.0625 for item in fields(cast(Any, one))})
    assert one != other
    assert of_update(one) == of_update(other)


def test_signature_of_an_update_distinguishes_types_and_other_fields() -> None:
    optimizers = [*(cls() for cls in OPTIMIZERS.values()), Annotated(), Annotated(nesterov=True)]
    assert len({*map(of_update, optimizers)}) == len(OPTIMIZERS) + 2
    assert of_update(Annotated(decay=0.1)) == of_update(Annotated(decay=0.2))


TRIAL = TrialConfig(model=CNN(filters=(2,)), optimizer=Momentum())


@pytest.mark.parametrize(
    ("changed", "same_network", "same_update", "same_graphs"),
    [
        ({"seed": 1, "num_steps": 7, "evaluate_every": 3, "log_every": 2, "schedule": Cosine()}, True, True, True),
        ({"model": CNN(filters=(2,), dropout=0.5), "optimizer": Momentum(learning_rate=0.5)}, True, True, True),
        ({"optimizer": Adam()}, True, False, False),
        ({"weight_decay": 0.1}, True, False, False),
        ({"augmentation": "pad_crop_flip"}, True, False, False),
        ({"batch_size": 7}, False, True, False),
        ({"precision": "mixed_bfloat16"}, False, True, False),
        ({"model": CNN(filters=(3,))}, False, True, False),
        ({"data": Digits(val_size=7)}, True, True, False),
    ],
    ids=str,
)
def test_a_trial_shares_the_graphs_that_its_changed_fields_are_no_part_of(
    changed: dict[str, Any], same_network: bool, same_update: bool, same_graphs: bool
) -> None:
    other = replace(TRIAL, **changed)
    signatures = network_signature, update_signature, graph_signature
    shared = tuple(signature(other) == signature(TRIAL) for signature in signatures)
    assert shared == (same_network, same_update, same_graphs)
