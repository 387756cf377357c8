"""One trial, as every runner runs it, in whatever process: config in, row out, whatever happens in between.

What a trial could not keep, such as a checkpoint, a log or a model, is named in its row and fails nothing.
"""

import contextlib
import dataclasses
import functools
import platform
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import cast

from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import LedgerError, ScriptError
from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.system.storage import Bucket, Folder, storage
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.lines import shortened
from mnist_sweep.training import fitting, own_training, reproducibility, row_builder, tensorflow_runtime
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.checks import models_to_check
from mnist_sweep.training.trial_progress import FitResult, Heartbeat, Paused, TrainingCallback
from mnist_sweep.trials import kinds, shared_prefix
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, TrialRow, rank
from mnist_sweep.trials.user_code.reachable_code import CodeDigests, own_parts

KEPT_SWEEPS, KEPT_DIGESTS = 4, 8
Item = Evaluation | Heartbeat | Predictions | SavedModel


def execute(config: TrialConfig, *, on_evaluation: Callable[[Evaluation], None] = lambda _: None) -> TrialRow:
    """Run a trial in this process; call a function with each point of its learning curve, and return its row."""

    def on_item(item: Item) -> None:
        if isinstance(item, Evaluation):
            on_evaluation(item)

    return fitting.consume(steps(config), on_item)


def steps(
    config: TrialConfig, dataset: Dataset | None = None, *, artifacts: Artifacts | None = None
) -> Generator[Item, None, TrialRow]:
    """Run a trial in this process: yield its learning curve and what it leaves behind; return its row.

    An exception of the user's code, `sys.exit` included, becomes a `failed` row. There are heartbeats about once a
    second; `Paused` may be thrown in at any of them, and is raised again when the checkpoint is written.

    Args:
        config: The trial.
        dataset: The data set that `config.data` stands for; loaded if None.
        artifacts: What to leave behind; None means nothing.
    """
    start = time.perf_counter()
    problems: list[str] = []
    try:
        check_code(config, artifacts.digests if artifacts else {})
        dataset = loading.load(config.data) if dataset is None else dataset
        models_to_check.check_model(config, dataset)
        checkpoints = _checkpoints(config, artifacts, problems)
        with _summaries(config, artifacts, checkpoints, problems) as summaries:
            train = own_training.train if trains_itself(config.model) else fitting.train
            result = yield from train(config, dataset, callback=summaries, checkpoints=checkpoints)
    except (Exception, SystemExit) as error:  # a user's model or data set may raise anything
        return failed(config, error)
    if artifacts and result.fields_read is not None:
        problems += own_training.ignored_fields(config, artifacts.fields, result.fields_read)
    seconds = time.perf_counter() - start
    row = row_builder.ended(config, result, num_test=len(dataset.test.labels), seconds=seconds)
    with contextlib.suppress(Paused):  # it has ended
        if artifacts and artifacts.predictions and result.predictions:
            yield result.predictions
    with contextlib.suppress(Paused):
        if artifacts and result.model is not None and _is_kept(row, artifacts):
            yield from _saved(result, dataset, problems)
    return dataclasses.replace(row, error="; ".join(problems) or None)


def pausable(
    running: Generator[Item | None, None, TrialRow], is_ending: Callable[[], bool]
) -> Generator[Item | None, None, TrialRow | Paused]:
    """Pass on what a trial yields and returns; once its run is to end, let it write its checkpoint and end.

    Return what it was paused with instead of its row, if it has none: its notes are for the user. A trial in a process
    of its own may have ended before it could be paused.
    """
    advance, is_pausing = functools.partial(next, running), False
    while True:
        try:
            item = advance()
        except StopIteration as end:
            return cast(TrialRow, end.value)
        except Paused as paused:
            return paused
        yield item
        pauses = not is_pausing and not isinstance(item, SavedModel | Predictions) and is_ending()
        advance = functools.partial(running.throw, Paused()) if pauses else functools.partial(next, running)
        is_pausing |= pauses


def failed(config: TrialConfig, error: BaseException) -> TrialRow:
    """Return the row of a trial that an exception has ended."""
    return row_builder.failed(config, error=first_cause(error), trace=traceback.format_exc())


def storage_of(artifacts: Artifacts) -> Folder | Bucket:
    """Return the storage of a trial's artifacts, the same one for all trials of a process."""
    name = artifacts.storage
    return cast(Folder | Bucket, tensorflow_runtime.cached("storages", name, lambda: storage(name), limit=KEPT_SWEEPS))


def _checkpoints(config: TrialConfig, artifacts: Artifacts | None, problems: list[str]) -> Checkpoints | None:
    if artifacts is None or artifacts.run_marker is None:
        return None
    where, shares = storage_of(artifacts), artifacts.keep_shared_prefixes
    try:
        if not where.exists(artifacts.run_marker):
            return None
        start = shared_prefix.latest_start(config, where.names(shared_prefix.FOLDER)) if shares else None
    except LedgerError as error:
        problems.append(f"it ran without checkpoints: {error}")
        return None
    flat, known = to_flat(config), artifacts.digests
    digests = {"data": known.get(kinds.data_key(flat)), "code": known.get(kinds.code_key(flat))}
    return Checkpoints(
        where,
        trial_id(config),
        seconds=artifacts.checkpoint_seconds,
        identity={"version": row_builder.version(), **digests, **reproducibility.environment()},
        start=start,
        end=shared_prefix.final_state_name(config) if shares else None,
    )


@contextlib.contextmanager
def _summaries(
    config: TrialConfig, artifacts: Artifacts | None, checkpoints: Checkpoints | None, problems: list[str]
) -> Iterator[TrainingCallback | None]:
    """Give the writer of the trial's logs, or None if none are kept; add why they could not be kept to `problems`."""
    if artifacts is None or artifacts.summaries == "off":
        yield None
        return
    from mnist_sweep.trackers.tensorboard.hparams import log_folder
    from mnist_sweep.trackers.tensorboard.writer import TensorBoardWriter

    name = log_folder(to_flat(config), artifacts.fields, trial_id(config))
    full = artifacts.summaries == "full" and not trains_itself(config.model)  # there are no graphs to show
    fresh = not (checkpoints and checkpoints.exist())
    with (
        _working_folder(storage_of(artifacts), name, problems) as folder,
        TensorBoardWriter(folder, config, fields=artifacts.fields, full=full, fresh=fresh) as summaries,
    ):
        yield summaries
    if summaries.error:
        problems.append(f"its logs could not be kept: {shortened(summaries.error)}")


@contextlib.contextmanager
def _working_folder(where: Folder | Bucket, name: str, problems: list[str]) -> Iterator[Path]:
    """Give a folder of a storage; of a bucket, give a local copy that is uploaded in the end."""
    if isinstance(where, Folder):
        yield where.path / name
        return
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-") as copy:
        with _collected(problems):
            where.download(name, Path(copy))
        try:
            yield Path(copy)
        finally:
            with _collected(problems):
                where.upload(Path(copy), name)


@contextlib.contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except LedgerError as error:
        problems.append(f"its logs could not be kept: {error}")


def _saved(result: FitResult, dataset: Dataset, problems: list[str]) -> Iterator[SavedModel]:
    from mnist_sweep.models import keras_file
    from mnist_sweep.results import mistakes

    try:
        known = None if dataset.is_regression else result.predictions
        found = mistakes.to_bytes(mistakes.find(result.model, dataset, known.val)) if known is not None else None
        saved = SavedModel(keras_file.to_bytes(result.model), found)
    except (Exception, SystemExit) as error:  # a user's layer may raise anything: the trial is good all the same
        problems.append(f"its model could not be saved: {first_cause(error)}")
    else:
        yield saved


def _is_kept(row: TrialRow, artifacts: Artifacts) -> bool:
    """Return whether the model is sent to the results folder, where those of all workers are compared."""
    if artifacts.models != "best" or artifacts.several_seeds:
        return artifacts.models != "none"
    best = tensorflow_runtime.cached("best", (artifacts.storage, artifacts.run_marker), list, limit=KEPT_SWEEPS)
    if is_best := not best or rank(row) < rank(best[0]):
        best[:] = [row]
    return is_best


def check_code(config: TrialConfig, digests: Mapping[str, str]) -> None:
    """Validate that the trial's own code here is that of the run, as far as both are known.

    Code that came by value has no source here. `digests` are the run's, by `kinds.code_key`.

    Raises:
        ScriptError: It is other code, such as that of another file on this node.
    """
    parts, named = own_parts(config), kinds.code_key(to_flat(config))
    expected = digests.get(named) if parts else None
    if not expected:
        return
    found = tensorflow_runtime.cached("code digests", parts, lambda: CodeDigests().of(config), limit=KEPT_DIGESTS)
    if found and found != expected:
        raise ScriptError(
            f"the code of {named} on {platform.node()} is not that of the run (digest {found}, not {expected}): let "
            "every machine have the same files, and change none while a run lasts."
        )
