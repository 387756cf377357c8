"""Measures one trial of a kind in this process, by short trials of the real network on the real data.

There are three: the first traces the graphs, the second shows what a trial costs once they are traced and about how
long a step takes, the third takes enough steps to time them. The learning rate is 0, so that none diverges; arithmetic
takes the same time.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.errors import SweepError
from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.runners import trial
from mnist_sweep.system import machine
from mnist_sweep.training import fitting
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Status, TrialRow

SECONDS_OF_STEPS = 0.5
MIN_STEPS, MAX_STEPS = 4, 200
MAX_IMAGES = 1000
KEEP_ALL = Artifacts(storage=".", models="all")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCost:
    """What trials of one kind cost: times in seconds, memory in bytes.

    Attributes:
        start: From the start of a process until it is ready for its first trial.
        step: A training step.
        image: An image of an evaluation.
        overhead: A trial apart from its steps and evaluations, once its graphs are traced.
        tracing: Building and tracing, for the first trial of a kind in a worker.
        saving: Saving the trained model and its mistakes among at most `MAX_IMAGES` validation images.
        memory: Peak of the process's own memory so far; it may have measured other kinds before.
        shared_memory: Mapped files, mostly TensorFlow's libraries, which workers share.
        gpu_memory: Peak on the GPU; 0 without one.
    """

    start: float = 0.0
    step: float
    image: float
    overhead: float
    tracing: float
    saving: float
    memory: int
    shared_memory: int
    gpu_memory: int = 0


@dataclass(frozen=True)
class ZeroLearningRate:
    """The schedule that multiplies the learning rate by 0."""

    def factors(self, first: int, last: int, num_steps: int) -> NDArray[np.float64]:
        """Return zeros: float64 `[last - first]`."""
        return np.zeros(last - first)


def measure(config: TrialConfig, dataset: Dataset) -> TrialCost:
    """Return what trials of a config's kind cost in this process, in which TensorFlow is configured.

    Raises:
        SweepError: The trial fails, or its first loss is not finite.
    """
    _, first_seconds = _run(config, dataset, 1)
    second, second_seconds = _run(config, dataset, 2)
    of_two = _seconds(second, "train")
    if trains_itself(config.model):
        step, third, third_seconds = _more_steps(config, dataset, of_two)
        of_two = 2 * step
    else:
        num_steps = max(MIN_STEPS, min(MAX_STEPS, int(SECONDS_OF_STEPS * 2 / max(of_two, 1e-6))))
        third, third_seconds = _run(config, dataset, num_steps, keep=True)
        step = _seconds(third, "train") / num_steps
    evaluation = (_seconds(second, "evaluate") + _seconds(third, "evaluate")) / 2
    overhead = second_seconds - of_two - _seconds(second, "evaluate")
    return TrialCost(
        step=step,
        image=evaluation / (len(dataset.val) + len(dataset.test)),
        overhead=overhead,
        tracing=max(0.0, first_seconds - overhead - step - evaluation),
        saving=max(0.0, third_seconds - _seconds(third, "total")),
        memory=machine.peak_memory() - machine.shared_memory(),
        shared_memory=machine.shared_memory(),
        gpu_memory=_peak_gpu_memory(),
    )


def subset(dataset: Dataset) -> Dataset:
    """Return a data set with at most `MAX_IMAGES` validation and test images, which all take the same time."""
    splits = (dataset.val, dataset.test)
    val, test = (Split(images=one.images[:MAX_IMAGES], labels=one.labels[:MAX_IMAGES]) for one in splits)
    return replace(dataset, val=val, test=test)


def _more_steps(config: TrialConfig, dataset: Dataset, of_two: float) -> tuple[float, TrialRow, float]:
    """Return what a step adds to the seconds that a user's code trains for, and the longest trial with its wall time.

    Such code may take most of its time before its first step. Trials get longer until they show what steps add.
    """
    for num_steps in (MIN_STEPS, MIN_STEPS * 8, MAX_STEPS):
        row, seconds = _run(config, dataset, num_steps, keep=True)
        added = _seconds(row, "train") - of_two
        if added >= SECONDS_OF_STEPS:
            break
    return max(0.0, added) / (num_steps - 2), row, seconds


def _run(config: TrialConfig, dataset: Dataset, num_steps: int, *, keep: bool = False) -> tuple[TrialRow, float]:
    """Run a trial of `num_steps` in calls as long as the config's own; return its row and its wall time in seconds."""
    call = min(config.evaluate_every, config.log_every or config.evaluate_every)
    short = replace(config, num_steps=num_steps, evaluate_every=num_steps, log_every=call, changes=())
    running = trial.steps(replace(short, schedule=ZeroLearningRate()), dataset, artifacts=KEEP_ALL if keep else None)
    start = time.perf_counter()
    row = fitting.consume(running, lambda _: None)
    if row.status is not Status.OK:
        raise SweepError(row.error or "its first loss is not finite")
    return row, time.perf_counter() - start


def _seconds(row: TrialRow, name: str) -> float:
    return float(getattr(row, f"seconds_{name}") or 0.0)


def _peak_gpu_memory() -> int:
    import tensorflow as tf

    if not tf.config.get_visible_devices("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
