"""To 99.2% on MNIST: the chosen config of `sweeps/fast_mnist.py` against the classic recipe run by Keras `fit`.

The recipe's time is that of its 20,000 steps, computed from fewer and without its start-up; ours is that of a whole
process, from the start of the interpreter to the tables on the disk.
"""

import dataclasses
import statistics
import time
from pathlib import Path

from mnist_sweep import Status, Sweep, TrialConfig, repeat, run
from mnist_sweep.sweep import script
from mnist_sweep.trials.config import to_flat
from tests.benchmarks import peers
from tests.benchmarks.contest import OURS, Contest, Figures, Goal

SWEEPS = Path(__file__).parents[2] / "sweeps"
CHOSEN = {"model.filters": [16, 32, 64], "optimizer.learning_rate": 0.003}
FIVE_SEEDS = f"{OURS}, 5 seeds"
RECIPE = "the recipe by Keras fit, all cores"
WARM_UP_STEPS = 50


def chosen() -> TrialConfig:
    """Return the config of the sweep that is as good on validation as any, and the cheapest of those."""
    (trial,) = (one for one in script.load(SWEEPS / "fast_mnist.py").trials if CHOSEN.items() <= to_flat(one).items())
    return trial


def ours(folder: Path, num_seeds: int) -> Figures:
    """Run the chosen config with some seeds.

    Raises:
        RuntimeError: A trial did not end well.
    """
    rows = run(Sweep(name="chosen", trials=repeat([chosen()], seeds=num_seeds)), results=folder).rows
    if any(row.status is not Status.OK for row in rows):
        raise RuntimeError(f"trials ended as {[row.status.value for row in rows]}.")
    accuracies = [row.test_accuracy or 0.0 for row in rows]
    return {
        "test_accuracy": statistics.fmean(accuracies),
        "test_accuracy_std": statistics.stdev(accuracies) if num_seeds > 1 else 0.0,
        "trial_seconds": statistics.fmean(row.seconds_total or 0.0 for row in rows),
    }


def recipe(_: Path, size: int) -> Figures:
    """Return the seconds of the whole recipe, from some of its steps after a warm-up."""
    base = script.load(SWEEPS / "deep_mnist.py").trials[0]  # the classic recipe stands first
    job = to_flat(dataclasses.replace(base, evaluate_every=size, num_steps=size))
    model, arguments = peers.network(job), peers.fit_arguments(job)
    for name in ("validation_data", "validation_batch_size"):
        del arguments[name]
    model.fit(**arguments | {"steps_per_epoch": WARM_UP_STEPS})
    start = time.perf_counter()
    model.fit(**arguments)
    measured = time.perf_counter() - start
    return {"seconds": measured * base.num_steps / size, "measured_seconds": measured}


CONTEST = Contest(
    name="recipe",
    work="to 99.2% on MNIST's test images, against the recipe's 20,000 steps computed from",
    size=1000,
    contestants={
        OURS: lambda folder, _: ours(folder, 1),
        FIVE_SEEDS: lambda folder, _: ours(folder, 5),
        RECIPE: recipe,
    },
    goals=(
        Goal(
            says="the recipe / mnist_sweep", of=lambda one: one[RECIPE]["seconds"] / one[OURS]["seconds"], at_least=10
        ),
        Goal(says="test accuracy, mean of 5 seeds", of=lambda one: one[FIVE_SEEDS]["test_accuracy"], at_least=0.992),
    ),
)
