"""A child process that runs trials, so that no user model can end the run; it is replaced when it has ended."""

import contextlib
import gc
import os
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ProcessLostError, ResourceError
from mnist_sweep.runners.trial import Item, failed, steps
from mnist_sweep.system.child_process import SECONDS_BETWEEN_SIGNS, ChildProcess
from mnist_sweep.text.names import Flat
from mnist_sweep.training import row_builder, tensorflow_runtime
from mnist_sweep.training.checks import models_to_check
from mnist_sweep.training.checks.models_to_check import Candidate
from mnist_sweep.training.checks.sample import Sample
from mnist_sweep.training.fitting import consume
from mnist_sweep.training.trial_progress import Paused
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.trials.user_code import shipping

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Ahead = tuple[ChildProcess, Generator[None, None, None]]


class TrialProcess:
    """A process for trials, one after the other, as `prepare` leaves it.

    Args:
        settings: Arguments of `tensorflow_runtime.configure`.
        definitions: What `shipping.pack` returned.
        cards: The GPUs that it may use, as in `CUDA_VISIBLE_DEVICES`; None means those of this process.
        patience: Seconds for which a silent process is waited for, as in `ChildProcess`.
        ahead: A child process that has been started already, and what it is doing.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        definitions: bytes,
        *,
        cards: str | None = None,
        patience: float = SECONDS_BETWEEN_SIGNS,
        ahead: Ahead | None = None,
    ) -> None:
        self._arguments, self._patience = (settings, definitions, cards), patience
        self._child: ChildProcess | None = None
        self._kept, self._ahead = list[Dataset](), ahead

    @property
    def connection(self) -> "Connection[Any, Any] | None":
        """What is ready to be read when the process has sent something, or ended; None if there is no process."""
        return self._child.connection if self._child and not self._child.connection.closed else None

    @property
    def worker(self) -> str | None:
        """Its name in rows; None if there is no process."""
        return row_builder.worker(self._child.pid) if self._child else None

    def starting(self) -> Generator[None, None, ChildProcess]:
        """Return the process, started and configured if there is none; yield None meanwhile.

        Raises:
            ProcessLostError: The system has ended it meanwhile.
            ResourceError: It cannot be started, or TensorFlow cannot be configured there.
        """
        if self._child is None or not self._child.is_alive:
            self.end()
            (self._child, doing), self._ahead = self._ahead or (ChildProcess(self._patience), ()), None
            try:
                yield from doing
                yield from self._child.run(prepare, *self._arguments)
            except ProcessLostError as lost:
                if not lost.is_own_doing:
                    raise
                raise ResourceError(f"a process for trials cannot be started: {lost}") from lost
        return self._child

    def start(self) -> ChildProcess:
        """Return the process, as `starting` does, once it is started."""
        return consume(self.starting(), lambda _: None)

    def steps(
        self, config: TrialConfig, dataset: Dataset, *, artifacts: Artifacts | None = None
    ) -> Generator[Item | None, None, TrialRow]:
        """Run a trial in the process, as `trial.steps` does in this one; yield None while it is silent.

        If the trial itself ends the process, its row is `failed`.

        Raises:
            ProcessLostError: The system has ended the process.
            ResourceError: As raised by `starting`.
        """
        preparing = self._preparing(dataset)
        try:
            while True:
                yield next(preparing)
        except StopIteration as ready:
            child: ChildProcess = ready.value
        except Paused:
            self.kill()  # it has nothing to save, and may be far from ready
            raise
        try:
            row: TrialRow = yield from child.run(isolated_steps, to_flat(config), id(dataset), artifacts)
        except ProcessLostError as lost:
            if not lost.is_own_doing:
                raise
            row = row_builder.lost(config, error=str(lost), trace=lost.trace)
        return row

    def checking(self, models: Sequence[Candidate]) -> Generator[None, None, list[str]]:
        """Check models in the process, as `models_to_check.check_models` does in this one; return notes on them.

        If a model ends the process, its trial will report it; then each of the others is checked by itself.

        Raises:
            ConfigError: As raised by `models_to_check.check_models`.
            ResourceError: As raised by `starting`.
        """
        if not models:
            return []
        flats = [(to_flat(config), sample) for config, sample in models]
        with contextlib.suppress(ProcessLostError):
            child = yield from self.starting()
            notes: list[str] | None = yield from child.run(check_models, flats)
            if notes is not None:
                return notes
        alone, notes = [[model] for model in models] if len(models) > 1 else [], []
        for model in alone:
            notes += yield from self.checking(model)
        return notes

    def check_models(self, models: Sequence[Candidate]) -> list[str]:
        """Check models, as `checking` does, and return the notes."""
        return consume(self.checking(models), lambda _: None)

    def end(self) -> None:
        """End the process if there is one."""
        if self._child:
            with self._child:
                self._child, self._kept = None, []

    def kill(self) -> None:
        """End the process at once if there is one."""
        if self._child:
            self._child.kill()

    def _preparing(self, dataset: Dataset) -> Generator[None, None, ChildProcess]:
        """Return the process once it is started and keeps a data set: those that were used last."""
        child = yield from self.starting()
        others = [one for one in self._kept if one is not dataset]
        if len(others) == len(self._kept):
            yield from child.run(keep_dataset, id(dataset), dataset)
        self._kept = [*others, dataset][-tensorflow_runtime.MAX_DATASETS :]
        return child


class ThisProcess:
    """This process in the place of a `TrialProcess`; it is never lost, and cannot be ended."""

    connection = None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.steps, self.worker = steps, row_builder.worker()

    def starting(self) -> Generator[None, None, None]:
        """Configure TensorFlow, or raise a ResourceError if it already runs with other settings."""
        yield from ()
        tensorflow_runtime.configure(**self._settings)

    def checking(self, models: Sequence[Candidate]) -> Generator[None, None, list[str]]:
        """Check models, as `models_to_check.check_models` does; return notes on them."""
        yield from ()
        return models_to_check.check_models(models)

    def end(self) -> None:
        """Leave it as it is."""

    kill = end


def prepare(settings: Mapping[str, Any], definitions: bytes, cards: str | None = None) -> None:
    """Prepare a process that only runs trials: `tensorflow_runtime.configure`, and what `shipping` packed.

    It sees the GPUs `cards`, as in `CUDA_VISIBLE_DEVICES`, or those that its parent sees.
    """
    if cards is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = cards
    tensorflow_runtime.configure(**settings)  # before the user's modules, which may import Keras, as on Ray
    shipping.unpack(definitions)
    gc.freeze()  # a million objects of TensorFlow's, which no collection has to look at


def check_models(models: Sequence[tuple[Flat, Sample]]) -> list[str] | None:
    """Check models in a process that runs trials only; return notes, or None if one raises KeyboardInterrupt."""
    with contextlib.suppress(KeyboardInterrupt):
        return models_to_check.check_models([Candidate(from_flat(flat), sample) for flat, sample in models])
    return None


def keep_dataset(key: int, dataset: Dataset) -> None:
    """Keep a data set in this process for the trials that name it by its key."""
    tensorflow_runtime.cached("datasets", key, lambda: dataset, limit=tensorflow_runtime.MAX_DATASETS)


def isolated_steps(flat: Flat, key: int, artifacts: Artifacts | None) -> Generator[Item, None, TrialRow]:
    """Run a trial in a process that runs trials only, where KeyboardInterrupt is an error like any other."""
    config = from_flat(flat)
    dataset = tensorflow_runtime.cached("datasets", key, lambda: None, limit=tensorflow_runtime.MAX_DATASETS)
    try:
        return (yield from steps(config, dataset, artifacts=artifacts))
    except (GeneratorExit, Paused):
        raise
    except BaseException as error:  # only the user's code can have raised it
        return failed(config, error)
