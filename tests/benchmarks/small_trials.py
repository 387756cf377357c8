"""How much faster does a sweep of many small trials run than Ray Tune around Keras `fit`?

Both contestants run the same configs on the same splits of the 8x8 digits, each trial with 280 steps of batch 50, 10
validations on the whole validation split and one test at the end. Each is a fresh process: the clock runs from the
start of the interpreter to its end, and so includes imports, Ray's start-up and tracing. The contestants take turns,
mnist_sweep first, so that whatever the disk cache gains from the first run of a pair goes to the peer.

Command: python tests/benchmarks/small_trials.py --repeats 3 [--peer reuse] [--csv FILE]
Result: ratio 10.5 on a quiet machine (n = 1 pair: 31.9 s against 333.7 s), 9.2 and 10.4 while other work took about one
of the two cores (72.1 and 64.7 s against 665.3 and 672.6 s); mean validation accuracies 0.9025 and 0.9042, test 0.8730
and 0.8764. On 2 cores of an AMD EPYC, Python 3.11.7, Ray 2.60.0, TensorFlow 2.21.0, Keras 3.15.1, 2026-11-21.
`--peer reuse` has not been measured with all 96 trials.
"""

import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from mnist_sweep import (
    CNN,
    Adagrad,
    Adam,
    Digits,
    GradientDescent,
    Momentum,
    Status,
    Sweep,
    TrialConfig,
    grid,
    run,
)

NUM_EPOCHS, STEPS_PER_EPOCH = 10, 28  # an "epoch" of the peer's `fit` is the time between two validations
BASE = TrialConfig(
    data=Digits(),
    model=CNN(kernel_size=3, units=32),
    num_steps=NUM_EPOCHS * STEPS_PER_EPOCH,
    batch_size=50,
    evaluate_every=STEPS_PER_EPOCH,
)
AXES = {
    "model.filters": [(8,), (16,), (8, 16), (16, 32)],
    "model.dropout": [0.0, 0.2, 0.4, 0.6],
    "optimizer": [  # no RMSProp: its mean square starts at 1 here and at 0 in Keras, and the accuracies are to be alike
        GradientDescent(learning_rate=0.2),
        Momentum(learning_rate=0.02),
        Momentum(learning_rate=0.05),
        Adam(learning_rate=0.001),
        Adam(learning_rate=0.003),
        Adagrad(learning_rate=0.05),
    ],
}
TRIALS = grid(BASE, AXES)
PEERS = {"default": "Ray Tune + Keras fit", "reuse": "Ray Tune + Keras fit, reuse_actors"}
OURS = "mnist_sweep"
TARGET = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One run of one contestant.

    Attributes:
        contestant: Its name.
        repeat: Number of its pair, from 1.
        seconds: Wall time of its process, in seconds.
        val_accuracy: Mean over the trials of the accuracy at the last validation, in [0, 1].
        test_accuracy: Mean over the trials, in [0, 1].
        load: The machine's load average over the minute before the run.
    """

    contestant: str
    repeat: int
    seconds: float
    val_accuracy: float
    test_accuracy: float
    load: float


@click.command(help=__doc__.partition("\n")[0])
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True, help="Runs of each contestant.")
@click.option("--trials", type=click.IntRange(1, len(TRIALS)), default=len(TRIALS), show_default=True, help="First N.")
@click.option("--peer", type=click.Choice(list(PEERS)), default="default", show_default=True, help="Its actors.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="File that the results are appended to.")
@click.option("--contestant", hidden=True, help="Be this contestant in this process.")
@click.option("--folder", type=click.Path(path_type=Path), hidden=True, help="Where the contestant writes.")
def main(
    repeats: int, trials: int, peer: str, csv_file: Path | None, contestant: str | None, folder: Path | None
) -> None:
    if contestant and folder:
        run_contestant(contestant, TRIALS[:trials], folder)
        return
    click.echo(f"{trials} digits trials, {BASE.num_steps} steps of batch {BASE.batch_size}, {NUM_EPOCHS} validations")
    click.echo(f"{num_cpus()} CPUs, {processor()}; {versions()}; {time.strftime('%Y-%m-%d')}")
    scores = [measure(name, repeat, trials) for repeat in range(1, repeats + 1) for name in (OURS, PEERS[peer])]
    if csv_file:
        append(csv_file, scores, trials)
    for line in table(scores, PEERS[peer], trials):
        click.echo(line)


def measure(contestant: str, repeat: int, num_trials: int) -> Score:
    """Run one contestant in a process of its own and return its score.

    Raises:
        RuntimeError: The process failed, or trials are missing.
    """
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="small-trials-") as name:
        folder = Path(name)
        command = [sys.executable, __file__, "--contestant", contestant, "--folder", name, "--trials", str(num_trials)]
        with (folder / "log.txt").open("wb") as log:
            start = time.perf_counter()
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
            seconds = time.perf_counter() - start
        if done.returncode:
            end_of_log = (folder / "log.txt").read_text(errors="replace")[-4000:]
            raise RuntimeError(f"{contestant} ended with status {done.returncode}:\n{end_of_log}")
        means = json.loads((folder / "means.json").read_text())
    click.echo(f"run {repeat}, {contestant}: {seconds:.1f} s (load average before it {load:.2f})")
    return Score(contestant=contestant, repeat=repeat, seconds=seconds, load=load, **means)


def run_contestant(contestant: str, trials: Sequence[TrialConfig], folder: Path) -> None:
    """Run the trials in this process's name and write the mean accuracies to `means.json` in the folder."""
    pairs = ours(trials, folder) if contestant == OURS else peers(trials, folder, reuse=contestant == PEERS["reuse"])
    if len(pairs) != len(trials):
        raise RuntimeError(f"{contestant} ran {len(pairs)} of {len(trials)} trials.")
    val, test = (statistics.fmean(accuracies) for accuracies in zip(*pairs, strict=True))
    (folder / "means.json").write_text(json.dumps({"val_accuracy": val, "test_accuracy": test}))


def ours(trials: Sequence[TrialConfig], folder: Path) -> list[tuple[float, float]]:
    """Run the trials with mnist_sweep as it comes; return the validation and test accuracy of those that ended well."""
    rows = run(Sweep(name="small_trials", trials=trials), results=folder).rows
    return [(row.val_accuracy or 0.0, row.test_accuracy or 0.0) for row in rows if row.status is Status.OK]


def peers(trials: Sequence[TrialConfig], folder: Path, *, reuse: bool) -> list[tuple[float, float]]:
    """Run the trials with Ray Tune and Keras; return the validation and test accuracy of those that ended well."""
    import ray
    from ray import tune

    ray.init(address="local")  # as Tune does by itself, but never the cluster of somebody else on this machine
    results = tune.Tuner(
        train,  # a function takes 1 CPU by default
        param_space={"trial": tune.grid_search([peer_config(trial) for trial in trials])},
        tune_config=tune.TuneConfig(reuse_actors=True) if reuse else None,
        run_config=tune.RunConfig(storage_path=str(folder)),
    ).fit()
    return [(one.metrics["val_accuracy"], one.metrics["test_accuracy"]) for one in results if not one.error]


def peer_config(trial: TrialConfig) -> dict[str, Any]:
    """Return what differs between trials, in the names of `train` below."""
    model, optimizer = trial.model, trial.optimizer
    assert isinstance(model, CNN)
    return {
        "filters": list(model.filters),
        "dropout": model.dropout,
        "optimizer": type(optimizer).__name__,
        "learning_rate": optimizer.learning_rate,
    }


def train(config: dict[str, Any]) -> None:
    """Train one network, as the guides of Keras and of Ray Tune show it.

    TensorFlow's thread pools are left alone, as users leave them: they are as large as the machine in each trial, and
    only OpenMP's is held to the trial's one CPU, by Ray. XLA is off, since Keras switches it off on the CPU by itself.
    """
    import keras
    import tensorflow as tf
    from ray import tune

    trial = config["trial"]
    keras.utils.set_random_seed(0)
    data = Digits().load()
    splits = [(split.images / data.pixel_max, split.labels) for split in (data.train, data.val, data.test)]
    training, val, test = [(images.astype("float32"), labels.astype("int32")) for images, labels in splits]
    model = peer_model(trial)
    batches = tf.data.Dataset.from_tensor_slices(training).shuffle(len(training[1])).repeat().batch(BASE.batch_size)
    model.fit(
        batches.prefetch(tf.data.AUTOTUNE),
        steps_per_epoch=STEPS_PER_EPOCH,
        epochs=NUM_EPOCHS,
        validation_data=val,
        validation_batch_size=len(val[1]),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tune.report(dict(logs)))],
        verbose=0,
    )
    _, test_accuracy = model.evaluate(*test, batch_size=len(test[1]), verbose=0)
    val_accuracy = model.history.history["val_accuracy"][-1]
    tune.report({"val_accuracy": val_accuracy, "test_accuracy": test_accuracy})


def peer_model(trial: Mapping[str, Any]) -> Any:
    """Return the compiled network of a trial: layer for layer the one that `CNN` builds."""
    import keras

    optimizers = {  # with the constants of mnist_sweep's
        "GradientDescent": lambda rate: keras.optimizers.SGD(rate),
        "Momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        "Adam": lambda rate: keras.optimizers.Adam(rate, epsilon=1e-8),
        "Adagrad": lambda rate: keras.optimizers.Adagrad(rate, initial_accumulator_value=0.1),
    }
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for filters in trial["filters"]:
        model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2, padding="same"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dropout(trial["dropout"]))
    model.add(keras.layers.Dense(10))
    model.compile(
        optimizer=optimizers[trial["optimizer"]](trial["learning_rate"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def table(scores: Sequence[Score], peer: str, num_trials: int) -> list[str]:
    """Return the lines that say who took how long and what came out of it."""
    lines = [f"\n{'contestant':36}{'val accuracy':>14}{'test accuracy':>15}   seconds of each run"]
    seconds = {name: [score.seconds for score in scores if score.contestant == name] for name in (OURS, peer)}
    for name, taken in seconds.items():
        own = [score for score in scores if score.contestant == name]
        val, test = (statistics.fmean(getattr(one, f"{split}_accuracy") for one in own) for split in ("val", "test"))
        lines.append(f"{name:36}{val:14.4f}{test:15.4f}   {' '.join(f'{one:.1f}' for one in taken)}")
    ratios = [theirs / mine for mine, theirs in zip(seconds[OURS], seconds[peer], strict=True)]
    middle = statistics.median(ratios)
    spread = f"min {min(ratios):.2f}, median {middle:.2f}, max {max(ratios):.2f}, n = {len(ratios)}"
    met = "met" if middle >= TARGET else "missed"
    verdict = met if num_trials == len(TRIALS) else f"not answered by {num_trials}"
    return [*lines, f"ratio, peer / {OURS}: {spread}; {TARGET} or more is asked for at {len(TRIALS)} trials: {verdict}"]


def append(file: Path, scores: Sequence[Score], num_trials: int) -> None:
    """Append one line for each run to a CSV file, with a header if it is new."""
    machine = {"num_trials": num_trials, "cpus": num_cpus(), "processor": processor(), "versions": versions()}
    lines = [
        {
            "contest": "small_trials",
            "contestant": score.contestant,
            "repeat": score.repeat,
            "seconds": round(score.seconds, 2),
            "val_accuracy": round(score.val_accuracy, 5),
            "test_accuracy": round(score.test_accuracy, 5),
            **machine,
        }
        for score in scores
    ]
    is_new = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, list(lines[0]))
        if is_new:
            writer.writeheader()
        writer.writerows(lines)


def num_cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """Return the processor's name."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def versions() -> str:
    """Return the versions that the times depend on."""
    packages = ("mnist-sweep", "ray", "tensorflow", "keras")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])


if __name__ == "__main__":
    main()
