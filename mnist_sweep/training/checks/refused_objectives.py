"""The laws of a user's own objective, tried on random outputs: one that breaks a law would rank trials by chance."""

from typing import Any

import numpy as np

from mnist_sweep.errors import ConfigError
from mnist_sweep.optim import objective_metrics
from mnist_sweep.text.causes import first_cause

MAX_NUMBERS = 4_000_000  # of random outputs


def check(objective: Any, num_classes: int, *, of_numbers: bool = False) -> None:
    """Validate that an objective has a finite number for a split, the same at each call, or raise ConfigError.

    It leaves its outputs alone. Where it has a value for each image, that depends on no other image, since a split is
    evaluated in parts.
    """
    num = min(max(64, min(2 * num_classes, 1024)), max(16, MAX_NUMBERS // num_classes))
    shape = (num,) if of_numbers and num_classes == 1 else (num, num_classes)
    outputs = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    numbers = np.linspace(0, 1, outputs.size, dtype=np.float32).reshape(shape)
    labels = numbers if of_numbers else np.arange(num, dtype=np.int32) % num_classes
    name = objective_metrics.description(objective)[0]
    given, has_examples = outputs.copy(), objective_metrics.has_examples(objective)
    try:
        first, again = (objective_metrics.value(objective, labels, outputs=given) for _ in range(2))
        every, half = (
            objective_metrics.per_example(objective, labels[::step], outputs[::step].copy())[:: 2 // step]
            if has_examples
            else np.zeros(1)
            for step in (1, 2)
        )
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        taken = f"{labels.dtype} labels {labels.shape} and float32 outputs {shape}"
        raise ConfigError(
            f"the objective {name} must return a number from {taken}, but it raises {first_cause(error)}."
        ) from error
    depends = not np.allclose(every, half, rtol=1e-4, atol=1e-6 * abs(every).max())
    for is_broken, law in (
        (not np.array_equal(given, outputs), "leave its outputs as they are: use `outputs = outputs.copy()`"),
        (first != again, "draw no random numbers, but two calls with the same split differ"),
        (has_examples and hasattr(objective, "compute"), "have `compute` or `per_example`, but it has both"),
        (depends, "give each image a value that depends on no other one: use `compute` for that of a whole split"),
    ):
        if is_broken:
            raise ConfigError(f"the objective {name} must {law}.")
