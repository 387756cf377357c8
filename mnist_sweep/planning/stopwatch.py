"""What one trial of a kind costs, measured in this process by short trials of the real network on the real data.

Three of them: the first traces the graphs, the second shows what a trial costs that finds them traced, and how long a
step is about, the third takes enough steps to tell. The learning rate is 0, so that none diverges; arithmetic takes the
same time.
"""

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.runners import trial
from mnist_sweep.system import machine
from mnist_sweep.training import fitting
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Status, TrialRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS_OF_STEPS = 0.5
STEPS = (4, 200)
MOST_IMAGES = 1000
KEEP_ALL = Artifacts(storage=".", models="all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What trials of one kind cost, in seconds unless it says otherwise.

    Attributes:
        step: A training step.
        image: An image in an evaluation.
        trial: What comes to a trial besides steps and evaluations, once its graphs are traced.
        first: What comes to the first trial of its kind in a worker: building, tracing.
        model: Saving the trained model, with a look at its mistakes among as many images as `images`.
        images: Validation images that `model` was measured with.
        memory: The most that the process held for itself so far, in bytes; it may have measured other kinds before.
        shared_memory: The files that it has mapped, TensorFlow's libraries above all, in bytes; workers share them.
        gpu_memory: The most that it held on its GPU, in bytes; 0 without one.
    """

    step: float
    image: float
    trial: float
    first: float
    model: float
    images: int
    memory: int
    shared_memory: int
    gpu_memory: int = 0


class Unmeasurable(Exception):  # noqa: N818 (it is what a trial of the sweep would end with)
    """A trial of this kind brings no result; the message is why, in one line."""


@dataclass(frozen=True)
class Still:
    """The schedule that multiplies the learning rate by 0."""

    def factors(self, first: int, last: int, num_steps: int) -> "NDArray[np.float64]":
        """Return zeros: float64 `[last - first]`."""
        import numpy as np

        return np.zeros(last - first)


def cost(config: TrialConfig, dataset: Dataset) -> Cost:
    """Return what trials of a config's kind cost in this process, where TensorFlow is set up.

    Args:
        config: A trial of the kind.
        dataset: Its data, of which `part` is enough.

    Raises:
        Unmeasurable: A trial of this kind fails, or its first loss is not finite.
    """
    _, first_seconds = _run(config, dataset, 1)
    second, second_seconds = _run(config, dataset, 2)
    third, third_seconds = _run(config, dataset, _num_steps(second), keep=True)
    step = _of(third, "train") / third.steps  # type: ignore[operator]  # a row that ended well has steps
    evaluation = (_of(second, "evaluate") + _of(third, "evaluate")) / 2
    each_trial = second_seconds - _of(second, "train") - _of(second, "evaluate")
    return Cost(
        step=step,
        image=evaluation / (len(dataset.val) + len(dataset.test)),
        trial=each_trial,
        first=max(0.0, first_seconds - each_trial - step - evaluation),
        model=max(0.0, third_seconds - (third.seconds_total or 0.0)),
        images=len(dataset.val),
        memory=machine.peak_memory() - machine.shared_memory(),
        shared_memory=machine.shared_memory(),
        gpu_memory=_peak_gpu_memory(),
    )


def part(dataset: Dataset) -> Dataset:
    """Return a data set with at most 1,000 images to validate and to test on: evaluations are long, and all alike."""

    def few(split: Split) -> Split:
        return Split(images=split.images[:MOST_IMAGES], labels=split.labels[:MOST_IMAGES])

    return dataclasses.replace(dataset, val=few(dataset.val), test=few(dataset.test))


def _run(config: TrialConfig, dataset: Dataset, num_steps: int, *, keep: bool = False) -> tuple[TrialRow, float]:
    """Run a trial of so many steps, in calls as long as the config's own; return its row and its wall time."""
    points = min(config.evaluate_every, config.log_every or config.evaluate_every)
    short = dataclasses.replace(
        config, num_steps=num_steps, evaluate_every=num_steps, log_every=points, schedule=Still(), changes=()
    )
    start = time.perf_counter()
    row = fitting.consume(trial.steps(short, dataset, artifacts=KEEP_ALL if keep else None), lambda _: None)
    if row.status is not Status.OK:
        raise Unmeasurable(row.error or "its first loss is not finite")
    return row, time.perf_counter() - start


def _num_steps(row: TrialRow) -> int:
    """Return how many steps take about as long as is to be measured, after a trial of a few."""
    low, high = STEPS
    return max(low, min(high, int(SECONDS_OF_STEPS * (row.steps or 1) / max(_of(row, "train"), 1e-6))))


def _of(row: TrialRow, name: str) -> float:
    return float(getattr(row, f"seconds_{name}"))


def _peak_gpu_memory() -> int:
    import tensorflow as tf

    if not tf.config.get_visible_devices("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
