"""The training step alone: how much of what the processor can multiply does it use?

Each core trains and multiplies matrices in turn, all cores at the same time, so that both rates are of the same machine
in the same state. The multiply-adds of a step are those of the layers' definitions: forward, and twice that backward
but for the gradient of the images, which nobody asks for.
"""

import dataclasses
import multiprocessing
import os
import statistics
import time
from pathlib import Path
from typing import Any

from mnist_sweep import CNN, MNIST, Dataset, Split, TrialConfig
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.fitting import fit
from tests.benchmarks.contest import OURS, Contest, Figures, Goal

TRIAL = TrialConfig(data=MNIST(), model=CNN(filters=(32, 64), kernel_size=5, units=1024), batch_size=50)
TURNS = 3
SIDE, NUM_PRODUCTS = 2048, 20


def flops_of_a_step(model: CNN, *, batch_size: int, side: int = 28, num_classes: int = 10) -> int:
    """Return the floating-point operations of a step's convolutions and matrix products."""
    channels, forward, first = 1, 0, 0
    for filters in model.filters:
        forward += side**2 * filters * channels * model.kernel_size**2
        first = first or forward
        channels, side = filters, side // model.pool_size
    forward += (side**2 * channels + num_classes) * model.units
    return 2 * batch_size * (3 * forward - first)


def all_cores(_: Path, size: int) -> Figures:
    """Return the rates of all cores together, in GFLOP/s, and their quotient."""
    num_cores = len(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    together, answers = spawn.Barrier(num_cores), spawn.Queue()
    processes = [spawn.Process(target=one_core, args=(size, together, answers)) for _ in range(num_cores)]
    for process in processes:
        process.start()
    pairs = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    step_seconds, product_seconds = (statistics.fmean(one) for one in zip(*pairs, strict=True))
    step = num_cores * flops_of_a_step(TRIAL.model, batch_size=TRIAL.batch_size) / step_seconds / 1e9  # type: ignore[arg-type]
    product = num_cores * 2 * SIDE**3 / product_seconds / 1e9
    return {"seconds": step_seconds, "step_gflops": step, "product_gflops": product, "share": step / product}


def one_core(num_steps: int, together: Any, answers: Any) -> None:
    """Put the median seconds of a step and of a product of two matrices into the queue."""
    tensorflow_runtime.configure(threads=1)
    import tensorflow as tf

    data = few_evaluated(TRIAL.data.load())  # type: ignore[union-attr]  # a source, not a function
    trial = dataclasses.replace(TRIAL, num_steps=num_steps, evaluate_every=num_steps)
    matrix = tf.random.stateless_normal((SIDE, SIDE), (0, 0))
    product = tf.function(tf.linalg.matmul)
    steps, products = [], []
    for turn in range(TURNS + 1):
        together.wait()
        step_seconds = fit(trial, data).seconds["train"] / num_steps
        together.wait()
        start = time.perf_counter()
        for _ in range(NUM_PRODUCTS):
            product(matrix, matrix).numpy()
        if turn:  # the first one traces
            steps.append(step_seconds)
            products.append((time.perf_counter() - start) / NUM_PRODUCTS)
    answers.put((statistics.median(steps), statistics.median(products)))


def few_evaluated(data: Dataset) -> Dataset:
    """Return the data set with 500 images to validate and 500 to test on."""

    def few(split: Split) -> Split:
        return Split(images=split.images[:500], labels=split.labels[:500])

    return dataclasses.replace(data, val=few(data.val), test=few(data.test))


CONTEST = Contest(
    name="step",
    work="steps of the 32/64/1024 network, batch 50, float32, one trial a core, beside products of 2048x2048 matrices",
    size=100,
    contestants={OURS: all_cores},
    goals=(Goal(says="share of the rate of matrix products", of=lambda one: one[OURS]["share"], at_least=0.65),),
)
