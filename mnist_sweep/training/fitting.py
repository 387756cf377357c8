"""Training: a pure function of (config, data), with no files and no Ray.

The loop over steps is one graph over data that stay in memory as uint8, so that Python is entered about once a second.
Whatever is only a number (learning rate, dropout rate, optimizer constants, steps) enters the graph as a tensor, and
the graph is kept for the next trial of the same structure, whose weights and slots all start anew.
"""

from collections.abc import Callable, Generator
from typing import TypeVar, cast

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import LedgerError
from mnist_sweep.training.callback import TrainingCallback
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.loop import Loop
from mnist_sweep.training.state import Fit, Heartbeat
from mnist_sweep.trials import overrides
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation
from mnist_sweep.validation import require

Item = TypeVar("Item")
Result = TypeVar("Result")


class Paused(BaseException):
    """Thrown into a trial by whoever runs it: the trial writes its checkpoint and ends without a row."""


def check(config: TrialConfig, data: Dataset) -> None:
    """Do nothing if the config can be trained on the data; loads no TensorFlow.

    Raises:
        ConfigError: The batch is larger than the training split, or the model does not fit the images.
    """
    limit = len(data.train.labels)
    overrides.check(config)
    require(config.batch_size <= limit, f"batch_size <= {limit} (the training split)", batch_size=config.batch_size)
    model_check = getattr(config.model, "check", None)
    if model_check is not None:
        model_check(data.image_shape, data.num_classes)


def curve(
    config: TrialConfig,
    data: Dataset,
    *,
    summaries: TrainingCallback | None = None,
    checkpoints: Checkpoints | None = None,
) -> Generator[Evaluation | Heartbeat, None, Fit]:
    """Train one model; yield each point of its learning curve as soon as it exists, and return what training brought.

    There is a point every `log_every` steps and at each evaluation: every `evaluate_every` steps, and after the last,
    when the test split is evaluated, too. Before the first point and about once a second there is a tick; `Paused` may
    be thrown in at any of them.

    Args:
        config: What to train.
        data: What to train it on.
        summaries: What TensorBoard is shown meanwhile; None means nothing.
        checkpoints: Where to go on from and what to leave meanwhile; None means to start over and leave nothing.

    Raises:
        ConfigError: The batch is larger than the training split, or the model does not fit the images.
    """
    check(config, data)
    loop = Loop(config, data, summaries, checkpoints)
    try:
        status = yield from loop.run()
    except Paused as paused:
        try:
            loop.save()
        except LedgerError as error:
            paused.add_note(f"it will start over, for {error}")
        raise
    return loop.fit(status)


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
