"""What does a trial cost besides its training?

Our trials take the whole way: Sweep, Ray runner, worker, row, ledger, progress and tables. Only the training is
replaced, in the workers, by something that trains nothing, and TensorFlow is left out with it, since nothing needs it;
whoever does import it pays for it once in each worker, on either side.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from mnist_sweep import RayTune, Softmax, Sweep, TrialConfig, repeat, run
from mnist_sweep.training import tensorflow_runtime
from tests.benchmarks.contest import OURS, Contest, Figures, Goal

BASE = TrialConfig(model=Softmax(), num_steps=1)
WITH_TENSORFLOW = "mnist_sweep, importing TensorFlow"
PEER, PEER_WITH_LOGGERS = "bare Ray Tune, no loggers", "bare Ray Tune"
PEER_WITH_TENSORFLOW = "bare Ray Tune, no loggers, importing TensorFlow"


@contextlib.contextmanager
def untrained(*, seconds: float = 0.0, num_evaluations: int = 1, tensorflow: bool = False) -> Iterator[None]:
    """Let the trials of the Ray runner train nothing while the body runs.

    Args:
        seconds: How long each trial sleeps instead.
        num_evaluations: Points of each learning curve, evenly spread over that time.
        tensorflow: Whether workers import and configure TensorFlow, as they do for real trials.
    """
    from mnist_sweep.runners.ray import experiment, forked_workers, worker

    original = worker.trainable

    def made(settings: Any) -> Any:
        real = original(settings)

        # Inside this function, so that it goes to the workers by value and they need not import this module.
        class Untrained(real):  # type: ignore[misc,valid-type]  # Ray brings no types
            def step(self) -> Any:
                import time
                from unittest import mock

                import numpy as np

                from mnist_sweep import Evaluation, Status
                from mnist_sweep.results.predictions import Predictions
                from mnist_sweep.training import fitting
                from mnist_sweep.training.trial_progress import FitResult

                def curve(config: Any, data: Any, **_: Any) -> Any:
                    names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
                    history = []
                    for step in range(1, num_evaluations + 1):
                        time.sleep(seconds / num_evaluations)
                        history.append(Evaluation(step=step, **dict.fromkeys(names, step / (num_evaluations + 1))))
                        if num_evaluations > 1:  # else the row says it all
                            yield history[-1]
                    return FitResult(
                        status=Status.OK,
                        steps=num_evaluations,
                        history=tuple(history),
                        final=history[-1],
                        test_accuracy=0.5,
                        parameters=0,
                        seconds={"setup": 0.0, "train": seconds, "evaluate": 0.0},
                        model=None,
                        predictions=Predictions(np.zeros_like(data.val.labels), np.zeros_like(data.test.labels)),
                    )

                with contextlib.ExitStack() as stack:
                    stack.enter_context(mock.patch.object(fitting, "train", curve))
                    if not tensorflow:
                        stack.enter_context(mock.patch.object(tensorflow_runtime, "configure", mock.Mock()))
                    return super().step()

        return Untrained

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(experiment, "trainable", side_effect=made))
        if not tensorflow:  # which forks would import
            stack.enter_context(mock.patch.object(forked_workers, "prepared", return_value=contextlib.nullcontext()))
        yield


def trials(num_trials: int) -> list[TrialConfig]:
    """Return trials that are alike but for their seeds."""
    return repeat(BASE, seeds=num_trials)


def ours(folder: Path, num_trials: int, *, tensorflow: bool = False) -> Figures:
    """Run empty trials as the command line runs real ones."""
    from rich.console import Console

    from mnist_sweep.cli.views.progress import for_console

    with untrained(tensorflow=tensorflow):
        sweep = Sweep(name="empty", trials=trials(num_trials))
        outcome = run(sweep, results=folder, runner=RayTune(), listeners=[for_console(Console())])
    assert outcome.complete, outcome
    return {}


def bare(folder: Path, num_trials: int, *, loggers: bool = False, tensorflow: bool = False) -> Figures:
    """Run functions that report one figure and return with Ray Tune, in actors that are reused as ours are."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = str(int(not loggers))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray import tune

    def empty(config: dict[str, Any]) -> None:
        if tensorflow:
            import tensorflow as tf

            tf.config.set_visible_devices([], "GPU")
        tune.report({"val_accuracy": 0.5})

    ray.init(address="local", include_dashboard=False)
    with tempfile.TemporaryDirectory(dir=folder) as storage:
        tune.Tuner(
            empty,
            param_space={"seed": tune.grid_search(list(range(num_trials)))},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(storage_path=storage),
        ).fit()
    return {}


def _slowdown(ours: str, peer: str) -> Any:
    return lambda figures: figures[ours]["seconds"] / figures[peer]["seconds"]


CONTEST = Contest(
    name="empty",
    work="trials that do nothing, one CPU each",
    size=1_000,
    contestants={
        OURS: ours,
        PEER: bare,
        PEER_WITH_LOGGERS: lambda folder, size: bare(folder, size, loggers=True),
        WITH_TENSORFLOW: lambda folder, size: ours(folder, size, tensorflow=True),
        PEER_WITH_TENSORFLOW: lambda folder, size: bare(folder, size, tensorflow=True),
    },
    goals=(
        Goal(says=f"our seconds over those of {PEER}", of=_slowdown(OURS, PEER), at_most=1.2),
        Goal(says=f"over those of {PEER_WITH_LOGGERS}", of=_slowdown(OURS, PEER_WITH_LOGGERS)),
        Goal(says="with TensorFlow on both sides", of=_slowdown(WITH_TENSORFLOW, PEER_WITH_TENSORFLOW)),
    ),
)
