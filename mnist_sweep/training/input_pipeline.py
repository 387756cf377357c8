"""Images and labels as graphs take them: whole splits in memory, or, of a large data set, what the next steps need.

Both give the same numbers, since a graph gathers its batches from images by rows of places: of a split, or of images
that were gathered from it before, in a thread that is one chunk ahead.
"""

import functools
import operator
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.models.inference import BATCH_SIZE
from mnist_sweep.optim import objective_metrics
from mnist_sweep.training import tensorflow_runtime

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig

MAX_RESIDENT_BYTES = 512 << 20  # of a data set, which every process would have for itself
CHUNK_BYTES = 32 << 20
Rows = Callable[[int, int], NDArray[np.int32]]


class ResidentInput:
    """A split in memory: images `[n, height, width, channels]`; labels int32 `[n]`, or float32 `[n]` or `[n, k]`."""

    def __init__(self, split: Split) -> None:
        self._tensors = tf.constant(np.asarray(split.images)), _labels(split.labels)

    def steps(self, first: int, last: int, rows: Rows) -> Iterator[tuple[Any, Any, Any]]:
        """Yield images, labels, and rows of places in them for the steps from `first` up to `last`.

        `rows` returns the places in the split for steps: int32 `[num_steps, batch_size]`.
        """
        yield *self._tensors, rows(first, last)

    def parts(self, *, by_batch: bool = False) -> Iterator[tuple[Any, Any]]:
        """Yield the whole split, or one evaluation batch after the other."""
        num = len(self._tensors[1])
        size = BATCH_SIZE if by_batch else num
        for start in range(0, num, size):
            yield self._tensors if size >= num else tuple(one[start : start + size] for one in self._tensors)


class StreamedInput:
    """The same for a split of which no more than a few chunks are in memory; for one trial."""

    def __init__(self, split: Split) -> None:
        self._images, self._labels = np.asarray(split.images), split.labels
        self._thread = ThreadPoolExecutor(1)
        self._chunks: dict[int, Future[Any]] = {}

    def steps(self, first: int, last: int, rows: Rows) -> Iterator[tuple[Any, Any, Any]]:
        """Yield what the steps of a chunk need, and prepare the next chunk meanwhile."""
        batch_size = rows(first, first + 1).size
        size = max(1, CHUNK_BYTES // (batch_size * self._images[0].nbytes))
        while first < last:
            number, offset = divmod(first, size)
            self._chunks = {
                one: self._chunks.get(one) or self._thread.submit(self._gathered, rows(one * size, (one + 1) * size))
                for one in (number, number + 1)
            }
            stop = min(last, (number + 1) * size)
            places = np.arange(offset * batch_size, (offset + stop - first) * batch_size, dtype=np.int32)
            yield *self._chunks[number].result(), places.reshape(-1, batch_size)
            first = stop

    def parts(self, *, by_batch: bool = True) -> Iterator[tuple[Any, Any]]:
        """Yield the images of one evaluation batch after the other."""
        starts = range(0, len(self._labels), BATCH_SIZE)
        batches = [slice(start, start + BATCH_SIZE) for start in starts]
        following = self._thread.submit(self._gathered, batches[0])
        for batch in [*batches[1:], None]:
            current, following = following, self._thread.submit(self._gathered, batch or slice(0))
            yield current.result()

    def _gathered(self, places: Any) -> tuple[Any, Any]:
        flat = places if isinstance(places, slice) else places.ravel()
        return tf.constant(self._images[flat]), _labels(self._labels[flat])


SplitInput = ResidentInput | StreamedInput


def _labels(labels: NDArray[Any]) -> Any:
    """Return labels as graphs take them: classes as int32, numbers as float32."""
    return tf.constant(labels, tf.float32 if labels.dtype.kind == "f" else tf.int32)


def split_inputs(data: Dataset) -> dict[str, SplitInput]:
    """Return the input of each split: what this process has in memory already, or streams if the data set is large."""
    if sum(split.images.nbytes for split in data.splits.values()) > MAX_RESIDENT_BYTES:
        return {name: StreamedInput(split) for name, split in data.splits.items()}
    found: dict[str, SplitInput] = tensorflow_runtime.cached(
        "inputs",
        data,
        lambda: {name: ResidentInput(one) for name, one in data.splits.items()},
        limit=tensorflow_runtime.MAX_DATASETS,
    )
    return found


class Evaluated(NamedTuple):
    """Mean loss and accuracy of a split, its objective if that is another one and was computed, and the predictions.

    Predictions are classes, or numbers, of which there is no accuracy.
    `examples` are the values of the images under the objective, if they have their own.
    """

    loss: float
    accuracy: float | None
    objective: float | None
    predicted: NDArray[np.uint16 | np.float32]
    examples: NDArray[np.float64] | None = None


def evaluated(
    evaluate: Callable[[Any, Any], Any], split: SplitInput, labels: Any, config: "TrialConfig", *, is_last: bool
) -> Evaluated:
    """Return the results on a split with these labels, from what `inference.evaluate` returns for its parts.

    Where the loss is not finite, the objective is left out unless this is the last evaluation of the trial.
    """
    objective, by_example = config.objective, objective_metrics.has_examples(config.objective)
    answers = []
    for images, true in split.parts(by_batch=by_example):  # so that the outputs of one batch are in memory
        loss, correct, *found = evaluate(images, true)
        predicted, *outputs = (one.numpy() for one in found)
        outputs = outputs or [predicted]  # what is predicted of numbers are the outputs
        if by_example:
            is_known = is_last or np.isfinite(loss)
            none = np.full(len(predicted), np.nan)
            outputs = [objective_metrics.per_example(objective, true.numpy(), outputs[0]) if is_known else none]
        answers.append((float(loss), int(correct), predicted, *outputs))
    losses, num_correct, *parts = zip(*answers, strict=True)
    predicted, *outputs = map(np.concatenate, parts)
    loss, value = functools.reduce(operator.add, losses) / len(predicted), None  # `sum` rounds differently
    if not config.measure.is_accuracy and (is_last or np.isfinite(loss)):
        given = {"examples" if by_example else "outputs": outputs[0]} if outputs else {}
        value = objective_metrics.value(objective, labels, classes=predicted, **given)
    accuracy = None if predicted.dtype.kind == "f" else sum(num_correct) / len(predicted)
    return Evaluated(loss, accuracy, value, predicted, *outputs[:by_example])
