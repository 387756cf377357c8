"""What images cost before a residual network sees them: their augmentation and standardisation, in the time of a step.

Each network trains a few steps, and its images alone are prepared as many times, in turn in one process.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from mnist_sweep import CIFAR10, Momentum, ResNet, TrialConfig
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.fitting import fit
from tests.benchmarks.contest import OURS, Contest, Figures, Goal, Round
from tests.benchmarks.step import few_evaluated

DEPTHS = (8, 20)
TRIAL = TrialConfig(
    data=CIFAR10(train_size=9_000, val_size=1_000),
    optimizer=Momentum(learning_rate=0.1),
    batch_size=128,
    weight_decay=2e-4,
    augmentation="pad_crop_flip",
)
TURNS = 3


def one_thread(_: Path, num_steps: int) -> Figures:
    """Return the median seconds of a step of each depth and of preparing its images, and their quotients."""
    tensorflow_runtime.configure(threads=1)
    import tensorflow as tf

    from mnist_sweep.data.augmentation import draw, pad_crop_flip
    from mnist_sweep.models.resnet import standardized

    data = few_evaluated(TRIAL.data.load())  # type: ignore[union-attr]  # a source, not a function
    batch = tf.constant(data.train.images[: TRIAL.batch_size])

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow brings no types
    def prepare(step: tf.Tensor) -> tf.Tensor:
        images = pad_crop_flip(batch, draw(tf.constant(0, tf.int64), step, TRIAL.batch_size))
        return tf.reduce_sum(standardized(tf.cast(images, tf.float32) / float(data.pixel_max)))

    def prepared() -> float:
        start = time.perf_counter()
        for step in range(num_steps):
            prepare(tf.constant(step, tf.int64)).numpy()
        return (time.perf_counter() - start) / num_steps

    prepared()  # traces
    figures: dict[str, float] = {}
    for depth in DEPTHS:
        trial = dataclasses.replace(TRIAL, model=ResNet(depth=depth), num_steps=num_steps, evaluate_every=num_steps)
        fit(trial, data)  # traces
        turns = [(fit(trial, data).seconds["train"] / num_steps, prepared()) for _ in range(TURNS)]
        step_seconds, image_seconds = (statistics.median(one) for one in zip(*turns, strict=True))
        figures |= {
            f"step_{depth}": step_seconds,
            f"images_{depth}": image_seconds,
            f"share_{depth}": image_seconds / step_seconds,
        }
    return figures


def share(depth: int) -> Callable[[Round], float]:
    """Return the function from a round to the share of the images in a step of this depth."""
    return lambda figures: figures[OURS][f"share_{depth}"]


CONTEST = Contest(
    name="images",
    work="augmentation and standardisation of 128 CIFAR-10 images beside the training step of ResNet-8 and ResNet-20",
    size=20,
    contestants={OURS: one_thread},
    goals=tuple(Goal(says=f"share of a step of ResNet-{depth}", of=share(depth), at_most=0.05) for depth in DEPTHS),
)
