"""Which objectives of a user are refused before training, and how each refusal reads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.training.checks import refused_objectives
from tests.optim.test_objective_metrics import RMSError, TopK, mean_rank

CALLS: list[int] = []


def nothing(labels: Any, outputs: Any) -> Any:
    return None


def of_each(labels: Any, outputs: Any) -> Any:
    return labels == outputs.argmax(axis=1)


def nan(labels: Any, outputs: Any) -> Any:
    return np.nan


def probability(labels: Any, outputs: Any) -> Any:
    return float(np.log(outputs[np.arange(len(labels)), labels]).mean())  # of negative logits


def broken(labels: Any, outputs: Any) -> Any:
    return outputs[:, 99].mean()


def ending(labels: Any, outputs: Any) -> Any:
    raise SystemExit("bye")


def random(labels: Any, outputs: Any) -> Any:
    CALLS.append(len(CALLS))
    return len(CALLS)


def tensors(labels: Any, outputs: Any) -> Any:
    return outputs.numpy().mean()


def in_place(labels: Any, outputs: Any) -> Any:
    outputs -= outputs.max(axis=1, keepdims=True)
    return outputs.mean()


class Centred:
    def per_example(self, labels: Any, outputs: Any) -> Any:
        return labels - labels.mean()


class Both:
    def per_example(self, labels: Any, outputs: Any) -> Any:
        return labels

    def compute(self, labels: Any, outputs: Any) -> Any:
        return labels.mean()


class FixedSize:
    def per_example(self, labels: Any, outputs: Any) -> Any:
        return labels + np.zeros(64)


def one_argument(labels: Any) -> Any:
    return 0.5


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (nothing, "the objective nothing must return a number, but it returns None."),
        (of_each, "the objective of_each must return a number, but it returns array("),
        (nan, "the objective nan must return a finite number, but it returns nan."),
        (probability, "the objective probability must return a finite number, but it returns nan."),
        (
            broken,
            "int32 labels (64,) and float32 outputs (64, 10), but it raises IndexError: index 99 is out of bounds",
        ),
        (ending, "but it raises SystemExit: bye"),
        (random, "the objective random must draw no random numbers, but two calls with the same split differ."),
        (tensors, "but it raises AttributeError: 'numpy.ndarray' object has no attribute 'numpy'"),
        (in_place, "the objective in_place must leave its outputs as they are: use `outputs = outputs.copy()`."),
        (Centred(), "the objective centred must give each image a value that depends on no other one: use `compute`"),
        (Both(), "the objective both must have `compute` or `per_example`, but it has both."),
        (FixedSize(), "but it raises ValueError: operands could not be broadcast together"),
        (one_argument, "but it raises TypeError: one_argument() takes 1 positional argument but 2 were given"),
    ],
)
def test_an_objective_that_breaks_a_law_is_refused(objective: Callable[..., Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        refused_objectives.check(objective, 10)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("objective", [mean_rank, TopK(), RMSError()])
@pytest.mark.parametrize("num_classes", [2, 10, 65_536])
def test_others_are_not(objective: Any, num_classes: int) -> None:
    refused_objectives.check(objective, num_classes)


@pytest.mark.parametrize("num_classes", [2, 10, 300])
def test_every_class_has_images(num_classes: int) -> None:
    def lacking(labels: Any, outputs: Any) -> float:
        return float(outputs.shape[1] - len(np.unique(labels)))

    seen: list[float] = []

    def counting(labels: Any, outputs: Any) -> float:
        seen.append(lacking(labels, outputs))
        return 0.5

    refused_objectives.check(counting, num_classes)
    assert seen == [0.0, 0.0]
