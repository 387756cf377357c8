"""The row of a trial, however it ended."""

import dataclasses
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any

from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.optim.image_contributions import standard_error
from mnist_sweep.training import reproducibility
from mnist_sweep.training.trial_progress import FitResult
from mnist_sweep.trials.config import TrialConfig, config_id, defaults, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow

# Packages by which a user's own training code may compute, by their modules.
LIBRARIES = {"sklearn": "scikit-learn", **{name: name for name in ("scipy", "torch", "jax", "xgboost", "lightgbm")}}


def ended(config: TrialConfig, result: FitResult, *, num_test: int, seconds: float) -> TrialRow:
    """Return the row of a trial that has just trained to its last step, or until it diverged.

    There are `num_test` images in the test split, and `seconds` of wall time have passed since its last start.
    """
    parts: dict[str, Any] = {f"seconds_{name}": value for name, value in result.seconds.items()}
    errors: dict[str, Any] = {
        f"{split}_objective_error": standard_error(getattr(result.predictions, f"{split}_values", None))
        for split in ("val", "test")
    }
    return TrialRow(
        **_identity(config),
        **(_metrics(result.final) if result.final else {}),
        status=result.status,
        test_accuracy=result.test_accuracy,
        test_objective=result.test_objective,
        num_test=num_test,
        steps=result.steps,
        parameters=result.parameters,
        latency=result.latency,
        **timing(seconds, sum(parts.values())),
        **parts,
        **errors,
        **_with_training_code(config, origin()),
        history=result.history,
    )


def stopped(
    config: TrialConfig,
    points: Sequence[Evaluation],
    *,
    parameters: int | None,
    timing: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> TrialRow:
    """Return the row of a trial that was stopped, whether this process trained it or another one.

    `points` is its learning curve up to the stop, at least one point; `timing` and `origin` are what the functions of
    these names returned at the last point, in the process that trained it.
    """
    return TrialRow(
        **_identity(config),
        **_metrics(points[-1]),
        status=Status.STOPPED,
        steps=points[-1].step,
        parameters=parameters,
        **timing,
        **_with_training_code(config, origin),
        history=tuple(points),
    )


def failed(config: TrialConfig, *, error: str, trace: str | None = None) -> TrialRow:
    """Return the row of a trial that failed."""
    return TrialRow(
        **_identity(config), status=Status.FAILED, worker=worker(), version=version(), error=error, traceback=trace
    )


def lost(config: TrialConfig, *, error: str, trace: str | None = None) -> TrialRow:
    """Return the row of a trial that failed since its process, which is not this one, has ended."""
    return dataclasses.replace(failed(config, error=error, trace=trace), worker=None)


def timing(since_start: float, in_all_starts: float) -> dict[str, Any]:
    """Return the fields of a row that say when a trial that ends now started, as if never paused, and its duration.

    The seconds are the wall time since its last start, and the time that it trained and evaluated in all its starts.
    """
    total = max(since_start, in_all_starts)
    return {"started": time.time() - total, "seconds_total": total}


def origin(configured: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the fields of a row that name this process, its version of the package and its environment.

    `configured` are the settings of the child process that trains, if one does; see `reproducibility.environment`.
    """
    return {"worker": worker(), "version": version(), "environment": reproducibility.environment(configured)}


def version() -> str:
    """Return the installed version of this package."""
    return metadata.version("mnist-sweep")


def worker(pid: int | None = None) -> str:
    """Return the name in rows of a process of this machine; None stands for this one."""
    return f"{platform.node()}:{os.getpid() if pid is None else pid}"


def _with_training_code(config: TrialConfig, origin: Mapping[str, Any]) -> dict[str, Any]:
    if not trains_itself(config.model):
        return dict(origin)
    loaded = {package: metadata.version(package) for module, package in LIBRARIES.items() if module in sys.modules}
    declared = {} if getattr(config.model, "DETERMINISTIC", True) else {"deterministic": False}
    return {**origin, "environment": {**loaded, **origin["environment"], **declared}}


def _identity(config: TrialConfig) -> dict[str, Any]:
    ids = {"trial_id": trial_id(config), "config_id": config_id(config)}
    objective = None if config.measure.is_accuracy else asdict(config.measure)
    return {**ids, "config": to_flat(config), "defaults": defaults(config), "objective": objective}


def _metrics(point: Evaluation) -> dict[str, Any]:
    names = ("val_accuracy", "val_loss", "val_objective", "train_loss")
    return {name: getattr(point, name) for name in names}
