"""Training as a pure function of (config, data): no results folder, no Ray.

The loop over steps is one graph over images in memory, so that Python is entered about once a second, or, with a
large data set, once for each chunk of images (`input_pipeline`). Numbers (learning rate, dropout rate, optimizer
constants, steps) enter the graph as tensors, and the graph is kept for the next trial with the same signature, whose
weights and slots are initialised anew.
"""

from collections.abc import Callable, Generator
from typing import TypeVar, cast

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import LedgerError
from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.optim import losses, objective_metrics
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.training_loop import TrainingLoop
from mnist_sweep.training.trial_progress import FitResult, Heartbeat, Paused, TrainingCallback
from mnist_sweep.trials import overrides
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation
from mnist_sweep.validation import require

Item = TypeVar("Item")
Result = TypeVar("Result")


def validate(config: TrialConfig, data: Dataset) -> None:
    """Validate that a config can be trained on a data set, without loading TensorFlow.

    Raises:
        ConfigError: The batch is larger than the training split, or the model, the loss or the objective does not fit
            the data.
        ResourceError: The environment chooses a backend for Keras that the model cannot use.
    """
    limit = len(data.train.labels)
    overrides.validate(config)
    tensorflow_runtime.validate_backend(trains_itself=trains_itself(config.model))
    require(config.batch_size <= limit, f"batch_size <= {limit} (the training images)", batch_size=config.batch_size)
    if not trains_itself(config.model):  # whose code may have a loss of its own
        losses.fitted(config.loss, data.train.labels, data.num_classes)
    objective_metrics.check_fits(config.objective, data.train.labels)
    check = getattr(config.model, "check", None)
    if check is not None:
        check(data.image_shape, data.num_classes)


def train(
    config: TrialConfig,
    data: Dataset,
    *,
    callback: TrainingCallback | None = None,
    checkpoints: Checkpoints | None = None,
) -> Generator[Evaluation | Heartbeat, None, FitResult]:
    """Train one model: yield its learning curve point by point, and return the result.

    There is a point every `log_every` steps and at each evaluation: every `evaluate_every` steps and after the last
    step, when the test split is evaluated, too. A heartbeat comes before the first point and about once a second;
    `Paused` may be thrown in at any item.

    The trial resumes from `checkpoints` and writes them meanwhile; None means to start over and write nothing.

    Raises:
        ConfigError: The batch is larger than the training split, or the model does not fit the images.
    """
    validate(config, data)
    loop = TrainingLoop(config, data, callback, checkpoints)
    try:
        status = yield from loop.run()
    except Paused as paused:
        try:
            loop.save_checkpoint()
        except LedgerError as error:
            paused.add_note(f"it will start over: {error}")
        raise
    return loop.result(status)


def consume(items: Generator[Item, None, Result], on_item: Callable[[Item], None]) -> Result:
    """Call a function with each item of a generator, and return the generator's return value."""
    while True:
        try:
            item = next(items)
        except StopIteration as end:
            return cast(Result, end.value)
        on_item(item)


def fit(config: TrialConfig, data: Dataset) -> FitResult:
    """Train one model to its end, as `train` does, and return the result."""
    return consume(train(config, data), lambda _: None)
