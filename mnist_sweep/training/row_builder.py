"""The row of a trial, however it ended."""

import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from mnist_sweep.text.lines import one_line
from mnist_sweep.training import runtime
from mnist_sweep.training.state import FitResult
from mnist_sweep.trials.config import TrialConfig, config_id, defaults, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow


def ended(config: TrialConfig, result: FitResult, *, num_test: int, seconds: float) -> TrialRow:
    """Return the row of a trial that trained to its last step, or until it diverged, and ends now.

    Args:
        config: The trial.
        result: What training brought.
        num_test: Images of the test split.
        seconds: Wall time since it started the last time, in seconds.
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
        **_time(seconds, sum(parts.values())),
        **parts,
        worker=_worker(),
        environment=runtime.environment(),
        history=result.history,
    )


def stopped(
    config: TrialConfig, points: Sequence[Evaluation], *, parameters: int, seconds: float, inherited: float = 0.0
) -> TrialRow:
    """Return the row of a trial that is stopped now.

    Args:
        config: The trial.
        points: Its learning curve so far, at least one point.
        parameters: Trainable weights of the model.
        seconds: Wall time since it started the last time, in seconds.
        inherited: Wall time of the trials before, where it began at the end of another, in seconds.
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
        **_time(seconds, last.seconds - inherited),
        worker=_worker(),
        environment=runtime.environment(),
        history=tuple(points),
    )


def failed(config: TrialConfig, *, error: str, trace: str | None = None) -> TrialRow:
    """Return the row of a trial that brought no result."""
    return TrialRow(**_identity(config), status=Status.FAILED, worker=_worker(), error=error, traceback=trace)


def first_cause(error: BaseException) -> str:
    """Return one line on an exception: its type, its message, and the user's own line that it came from."""
    while error.__cause__ is not None:
        error = error.__cause__
    message = one_line(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)] or frames
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {message}{place}"


def _is_library(filename: str) -> bool:
    package = str(Path(__file__).parents[1])
    return filename.startswith((package, sys.prefix, sys.base_prefix, "<")) or "site-packages" in filename


def _time(since_last_start: float, of_all_starts: float) -> dict[str, Any]:
    """Return how long a trial took that ends now, and when it started, as if it had not been paused."""
    total = max(since_last_start, of_all_starts)
    return {"started": time.time() - total, "seconds_total": total}


def _worker() -> str:
    return f"{platform.node()}:{os.getpid()}"


def _identity(config: TrialConfig) -> dict[str, Any]:
    return {
        "trial_id": trial_id(config),
        "config_id": config_id(config),
        "config": to_flat(config),
        "defaults": defaults(config),
        "version": version(),
    }


def version() -> str:
    """Return the version of this package that is installed."""
    return metadata.version("mnist-sweep")
