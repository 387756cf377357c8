"""Laws of the optimizers: each update against the recipe it claims to be, in float64 and without TensorFlow."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_sweep.errors import ConfigError
from mnist_sweep.optim.optimizers import (
    OPTIMIZERS,
    Adagrad,
    Adam,
    GradientDescent,
    Momentum,
    Optimizer,
    RMSProp,
    numbers,
)

Array = NDArray[np.float64]
Recipe = Callable[[Any, list[Array]], list[Array]]

GENERATOR = np.random.Generator(np.random.Philox(key=[1, 2]))
GRADIENTS = [GENERATOR.normal(scale=scale, size=(3, 4)) for scale in (1, 0.1, 3, 0.3, 1, 2)]


@dataclass(frozen=True)
class Annotated:
    """A user's optimizer whose annotations are text, as under `from __future__ import annotations`."""

    learning_rate: "float" = 0.1
    decay: "float" = 0.5
    nesterov: "bool" = False
    SLOTS: ClassVar[Mapping[str, float]] = {}

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Any, numbers: Any, step: Any) -> None:
        variable.assign_sub(numbers["learning_rate"] * gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(Adam):
    """A user's subclass with fields and a slot of its own, where `momentum` has another meaning."""

    momentum: float = 1.5
    SLOTS: ClassVar[Mapping[str, float]] = {**Adam.SLOTS, "largest_v": 0.0}


def descend(it: GradientDescent, gradients: list[Array]) -> list[Array]:
    return [-it.learning_rate * gradient for gradient in gradients]


def roll(it: Momentum, gradients: list[Array]) -> list[Array]:
    """Return what each step adds: the closed form of the sum that heavy-ball momentum accumulates."""
    sums = [
        sum((it.momentum ** (last - k) * gradients[k] for k in range(last + 1)), np.zeros((3, 4)))
        for last in range(len(gradients))
    ]
    return [-it.learning_rate * one for one in sums]


def adam(it: Adam, gradients: list[Array]) -> list[Array]:
    """Return what each step adds: Kingma and Ba 2015, in the order of computation at the end of section 2."""
    m, v, updates = np.zeros((3, 4)), np.zeros((3, 4)), []
    for t, gradient in enumerate(gradients, start=1):
        m = it.beta_1 * m + (1 - it.beta_1) * gradient
        v = it.beta_2 * v + (1 - it.beta_2) * gradient**2
        rate = it.learning_rate * math.sqrt(1 - it.beta_2**t) / (1 - it.beta_1**t)
        updates.append(-rate * m / (np.sqrt(v) + it.epsilon))
    return updates


def rmsprop(it: RMSProp, gradients: list[Array]) -> list[Array]:
    mean_square, update, updates = np.ones((3, 4)), np.zeros((3, 4)), []
    for gradient in gradients:
        mean_square = it.rho * mean_square + (1 - it.rho) * gradient**2
        update = it.momentum * update + it.learning_rate * gradient / np.sqrt(mean_square + it.epsilon)
        updates.append(-update)
    return updates


def adagrad(it: Adagrad, gradients: list[Array]) -> list[Array]:
    sums = 0.1 + np.cumsum(np.square(gradients), axis=0)
    return [-it.learning_rate * one / np.sqrt(total) for one, total in zip(gradients, sums, strict=True)]


CASES: list[tuple[Any, Any]] = [
    (GradientDescent(), descend),
    (GradientDescent(learning_rate=1e-3), descend),
    (Momentum(), roll),
    (Momentum(learning_rate=0.3, momentum=0.0), roll),
    (Momentum(learning_rate=0.01, momentum=0.99), roll),
    (Adam(), adam),
    (Adam(learning_rate=0.1, beta_1=0.5, beta_2=0.9, epsilon=0.1), adam),
    (Adam(learning_rate=0.1, beta_1=0.0), adam),
    (RMSProp(), rmsprop),
    (RMSProp(learning_rate=0.1, rho=0.5, momentum=0.9, epsilon=0.1), rmsprop),
    (Adagrad(), adagrad),
    (Adagrad(learning_rate=1.0), adagrad),
]


class Weight:
    """One weight in training: the variable, its slots, and steps on it."""

    def __init__(self, tf: Any, optimizer: Optimizer) -> None:
        self.tf, self.optimizer, self.step = tf, optimizer, 0
        self.variable = tf.Variable(tf.zeros((3, 4)))
        self.slots = {name: tf.Variable(tf.fill((3, 4), value)) for name, value in optimizer.SLOTS.items()}

    def take(self, gradient: Array) -> Array:
        """Take a step; return the weight after it."""
        self.step += 1
        self.optimizer.apply(
            self.variable.handle,
            self.tf.constant(gradient, self.tf.float32),
            {name: slot.handle for name, slot in self.slots.items()},
            {name: self.tf.constant(value) for name, value in numbers(self.optimizer).items()},
            self.tf.constant(self.step, self.tf.float32),
        )
        return cast(Array, self.variable.numpy())


@pytest.mark.parametrize(("optimizer", "recipe"), CASES, ids=[str(optimizer) for optimizer, _ in CASES])
def test_update_is_the_recipes(tf: Any, optimizer: Optimizer, recipe: Recipe) -> None:
    weight = Weight(tf, optimizer)
    for gradient, expected in zip(GRADIENTS, np.cumsum(recipe(optimizer, GRADIENTS), axis=0), strict=True):
        np.testing.assert_allclose(weight.take(gradient), expected, rtol=2e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_update_is_the_same_in_a_graph(tf: Any, name: str) -> None:
    eager, traced = (Weight(tf, OPTIMIZERS[name]()) for _ in range(2))

    def take(gradient: Any, step: Any) -> None:
        slots = {name: slot.handle for name, slot in traced.slots.items()}
        values = {name: tf.constant(value) for name, value in numbers(traced.optimizer).items()}
        traced.optimizer.apply(traced.variable.handle, gradient, slots, values, step)

    in_graph = tf.function(take)
    for step, gradient in enumerate(GRADIENTS, start=1):
        in_graph(tf.constant(gradient, tf.float32), tf.constant(step, tf.float32))
        np.testing.assert_allclose(traced.variable.numpy(), eager.take(gradient), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_is_tried_against_its_recipe(name: str) -> None:
    assert OPTIMIZERS[name] in {type(optimizer) for optimizer, _ in CASES}


def test_rules_of_a_built_in_optimizer_hold_for_its_own_fields_in_a_subclass_and_for_no_others() -> None:
    assert Extended().momentum == 1.5
    for name, value in (("learning_rate", -1.0), ("beta_1", 1.0), ("epsilon", 0.0)):
        with pytest.raises(ConfigError, match=rf"{name} < .* but got {name}={value}"):
            Extended(**{name: value})


def test_subclass_with_further_slots_can_apply_the_built_in_update(tf: Any) -> None:
    extended, plain = Weight(tf, Extended()), Weight(tf, Adam())
    np.testing.assert_array_equal(extended.take(GRADIENTS[0]), plain.take(GRADIENTS[0]))


def test_numbers_are_all_float_fields_by_name_whose_defaults_never_change() -> None:
    assert numbers(GradientDescent()) == {"learning_rate": 0.5}
    assert numbers(Momentum()) == {"learning_rate": 0.05, "momentum": 0.9}
    assert numbers(Adam()) == {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
    assert numbers(RMSProp()) == {"learning_rate": 1e-3, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-10}
    assert numbers(Adagrad()) == {"learning_rate": 0.01}


def test_numbers_are_found_whether_their_types_are_written_as_text_or_not() -> None:
    assert numbers(Annotated()) == {"learning_rate": 0.1, "decay": 0.5}
