"""Optimizers: update rules as frozen values with all their numbers.

Each optimizer has its own learning rate, since 0.5 for gradient descent and 1e-4 for Adam are not interchangeable. The
update is TensorFlow's fused kernel, one operation for each weight, with the numbers as tensors, so trials that differ
only in numbers share one traced graph.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from mnist_sweep.validation import INFINITY, coerce, field_types, require


class Optimizer(Protocol):
    """An update rule with its numbers.

    Attributes:
        SLOTS: Initial value of each slot, the variables that the rule keeps for each weight.
    """

    @property
    def learning_rate(self) -> float:
        """Step size before the schedule's factor, above 0."""

    SLOTS: ClassVar[Mapping[str, float]]

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Mapping[str, Any], numbers: Mapping[str, Any], step: Any) -> None:
        """Add the update of one weight to the graph.

        Args:
            variable: Resource handle of the weight.
            gradient: Tensor of its shape.
            slots: Resource handles of its slots, by the names in SLOTS.
            numbers: Scalar tensors of the float fields by name, `learning_rate` with its factor applied.
            step: Scalar float32 tensor, 1 at the first step.
        """


def numbers(optimizer: Any) -> dict[str, float]:
    """Return the float fields of an optimizer by name, which are fed into a graph that trials share."""
    cls: Any = type(optimizer)
    types = field_types(cls)
    names = (field.name for field in dataclasses.fields(optimizer) if types[field.name] is float)
    return {name: getattr(optimizer, name) for name in names}


def _validate(optimizer: Any, *own: str) -> None:
    """Coerce all fields, and validate the learning rate and `own` fields; a subclass may give others any meaning."""
    coerce(optimizer)
    for name in ("learning_rate", *own):
        value = getattr(optimizer, name)
        if name in ("learning_rate", "epsilon"):
            require(0 < value < INFINITY, f"0 < {name} < infinity", **{name: value})
        else:
            require(0 <= value < 1, f"0 <= {name} < 1", **{name: value})


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientDescent:
    """Plain stochastic gradient descent.

    Attributes:
        learning_rate: Step size, above 0; 0.5 in the softmax tutorial.
    """

    learning_rate: float = 0.5
    SLOTS: ClassVar[Mapping[str, float]] = {}

    def __post_init__(self) -> None:
        _validate(self)

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Mapping[str, Any], numbers: Mapping[str, Any], step: Any) -> None:
        """Subtract the gradient times the learning rate."""
        import tensorflow as tf

        tf.raw_ops.ResourceApplyGradientDescent(var=variable, alpha=numbers["learning_rate"], delta=gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum:
    """Gradient descent with (heavy-ball) momentum, as in `tf.compat.v1.train.MomentumOptimizer`.

    Attributes:
        learning_rate: Step size, above 0.
        momentum: Share of the last update kept, in [0, 1).
    """

    learning_rate: float = 0.05
    momentum: float = 0.9
    SLOTS: ClassVar[Mapping[str, float]] = {"accumulator": 0.0}

    def __post_init__(self) -> None:
        _validate(self, "momentum")

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Mapping[str, Any], numbers: Mapping[str, Any], step: Any) -> None:
        """Accumulate the gradient and subtract the accumulator times the learning rate."""
        import tensorflow as tf

        sums, rate, momentum = slots["accumulator"], numbers["learning_rate"], numbers["momentum"]
        tf.raw_ops.ResourceApplyMomentum(var=variable, accum=sums, lr=rate, grad=gradient, momentum=momentum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), with the paper's defaults.

    Attributes:
        learning_rate: Step size, above 0.
        beta_1: Decay of the mean of the gradients, in [0, 1).
        beta_2: Decay of the mean of their squares, in [0, 1).
        epsilon: Added to the root, above 0.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    SLOTS: ClassVar[Mapping[str, float]] = {"m": 0.0, "v": 0.0}

    def __post_init__(self) -> None:
        _validate(self, "beta_1", "beta_2", "epsilon")

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Mapping[str, Any], numbers: Mapping[str, Any], step: Any) -> None:
        """Subtract the mean gradient over the root of the mean square, both bias-corrected."""
        import tensorflow as tf

        rate, epsilon, beta_1, beta_2 = (numbers[name] for name in ("learning_rate", "epsilon", "beta_1", "beta_2"))
        betas = {"beta1_power": beta_1**step, "beta2_power": beta_2**step, "beta1": beta_1, "beta2": beta_2}
        moments = {"m": slots["m"], "v": slots["v"]}
        tf.raw_ops.ResourceApplyAdam(var=variable, **moments, **betas, lr=rate, epsilon=epsilon, grad=gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSProp:
    """RMSProp (Tieleman and Hinton 2012, lecture 6.5), as in `tf.compat.v1.train.RMSPropOptimizer`.

    Attributes:
        learning_rate: Step size, above 0.
        rho: Decay of the mean of the squared gradients, in [0, 1); the mean starts at 1.
        momentum: Share of the last update kept, in [0, 1).
        epsilon: Added under the root, above 0.
    """

    learning_rate: float = 1e-3
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-10
    SLOTS: ClassVar[Mapping[str, float]] = {"mean_square": 1.0, "update": 0.0}

    def __post_init__(self) -> None:
        _validate(self, "rho", "momentum", "epsilon")

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Mapping[str, Any], numbers: Mapping[str, Any], step: Any) -> None:
        """Subtract the gradient over the root of its mean square."""
        import tensorflow as tf

        squares, update, rate = slots["mean_square"], slots["update"], numbers["learning_rate"]
        constants = {name: numbers[name] for name in ("rho", "momentum", "epsilon")}
        tf.raw_ops.ResourceApplyRMSProp(var=variable, ms=squares, mom=update, lr=rate, grad=gradient, **constants)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adagrad:
    """Adagrad (Duchi et al. 2011), as in `tf.compat.v1.train.AdagradOptimizer`.

    Attributes:
        learning_rate: Step size, above 0.
    """

    learning_rate: float = 0.01
    SLOTS: ClassVar[Mapping[str, float]] = {"accumulator": 0.1}

    def __post_init__(self) -> None:
        _validate(self)

    @staticmethod
    def apply(variable: Any, gradient: Any, slots: Mapping[str, Any], numbers: Mapping[str, Any], step: Any) -> None:
        """Subtract the gradient over the root of the sum of its squares, which starts at 0.1."""
        import tensorflow as tf

        sums, rate = slots["accumulator"], numbers["learning_rate"]
        tf.raw_ops.ResourceApplyAdagrad(var=variable, accum=sums, lr=rate, grad=gradient)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "gradient_descent": GradientDescent,
    "momentum": Momentum,
    "rmsprop": RMSProp,
}
