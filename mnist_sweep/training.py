"""Training: a pure function of (config, data), with no files and no Ray.

The loop over steps is one graph over data that stay in memory as uint8, so that Python is entered once in hundreds of
steps. Whatever is only a number (learning rate, dropout rate, optimizer constants, steps) enters the graph as a tensor,
and the graph is kept for the next trial of the same structure, whose weights and slots all start anew.
"""

import contextlib
import functools
import itertools
import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mnist_sweep import optim, runtime
from mnist_sweep.config import TrialConfig
from mnist_sweep.data import Dataset, Split
from mnist_sweep.data.batches import indices
from mnist_sweep.fields import require
from mnist_sweep.models import model as models
from mnist_sweep.rows import Evaluation, Status

if TYPE_CHECKING:
    from mnist_sweep.graphs import Network, Program
    from mnist_sweep.summaries import Summaries

STEPS_PER_CALL = 200
KEPT_GRAPHS = 16
KEPT_DATASETS = 2
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What training brought.

    Attributes:
        status: OK, or DIVERGED when a loss was not finite.
        steps: Training steps taken.
        history: The learning curve, without the point at which a loss was not finite.
        test_accuracy: Share of the test split classified correctly after the last step; None unless OK.
        parameters: Trainable weights of the model.
        seconds: Wall time by part, in seconds: `setup`, `train` and `evaluate`.
        model: The trained Keras model if OK; the next trial of its structure trains the same one anew.
    """

    status: Status
    steps: int
    history: tuple[Evaluation, ...]
    test_accuracy: float | None
    parameters: int
    seconds: dict[str, float]
    model: Any


def check(config: TrialConfig, data: Dataset) -> None:
    """Do nothing if the config can be trained on the data; loads no TensorFlow.

    Raises:
        ConfigError: The batch is larger than the training split, or the model does not fit the images.
    """
    limit = len(data.train.labels)
    require(config.batch_size <= limit, f"batch_size <= {limit} (the training split)", batch_size=config.batch_size)
    model_check = getattr(config.model, "check", None)
    if model_check is not None:
        model_check(data.image_shape, data.num_classes)


def curve(
    config: TrialConfig, data: Dataset, *, summaries: "Summaries | None" = None
) -> Generator[Evaluation, None, Fit]:
    """Train one model; yield each point of its learning curve as soon as it exists, and return what training brought.

    There is a point every `log_every` steps and at each evaluation: every `evaluate_every` steps, and after the last,
    when the test split is evaluated, too.

    Args:
        config: What to train.
        data: What to train it on.
        summaries: What TensorBoard is shown meanwhile; None means nothing.

    Raises:
        ConfigError: The batch is larger than the training split, or the model does not fit the images.
    """
    check(config, data)
    clock = _Clock()
    network, program = _started_graphs(config, data)
    splits = runtime.kept("tensors", data, lambda: _tensors(data), limit=KEPT_DATASETS)
    if summaries:
        summaries.begin(network, splits["val"])
    clock.lap("setup")
    history: list[Evaluation] = []
    steps, status = 0, Status.OK
    while steps < config.num_steps:
        last = _next_point(config, steps)
        trace = summaries.trace(last) if summaries and summaries.is_traced(last) else None
        *trained, taken = _train(program, splits["train"], config, steps, last, trace)
        steps += taken
        clock.lap("train")
        finite = math.isfinite(trained[0])
        validated: tuple[float | None, float | None] = (None, None)
        if finite and (last % config.evaluate_every == 0 or last == config.num_steps):
            validated = loss, _ = _evaluate(network, splits["val"])
            finite = math.isfinite(loss)
            clock.lap("evaluate")
        if not finite:
            status = Status.DIVERGED
            break
        history.append(_point(config, steps, trained, validated, clock.total()))
        if summaries:
            summaries.point(history[-1])
        yield history[-1]
        clock.go_on()
    test_accuracy = _evaluate(network, splits["test"])[1] if status is Status.OK else None
    clock.lap("evaluate")
    if summaries:
        summaries.end(test_accuracy)
    return Fit(
        status=status,
        steps=steps,
        history=tuple(history),
        test_accuracy=test_accuracy,
        parameters=network.parameters,
        seconds=clock.seconds,
        model=network.model if status is Status.OK else None,
    )


def drain(steps: Generator[Item, None, Result], on_item: Callable[[Item], None]) -> Result:
    """Call a function with each item that a generator yields, and return what it returns in the end."""
    while True:
        try:
            item = next(steps)
        except StopIteration as end:
            return cast(Result, end.value)
        on_item(item)


def fit(config: TrialConfig, data: Dataset) -> Fit:
    """Train one model as `curve` does, in one go."""
    return drain(curve(config, data), lambda _: None)


class _Clock:
    """Wall time by part."""

    def __init__(self) -> None:
        self.seconds = {"setup": 0.0, "train": 0.0, "evaluate": 0.0}
        self._since = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] += now - self._since
        self._since = now

    def go_on(self) -> None:
        """Leave out the time since the last lap."""
        self._since = time.perf_counter()

    def total(self) -> float:
        return sum(self.seconds.values())


def _started_graphs(config: TrialConfig, data: Dataset) -> tuple["Network", "Program"]:
    from mnist_sweep import initial
    from mnist_sweep.graphs import Network, Program, build_model

    shapes = (config.precision, data.image_shape, data.num_classes)
    build = functools.cache(lambda: build_model(config, data))
    key = (models.structure(config.model), config.batch_size, data.pixel_max, *shapes)
    network: Network = runtime.kept("networks", key, lambda: Network(build(), config, data), limit=KEPT_GRAPHS)
    own_key = (network, optim.structure(config.optimizer), config.weight_decay > 0, config.augmentation)
    program: Program = runtime.kept("programs", own_key, lambda: Program(network, config), limit=KEPT_GRAPHS)
    network.start(initial.values(config, build, shapes))
    program.start(config)
    return network, program


def _tensors(data: Dataset) -> dict[str, tuple[Any, Any]]:
    import tensorflow as tf

    def pair(split: Split) -> tuple[Any, Any]:
        return tf.constant(split.images), tf.constant(split.labels, tf.int32)

    return {"train": pair(data.train), "val": pair(data.val), "test": pair(data.test)}


def _next_point(config: TrialConfig, step: int) -> int:
    """Return the step after which the learning curve has its next point."""
    every = [config.evaluate_every, *([config.log_every] if config.log_every else [])]
    return min(config.num_steps, *(step - step % steps + steps for steps in every))


def _train(
    program: "Program",
    split: Any,
    config: TrialConfig,
    first: int,
    last: int,
    trace: contextlib.AbstractContextManager[None] | None = None,
) -> tuple[float, float, int]:
    """Take steps `first` to `last - 1`, the last one inside `trace`.

    Returns:
        The steps' mean loss, their accuracy, and how many were taken.
    """
    images, labels = split
    seeds = program.seeds(config.seed)
    loss_sum, num_correct, steps = 0.0, 0, 0
    cuts = {*range(first, last, STEPS_PER_CALL), *([last - 1] if trace else []), last}
    for start, end in itertools.pairwise(sorted(cuts)):
        rows = indices(config.seed, start, end, batch_size=config.batch_size, num_examples=len(labels))
        rates = _learning_rates(config, start, end).astype("float32")
        with trace if trace and end == last else contextlib.nullcontext():
            losses, correct, taken = program.train(images, labels, rows, rates, start, seeds)
        loss_sum, num_correct, steps = loss_sum + float(losses), num_correct + int(correct), steps + int(taken)
        if not math.isfinite(loss_sum):
            break
    return loss_sum / steps, num_correct / (steps * config.batch_size), steps


def _evaluate(network: "Network", split: Any) -> tuple[float, float]:
    """Return the mean loss and the accuracy on a whole split."""
    loss_sum, num_correct = network.evaluate(*split)
    num_examples = len(split[1])
    return float(loss_sum) / num_examples, int(num_correct) / num_examples


def _point(
    config: TrialConfig, step: int, trained: Sequence[float], validated: Sequence[float | None], seconds: float
) -> Evaluation:
    return Evaluation(
        step=step,
        train_loss=trained[0],
        train_accuracy=trained[1],
        val_loss=validated[0],
        val_accuracy=validated[1],
        learning_rate=float(_learning_rates(config, step - 1, step)[0]),
        seconds=seconds,
    )


def _learning_rates(config: TrialConfig, first: int, last: int) -> Any:
    """Return the learning rates of steps `first` to `last - 1`: float64 `[last - first]`."""
    return config.optimizer.learning_rate * config.schedule.factors(first, last, config.num_steps)
