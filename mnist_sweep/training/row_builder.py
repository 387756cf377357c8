"""The row of a trial, however it ended."""

import os
import platform
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from mnist_sweep.text.lines import one_line
from mnist_sweep.training import runtime
from mnist_sweep.training.state import FitResult
from mnist_sweep.trials.config import TrialConfig, config_id, defaults, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow


def ended(config: TrialConfig, result: FitResult, *, num_test: int, seconds: float) -> TrialRow:
    """Return the row of a trial that has just trained to its last step, or until it diverged.

    Args:
        config: The trial.
        result: The result of its training.
        num_test: Images of the test split.
        seconds: Wall time since its last start, in seconds.
    """
    last = result.history[-1] if result.status is Status.OK else None
    parts: dict[str, Any] = {f"seconds_{name}": value for name, value in result.seconds.items()}
    return TrialRow(
        **_identity(config),
        status=result.status,
        val_accuracy=last.val_accuracy if last else None,
        val_loss=last.val_loss if last else None,
        test_accuracy=result.test_accuracy,
        num_test=num_test,
        train_loss=last.train_loss if last else None,
        steps=result.steps,
        parameters=result.parameters,
        **timing(seconds, sum(parts.values())),
        **parts,
        **origin(),
        history=result.history,
    )


def stopped(
    config: TrialConfig,
    points: Sequence[Evaluation],
    *,
    parameters: int,
    timing: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> TrialRow:
    """Return the row of a trial that was stopped, whether this process trained it or another one.

    Args:
        config: The trial.
        points: Its learning curve up to the stop, at least one point.
        parameters: Trainable weights of the model.
        timing: What `timing` returned at the last point.
        origin: What `origin` returned in the process that trained it.
    """
    last = points[-1]
    return TrialRow(
        **_identity(config),
        status=Status.STOPPED,
        val_accuracy=last.val_accuracy,
        val_loss=last.val_loss,
        train_loss=last.train_loss,
        steps=last.step,
        parameters=parameters,
        **timing,
        **origin,
        history=tuple(points),
    )


def failed(config: TrialConfig, *, error: str, trace: str | None = None) -> TrialRow:
    """Return the row of a trial that failed."""
    return TrialRow(
        **_identity(config), status=Status.FAILED, worker=_worker(), version=version(), error=error, traceback=trace
    )


def timing(since_start: float, in_all_starts: float) -> dict[str, Any]:
    """Return the fields of a row that say when a trial that ends now started, as if never paused, and its duration.

    Args:
        since_start: Wall time since its last start, in seconds.
        in_all_starts: Wall time that it trained and evaluated since its first start, in seconds.
    """
    total = max(since_start, in_all_starts)
    return {"started": time.time() - total, "seconds_total": total}


def origin() -> dict[str, Any]:
    """Return the fields of a row that name this process, its version of the package and its environment."""
    return {"worker": _worker(), "version": version(), "environment": runtime.environment()}


def first_cause(error: BaseException) -> str:
    """Return one line on an exception: its type, its message, and the line of the user's own code that raised it."""
    while error.__cause__ is not None:
        error = error.__cause__
    message = one_line(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)] or frames
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {message}{place}"


def version() -> str:
    """Return the installed version of this package."""
    return metadata.version("mnist-sweep")


def _is_library(filename: str) -> bool:
    package = str(Path(__file__).parents[1])
    return filename.startswith((package, sys.prefix, sys.base_prefix, "<")) or "site-packages" in filename


def _worker() -> str:
    return f"{platform.node()}:{os.getpid()}"


def _identity(config: TrialConfig) -> dict[str, Any]:
    return {
        "trial_id": trial_id(config),
        "config_id": config_id(config),
        "config": to_flat(config),
        "defaults": defaults(config),
    }
