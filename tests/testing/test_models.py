"""The shipped contract of models: every registered one keeps it, and each broken law is named."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from mnist_sweep.models.catalog import MODELS
from mnist_sweep.testing import check_model
from tests.training.training_code import Linear

SIZES: dict[str, dict[str, Any]] = {"cnn": {"filters": (2, 3), "units": 4}, "resnet": {"depth": 8, "filters": 2}}


@dataclass(frozen=True)
class Perceptron:
    """A user's model, with faults to choose from."""

    fault: str = ""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        activation = "softmax" if self.fault == "softmax" else None
        images = keras.Input(image_shape)
        flat = keras.layers.Flatten()(images)
        if self.fault == "noise":
            flat = keras.layers.Lambda(lambda x: x + keras.random.normal(keras.ops.shape(x)))(flat)
        dense = keras.layers.Dense(num_classes + (self.fault == "classes"), activation=activation)
        dense.trainable = self.fault != "frozen"
        return keras.Model(images, dense(flat))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_registered_model_keeps_the_contract(tf: Any, name: str) -> None:
    model: Any = MODELS[name](**SIZES.get(name, {}))
    initializers = {"initializer": "glorot_uniform"} if "initializer" in vars(type(model)).get("__slots__", ()) else {}
    check_model(dataclasses.replace(model, **initializers))


def test_a_model_of_ones_own_keeps_it(tf: Any) -> None:
    check_model(Perceptron(), image_shape=(6, 5, 3), num_classes=2)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("softmax", r"to logits \(batch, 10\), but its outputs are probabilities: remove the softmax"),
        ("classes", r"its outputs have the shape \(batch, 11\)"),
        ("frozen", "none of its 2 variables is trainable"),
        ("noise", "equal images have different logits in evaluation"),
    ],
)
def test_each_broken_law_is_named(tf: Any, fault: str, named: str) -> None:
    with pytest.raises(AssertionError, match=named):
        check_model(Perceptron(fault))


def test_a_model_that_trains_itself_has_nothing_to_check() -> None:
    with pytest.raises(AssertionError, match="has no `build` to check"):
        check_model(Linear())  # type: ignore[arg-type]  # the mistake under test
