"""Training code of a user's own: softmax regression in NumPy, and every way to use a context wrongly."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnist_sweep import VARIABLE, Context, Predictions


@dataclass(frozen=True)
class Linear:
    """Draws its batches from NumPy's global generator; keeps its weights after each report."""

    rate: float = field(default=0.5, metadata=VARIABLE)
    slowing: float = 0.0  # share of the rate that is gone at the end

    def train(self, context: Context) -> Predictions:
        images = {split: flat(context, split) for split in ("train", "val", "test")}
        labels = context.data.train.labels
        state = context.restore() or {"step": 0, "weights": np.zeros((images["train"].shape[1], 10))}
        step, weights = state["step"], state["weights"]
        while step < context.steps and not context.should_stop:
            rows = np.random.randint(len(labels), size=context.batch_size)
            logits = images["train"][rows] @ weights
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            errors = shares / shares.sum(axis=1, keepdims=True) - np.eye(10)[labels[rows]]
            rate = self.rate * (1 - self.slowing * step / context.steps)
            weights = weights - rate * images["train"][rows].T @ errors / len(rows)
            step += 1
            if step % context.evaluate_every == 0 or step == context.steps:
                right = (images["val"] @ weights).argmax(axis=1) == context.data.val.labels
                context.report(step, val_accuracy=right.mean(), val_loss=float(weights.std()))
                context.checkpoint({"step": step, "weights": weights})
        return Predictions(*((images[split] @ weights).argmax(axis=1) for split in ("val", "test")))


def flat(context: Context, split: Any) -> Any:
    images = context.images(split)
    return images.reshape(len(images), -1)


@dataclass(frozen=True)
class Scripted:
    """Does what a function of `WAYS` does."""

    way: str

    def train(self, context: Context) -> Any:
        return WAYS[self.way](context)


GOOD = {"test_accuracy": 0.5}
WAYS: dict[str, Callable[[Context], Any]] = {}


def way(function: Callable[[Context], Any]) -> Callable[[Context], Any]:
    WAYS[function.__name__] = function
    return function


def reporting(*points: tuple[Any, dict[str, Any]], then: Any = GOOD) -> Callable[[Context], Any]:
    """Return training code that reports points, and returns something."""

    def train(context: Context) -> Any:
        for step, metrics in points:
            context.report(step, **metrics)
        return then

    return train


def returning(value: Any) -> Callable[[Context], Any]:
    return reporting((1, {"val_accuracy": 0.5}), then=value)


def with_state(state: Any) -> Callable[[Context], Any]:
    def train(context: Context) -> Any:
        context.restore()
        context.report(1, val_accuracy=0.5)
        context.checkpoint(state)
        return GOOD

    return train


@way
def catches_errors(context: Context) -> Any:
    try:
        context.report(1, val_acuracy=0.5)
    except Exception:
        context.seed  # noqa: B018  # whatever the code does next
    return GOOD


@way
def catches_everything(context: Context) -> Any:
    for step in (1, 2):
        try:
            context.report(step, val_accuracy=float("nan"))
        except BaseException:
            continue
    return GOOD


@way
def from_a_thread(context: Context) -> Any:
    def report() -> None:
        with contextlib.suppress(ValueError):
            context.report(1, val_accuracy=0.5)

    thread = threading.Thread(target=report)
    thread.start()
    thread.join()
    return GOOD


@way
def checkpoint_without_restore(context: Context) -> Any:
    context.report(1, val_accuracy=0.5)
    context.checkpoint({"step": 1})
    return GOOD


@way
def restore_after_report(context: Context) -> Any:
    context.report(1, val_accuracy=0.5)
    context.restore()
    return GOOD


@way
def unknown_split(context: Context) -> Any:
    return context.images("valid")


@way
def unknown_field(context: Context) -> Any:
    return context.learning_rates  # a near miss


@way
def own_error(context: Context) -> Any:
    context.report(1, val_accuracy=0.5)
    raise ZeroDivisionError("of the user's")


@way
def leaves(context: Context) -> Any:
    raise SystemExit("of the user's")


@dataclass(frozen=True)
class Sequence:
    """A generator by mistake."""

    def train(self, context: Context) -> Iterator[int]:
        yield 1


@dataclass(frozen=True)
class Coroutine:
    async def train(self, context: Context) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Contextless:
    def train(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Greedy:
    def train(self, context: Context, data: Any) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Both:
    train_size: int = 3

    def train(self, context: Context) -> None:
        """Do nothing."""

    def build(self, image_shape: Any, num_classes: int) -> None:
        """Do nothing."""
