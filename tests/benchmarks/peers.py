"""What a user would run instead: Ray Tune, Keras Tuner or Optuna around Keras `fit`, each as its own guides show it.

A job is the flat form of a config, plain JSON that every tool can carry, and what each tool searches over is the index
of a job. So all of them train the same networks with the same call of `fit`, and differ only in who calls it, in which
process. TensorFlow's thread pools are left alone, as users leave them: as large as the machine in every process.

A peer is `tuned` by words that its processes find in the environment, so that each setting can be tried by itself.
"""

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mnist_sweep import Adagrad
from mnist_sweep.data.dataset import DataSource
from mnist_sweep.data.loading import load
from mnist_sweep.trials.config import from_flat

Job = Mapping[str, Any]
Scores = Mapping[int, tuple[float, float]]
"""Accuracies at the last validation and on test, by index of the job; a job that failed has none."""

Peer = Callable[[Path, Sequence[Job]], Scores]

EVALUATED_AT_ONCE = 500
SETTINGS = {
    "onednn": {"TF_ENABLE_ONEDNN_OPTS": "1"},  # TensorFlow's default only where the processor has AVX-512
    "one_thread": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
    "whole_epochs": {},  # `steps_per_execution`: one call of a graph from one validation to the next
    "jit": {},  # XLA, which Keras leaves off on processors
}
"""Names of settings, as their documentation advises, and the environment variables of those that have some."""
CHOSEN = "PEER_SETTINGS"


def tuned(run_jobs: Peer, settings: Sequence[str], folder: Path, jobs: Sequence[Job]) -> Scores:
    """Run the jobs by a peer whose processes inherit these settings."""
    os.environ[CHOSEN] = " ".join(settings)
    for name in settings:
        os.environ.update(SETTINGS[name])
    return run_jobs(folder, jobs)


def _is_chosen(setting: str) -> bool:
    return setting in os.environ.get(CHOSEN, "").split()


def with_ray_tune(folder: Path, jobs: Sequence[Job], *, reuse: bool = False) -> Scores:
    """Run the jobs with Ray Tune, one CPU each, which is what a function takes by default."""
    import ray
    from ray import tune

    ray.init(address="local")  # as Tune does by itself, but never the cluster of somebody else on this machine
    results = tune.Tuner(
        tune.with_parameters(ray_trial, jobs=jobs),
        param_space={"index": tune.grid_search(list(range(len(jobs))))},
        tune_config=tune.TuneConfig(reuse_actors=True) if reuse else None,
        run_config=tune.RunConfig(storage_path=str(folder)),
    ).fit()
    good = [one for one in results if not one.error]
    return {one.config["index"]: (one.metrics["val_accuracy"], one.metrics["test_accuracy"]) for one in good}


def ray_trial(config: Mapping[str, Any], jobs: Sequence[Job]) -> None:
    """Run one job in a worker of Ray and report every validation."""
    import keras
    from ray import tune

    report = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tune.report(dict(logs)))
    val_accuracy, test_accuracy = train(jobs[config["index"]], callbacks=[report])
    tune.report({"val_accuracy": val_accuracy, "test_accuracy": test_accuracy})


def with_keras_tuner(folder: Path, jobs: Sequence[Job]) -> Scores:
    """Run the jobs with Keras Tuner, one after another in this process, with the checkpoints that it keeps."""
    import keras_tuner

    class Network(keras_tuner.HyperModel):  # type: ignore[misc]  # it brings no types
        def build(self, hp: Any) -> Any:
            return network(jobs[hp.Choice("index", list(range(len(jobs))))])

        def fit(self, hp: Any, model: Any, *args: Any, **arguments: Any) -> dict[str, float]:
            val_accuracy, test_accuracy = fitted(model, jobs[hp.get("index")], arguments)
            return {"val_accuracy": val_accuracy, "test_accuracy": test_accuracy}

    tuner = keras_tuner.GridSearch(
        Network(), objective="val_accuracy", max_trials=len(jobs), overwrite=True, directory=str(folder)
    )
    tuner.search(**fit_arguments(jobs[0]))

    def last(trial: Any, split: str) -> float:
        return float(trial.metrics.get_last_value(f"{split}_accuracy"))

    good = [trial for trial in tuner.oracle.trials.values() if trial.status == "COMPLETED"]
    return {trial.hyperparameters["index"]: (last(trial, "val"), last(trial, "test")) for trial in good}


def with_optuna(folder: Path, jobs: Sequence[Job]) -> Scores:
    """Run the jobs with Optuna, in two processes that share one study in an SQLite file.

    Raises:
        RuntimeError: A process failed.
    """
    import optuna

    (folder / "jobs.json").write_text(json.dumps(jobs))
    study = optuna.create_study(study_name="jobs", storage=_storage(folder), direction="maximize")
    for index in range(len(jobs)):
        study.enqueue_trial({"index": index})
    command = [sys.executable, "-m", __name__, str(folder)]
    with subprocess.Popen(command) as one:
        # Two that ask at the same moment may get the same trial, and then one of them ends with an error.
        while one.poll() is None and not study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            time.sleep(0.05)
        with subprocess.Popen(command) as other:
            pass  # leaving waits for both
    if one.returncode or other.returncode:
        raise RuntimeError(f"Optuna's processes ended with status {one.returncode} and {other.returncode}.")
    trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    return {trial.params["index"]: (trial.value, trial.user_attrs["test_accuracy"]) for trial in trials}


def optimize(folder: Path) -> None:
    """Run the jobs that are waiting in the study until none is: one of Optuna's processes."""
    import optuna

    jobs = json.loads((folder / "jobs.json").read_text())

    def objective(trial: Any) -> float:
        index = trial.suggest_int("index", 0, len(jobs) - 1)
        if trial.number >= len(jobs):  # none was waiting, so Optuna made this one up
            trial.study.stop()
            raise optuna.TrialPruned
        val_accuracy, test_accuracy = train(jobs[index])
        trial.set_user_attr("test_accuracy", test_accuracy)
        return val_accuracy

    optuna.load_study(study_name="jobs", storage=_storage(folder)).optimize(objective)


def _storage(folder: Path) -> str:
    return f"sqlite:///{folder / 'study.db'}"


def train(job: Job, *, callbacks: Sequence[Any] = ()) -> tuple[float, float]:
    """Return the accuracy of a job's network at its last validation and on test."""
    import keras

    keras.utils.clear_session()  # as Optuna's examples do, and Keras Tuner by itself
    return fitted(network(job), job, fit_arguments(job) | {"callbacks": list(callbacks)})


def fitted(model: Any, job: Job, arguments: Mapping[str, Any]) -> tuple[float, float]:
    """Fit a model and return its accuracy at its last validation and on test."""
    history = model.fit(**arguments).history
    _, test_accuracy = model.evaluate(*splits(job)[2], batch_size=EVALUATED_AT_ONCE, verbose=0)
    return float(history["val_accuracy"][-1]), float(test_accuracy)


def fit_arguments(job: Job) -> dict[str, Any]:
    """Return the arguments of `fit`; what it calls an epoch is the time between two validations.

    Plain arrays would be as fast, but `fit` ends early when they do not fill the steps of an epoch.
    """
    import tensorflow as tf

    training, val, _ = splits(job)
    batches = tf.data.Dataset.from_tensor_slices(training).shuffle(len(training[1])).repeat().batch(job["batch_size"])
    return {
        "x": batches.prefetch(tf.data.AUTOTUNE),
        "steps_per_epoch": job["evaluate_every"],
        "epochs": job["num_steps"] // job["evaluate_every"],
        "validation_data": val,
        "validation_batch_size": EVALUATED_AT_ONCE,
        "verbose": 0,
    }


def network(job: Job) -> Any:
    """Return the compiled network of a job: layer for layer the one that `CNN` builds, with the same initializers."""
    import keras

    keras.utils.set_random_seed(job["seed"])
    model = keras.Sequential([keras.Input(splits(job)[0][0].shape[1:])])
    for filters in job["model.filters"]:
        model.add(keras.layers.Conv2D(filters, job["model.kernel_size"], padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(job["model.pool_size"], padding="same"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(job["model.units"], activation="relu"))
    model.add(keras.layers.Dropout(job["model.dropout"]))
    model.add(keras.layers.Dense(10))
    model.compile(
        optimizer=optimizer(job),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=job["evaluate_every"] if _is_chosen("whole_epochs") else 1,
        jit_compile=True if _is_chosen("jit") else "auto",
    )
    return model


def optimizer(job: Job) -> Any:
    """Return Keras' optimizer of a job, with the constants of ours."""
    from keras import optimizers

    rate = job["optimizer.learning_rate"]
    match job["optimizer"]:
        case "gradient_descent":
            return optimizers.SGD(rate)
        case "momentum":
            return optimizers.SGD(rate, momentum=job["optimizer.momentum"])
        case "adam":
            return optimizers.Adam(rate, *(job[f"optimizer.{name}"] for name in ("beta_1", "beta_2", "epsilon")))
        case "adagrad":
            return optimizers.Adagrad(rate, initial_accumulator_value=Adagrad.SLOTS["accumulator"])
        case name:
            raise ValueError(f"the optimizer {name!r} is not the same in Keras.")


def splits(job: Job) -> list[tuple[Any, Any]]:
    """Return train, val and test as float32 images in [0, 1] and int32 labels; a process prepares them once."""
    source: Any = from_flat(job).data  # hashable, which the type of a data source does not say
    return _arrays(source)


@functools.cache
def _arrays(source: DataSource) -> list[tuple[Any, Any]]:
    data = load(source)
    parts = (data.train, data.val, data.test)
    return [(part.images.astype("float32") / data.pixel_max, part.labels.astype("int32")) for part in parts]


PEERS: dict[str, Peer] = {
    "Ray Tune + Keras fit": with_ray_tune,
    "Ray Tune + Keras fit, reuse_actors": functools.partial(with_ray_tune, reuse=True),
    "Keras Tuner": with_keras_tuner,
    "Optuna, 2 processes": with_optuna,
}
TUNED: dict[str, Peer] = {
    f"{name}, tuned": functools.partial(tuned, run_jobs, ("onednn", "one_thread", "whole_epochs"))
    for name, run_jobs in (
        ("Ray Tune + Keras fit, reuse_actors", functools.partial(with_ray_tune, reuse=True)),
        ("Optuna, 2 processes", with_optuna),
    )
}

if __name__ == "__main__":
    optimize(Path(sys.argv[1]))
