"""One trial: config in, row out, whatever happens in between."""

import contextlib
import dataclasses
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep import data, lineage, runtime, training
from mnist_sweep.artifacts import Artifacts, SavedModel
from mnist_sweep.checkpoints import Checkpoints
from mnist_sweep.config import TrialConfig, config_id, defaults, to_flat, trial_id
from mnist_sweep.course import Fit, Tick
from mnist_sweep.errors import LedgerError
from mnist_sweep.predictions import Predictions
from mnist_sweep.rows import Evaluation, Status, TrialRow, rank
from mnist_sweep.storage import Bucket, Folder, storage

if TYPE_CHECKING:
    from mnist_sweep.summaries import Summaries

KEPT_SWEEPS = 4
Item = Evaluation | Tick | Predictions | SavedModel


def execute(
    config: TrialConfig,
    dataset: data.Dataset | None = None,
    *,
    on_evaluation: Callable[[Evaluation], None] = lambda _: None,
) -> TrialRow:
    """Run a trial in this process as `steps` does, and call a function with each point of its learning curve."""

    def on_item(item: Item) -> None:
        if isinstance(item, Evaluation):
            on_evaluation(item)

    return training.drain(steps(config, dataset), on_item)


def steps(
    config: TrialConfig, dataset: data.Dataset | None = None, *, artifacts: Artifacts | None = None
) -> Generator[Item, None, TrialRow]:
    """Run a trial in this process: yield its learning curve as it comes and what it leaves behind; return its row.

    A failure of the user's code becomes a `failed` row. There are ticks about once a second; `training.Paused` may be
    thrown in at any of them, and comes out again when the checkpoint is written.

    Args:
        config: What to run.
        dataset: The data set that `config.data` stands for; loaded if None.
        artifacts: What to leave behind; None means nothing. Of models to be kept if they are the best, those are
            yielded that are better than every one before in this process.
    """
    start, started = time.perf_counter(), time.time()
    lost: list[str] = []
    try:
        dataset = data.load(config.data) if dataset is None else dataset
        checkpoints = _checkpoints(config, artifacts)
        with _summaries(config, artifacts, checkpoints, lost) as summaries:
            result = yield from training.curve(config, dataset, summaries=summaries, checkpoints=checkpoints)
    except Exception as error:  # a model or data set of the user's may raise anything: it becomes the row's error
        return failed(config, error=first_cause(error), trace=traceback.format_exc())
    row = _row(config, dataset, result, started, time.perf_counter() - start)
    if artifacts and artifacts.predictions and result.predictions:
        yield result.predictions
    if artifacts and result.model is not None and _is_kept(row, artifacts):
        try:
            model = _saved(result.model, dataset)
        except Exception as error:  # a layer of the user's may refuse in any way: the trial is good all the same
            lost.append(f"its model could not be saved: {first_cause(error)}")
        else:
            yield model
    return dataclasses.replace(row, error="; ".join(lost) or None)


def pause(running: Generator[Item, None, TrialRow]) -> str | None:
    """Let a trial that `steps` runs write its checkpoint and end; return what the user should know, or None."""
    try:
        running.throw(training.Paused())
    except training.Paused as paused:
        return "; ".join(getattr(paused, "__notes__", [])) or None
    raise AssertionError("a paused trial ends")


def storage_of(artifacts: Artifacts) -> Folder | Bucket:
    """Return the storage of a trial's artifacts, the same one for all trials of a process."""
    found: Folder | Bucket = runtime.kept(
        "storages", artifacts.storage, lambda: storage(artifacts.storage), limit=KEPT_SWEEPS
    )
    return found


def _checkpoints(config: TrialConfig, artifacts: Artifacts | None) -> Checkpoints | None:
    if artifacts is None or artifacts.mark is None or not storage_of(artifacts).exists(artifacts.mark):
        return None
    where = storage_of(artifacts)
    return Checkpoints(
        where,
        trial_id(config),
        seconds=artifacts.checkpoint_seconds,
        identity={"version": _version(), **runtime.environment()},
        start=lineage.ancestor(config, where.names(lineage.FOLDER)) if artifacts.lineages else None,
        end=lineage.name(config) if artifacts.lineages else None,
    )


@contextlib.contextmanager
def _summaries(
    config: TrialConfig, artifacts: Artifacts | None, checkpoints: Checkpoints | None, lost: list[str]
) -> Iterator["Summaries | None"]:
    """Give what writes the trial's logs, if any are asked for; why they could not be kept is added to `lost`."""
    if artifacts is None or artifacts.summaries == "off":
        yield None
        return
    from mnist_sweep.summaries import Summaries

    full, fresh = artifacts.summaries == "full", not (checkpoints and checkpoints.exist())
    with (
        _working_folder(storage_of(artifacts), f"logs/{trial_id(config)}", lost) as folder,
        Summaries(folder, config, full=full, fresh=fresh) as summaries,
    ):
        yield summaries


@contextlib.contextmanager
def _working_folder(where: Folder | Bucket, name: str, lost: list[str]) -> Iterator[Path]:
    """Give a folder of a storage, or of a bucket a copy that takes its place in the end."""
    if isinstance(where, Folder):
        yield where.path / name
        return
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as copy:
        with _noting(lost):
            where.download(name, Path(copy))
        try:
            yield Path(copy)
        finally:
            with _noting(lost):
                where.upload(Path(copy), name)


@contextlib.contextmanager
def _noting(lost: list[str]) -> Iterator[None]:
    try:
        yield
    except LedgerError as error:
        lost.append(f"its logs could not be kept: {error}")


def _saved(model: Any, dataset: data.Dataset) -> SavedModel:
    from mnist_sweep import export, mistakes

    return SavedModel(export.to_bytes(model), mistakes.to_bytes(mistakes.of(model, dataset)))


def _is_kept(row: TrialRow, artifacts: Artifacts) -> bool:
    """Return whether the model of a row goes to the results folder, where the best of all workers are compared."""
    best = runtime.kept("best", artifacts.storage, list, limit=KEPT_SWEEPS)
    if artifacts.models == "best" and (not best or rank(row) < rank(best[0])):
        best[:] = [row]
        return True
    return artifacts.models == "all"


def _row(config: TrialConfig, dataset: data.Dataset, result: Fit, started: float, seconds: float) -> TrialRow:
    ended = result.history[-1] if result.status is Status.OK else None
    parts: dict[str, Any] = {f"seconds_{name}": value for name, value in result.seconds.items()}
    return TrialRow(
        **_identity(config),
        status=result.status,
        val_accuracy=ended.val_accuracy if ended else None,
        val_loss=ended.val_loss if ended else None,
        test_accuracy=result.test_accuracy,
        num_test=len(dataset.test.labels),
        train_loss=ended.train_loss if ended else None,
        steps=result.steps,
        parameters=result.parameters,
        started=started,
        seconds_total=max(seconds, sum(parts.values())),
        **parts,
        worker=_worker(),
        environment=runtime.environment(),
        history=result.history,
    )


def stopped(config: TrialConfig, points: Sequence[Evaluation], *, parameters: int, started: float) -> TrialRow:
    """Return the row of a trial that is stopped after these points of its learning curve."""
    last = points[-1]
    return TrialRow(
        **_identity(config),
        status=Status.STOPPED,
        val_accuracy=last.val_accuracy,
        val_loss=last.val_loss,
        train_loss=last.train_loss,
        steps=last.step,
        parameters=parameters,
        started=started,
        seconds_total=last.seconds,
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
    message = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)] or frames
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {message}{place}"


def _is_library(filename: str) -> bool:
    package = str(Path(__file__).parent)
    return filename.startswith((package, sys.prefix, sys.base_prefix, "<")) or "site-packages" in filename


def _worker() -> str:
    return f"{platform.node()}:{os.getpid()}"


def _identity(config: TrialConfig) -> dict[str, Any]:
    return {
        "trial_id": trial_id(config),
        "config_id": config_id(config),
        "config": to_flat(config),
        "defaults": defaults(config),
        "version": _version(),
    }


def _version() -> str:
    from importlib.metadata import version

    return version("mnist-sweep")
