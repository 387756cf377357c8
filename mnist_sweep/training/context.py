"""What the `train` method of a user's model is given: the data, the fields of its trial, and the way to the sweep."""

import contextlib
import math
import operator
import os
import random
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.batches import subseed
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ConfigError, LedgerError
from mnist_sweep.optim.losses import Loss, OwnLoss
from mnist_sweep.optim.objective_metrics import AnyObjective
from mnist_sweep.optim.optimizers import Optimizer
from mnist_sweep.optim.schedules import Schedule
from mnist_sweep.training import array_packing, own_training_reports, tensorflow_runtime
from mnist_sweep.training.array_packing import Arrays
from mnist_sweep.training.checkpoints import Checkpoints
from mnist_sweep.training.own_training_thread import Session
from mnist_sweep.trials.row import Evaluation
from mnist_sweep.validation import require

if TYPE_CHECKING:
    from mnist_sweep.trials.config import TrialConfig

NO_FIELDS = "data", "model", "seed", "changes", "objective"  # a context gives or applies them whatever the code reads


class Context:
    """A trial as its own training code sees it; for the thread that `train` runs in, until that returns.

    Attributes:
        data: The data set; its arrays are read-only, since later trials of the process train on them as well.
        seed: Seed of the trial; the generators of Python, NumPy, Keras and TensorFlow are seeded from it already.
        steps: Step at which training ends, `num_steps` of the trial.
        batch_size: Examples in a training step.
        evaluate_every: Steps between evaluations.
        log_every: Steps between points of training metrics only, or None.
        loss: What training minimises, as in `TrialConfig`.
        objective: What the trial is judged by, as in `TrialConfig`.
        optimizer: The update rule with its learning rate.
        schedule: Factor on the learning rate at each step.
        precision: Keras' dtype policy.
        weight_decay: As in `TrialConfig`.
        augmentation: As in `TrialConfig`.
    """

    steps: int
    batch_size: int
    evaluate_every: int
    log_every: int | None
    loss: Loss | OwnLoss
    objective: AnyObjective
    optimizer: Optimizer
    schedule: Schedule
    precision: str
    weight_decay: float
    augmentation: str

    def __init__(self, config: "TrialConfig", data: Dataset, session: Session) -> None:
        self.data: Dataset = tensorflow_runtime.cached(
            "read-only data", data, data.read_only, limit=tensorflow_runtime.MAX_DATASETS
        )
        self.seed, self._config, self._session = config.seed, config, session
        self._owner, self._start = (os.getpid(), threading.get_ident()), session.state.step
        self.objective = config.objective
        self._has_restored = self._is_closed = self._was_reminded = False

    def __getattr__(self, name: str) -> Any:
        """Return a field of the trial, and record that it was read."""
        field = "num_steps" if name == "steps" else name
        if name in ("num_steps", "measure", *NO_FIELDS) or name.startswith("_") or not hasattr(self._config, field):
            raise AttributeError(f"a context has no {name!r}: it has {', '.join(type(self).__annotations__)}.")
        self._session.fields_read.add(field)
        return getattr(self._config, field)

    @property
    def threads(self) -> int:
        """Number of CPUs, and so of threads, that the trial holds."""
        return max(1, int(tensorflow_runtime.configured().get("threads", 0)))

    @property
    def should_stop(self) -> bool:
        """Whether the trial is to pause, as when the run ends: write a checkpoint and return; it resumes later."""
        self._session.has_seen_end = self._session.paused is not None
        return self._session.has_seen_end

    def images(self, split: str, places: Any = slice(None)) -> NDArray[np.float32]:
        """Return images of `train`, `val` or `test`: float32 `[n, height, width, channels]` in [0, 1].

        Only those at `places` are in memory, which index the images: a batch of a data set that is larger than memory.
        """
        own_training_reports.check_names([split], list(self.data.splits), "split")
        return self.data.scaled(self.data.splits[split].images[places])

    def report(self, step: int, **values: SupportsFloat) -> None:
        """Report a point of the learning curve; schedulers decide by `val_accuracy`, or the objective's `val_<name>`.

        A metric that is not finite ends training: the trial has diverged.

        Args:
            step: Training steps taken so far, more than at the last report and at most `steps`.
            values: `val_accuracy`, `val_loss`, `train_accuracy`, `train_loss` (losses: means over examples) and
                `learning_rate`, or some of them; for another objective, its `val_<name>`, whenever others are of
                validation.

        Raises:
            ConfigError: A step or a metric breaks a rule.
        """
        with self._used() as session:
            point = self._point(step, values)
            session.timer.add_to("train")
            session.state.step, session.kept = point.step, None
            session.state.add(point._replace(seconds=session.state.inherited + sum(session.timer.seconds.values())))
            session.send(session.state.history[-1])
            if session.paused and (self._was_reminded or not self._has_restored):
                session.halt()
            self._was_reminded = session.paused is not None  # a checkpoint may follow

    def restore(self) -> Any:
        """Return the state of the last checkpoint, or None if the trial begins; to be called before the first report.

        Raises:
            ConfigError: A point has been reported.
        """
        with self._used() as session:
            if session.state.step > self._start:
                rule = "call `context.restore()` before the first `context.report(...)`, and `keras_fit` once"
                raise ConfigError(f"{rule}: an earlier phase of training may be Keras' own `fit`.")
            self._has_restored = True
            if session.kept is None:
                return None
            self._seed_generators()
            return array_packing.unpack(session.kept)

    def checkpoint(self, state: Any) -> None:
        """Keep all that training needs to resume after the last reported step; it ends here if the run is to end.

        A file is written at most once in `Keep.checkpoint_seconds`. The generators of Python and NumPy are seeded anew
        by `seed` and step, so that a trial that resumes here draws the same numbers.

        Args:
            state: Arrays, numbers, strings, bytes, None, and lists, tuples and dictionaries of them.

        Raises:
            ConfigError: The state holds something else, or `restore` was not called before.
        """
        with self._used() as session:
            if not self._has_restored:
                raise ConfigError("call `state = context.restore()` first, or nothing resumes from the checkpoints.")
            session.timer.add_to("train")
            arrays = array_packing.pack(state)
            if session.checkpoints and (session.paused or session.checkpoints.is_due()):
                self._save(arrays, session.checkpoints)
            if session.state.step == self._config.num_steps:
                session.kept = {name: array.copy() for name, array in arrays.items()}
            self._seed_generators()
            session.timer.skip()
            if session.paused:
                session.halt()

    def close(self) -> None:
        """Refuse whatever comes after the end of `train`."""
        self._is_closed = True

    @contextlib.contextmanager
    def _used(self) -> Iterator[Session]:
        """Keep an error of wrong use, so that training code that catches it does not hide it."""
        session = self._session
        if self._is_closed:
            raise ConfigError("the context was used after `train` had returned.")
        session.go_on()
        try:
            if session.error:
                raise session.error
            if self._owner != (os.getpid(), threading.get_ident()):
                raise ConfigError("use the context in the thread that `train` runs in, and in no other process.")
            yield session
        except ConfigError as error:
            session.error = error
            raise

    def _point(self, step: Any, given: dict[str, Any]) -> Evaluation:
        last, most = self._session.state.step, self._config.num_steps
        whole = hasattr(step, "__index__") and not isinstance(step, bool)
        rule = f"{last} (the last report) < step <= {most} (num_steps)"
        require(whole and last < step <= most, rule, step=step)
        measure = self._config.measure
        known = own_training_reports.names_of(self._config, self.data, own_training_reports.REPORTED)
        own_training_reports.check_names(given, known)
        require(bool(given), "a report has a metric", metrics=given)
        of_val = any(name.startswith("val_") for name in given)
        judged = measure.is_accuracy or measure.val in given or not of_val
        require(judged, f"a report of validation has {measure.val}", metrics=list(given))
        values: dict[str, float | None] = {
            name: own_training_reports.number(name, value, measure) for name, value in given.items()
        }
        if not all(math.isfinite(value) for value in values.values() if value is not None):
            self._session.has_diverged = True
            self._session.halt()
        if not measure.is_accuracy:
            values["val_objective"] = values.pop(measure.val, None)
        return Evaluation(
            **dict.fromkeys(own_training_reports.REPORTED) | values, step=operator.index(step), seconds=0.0
        )

    def _save(self, arrays: Arrays, checkpoints: Checkpoints) -> None:
        session = self._session
        try:
            checkpoints.save(session.state, arrays)
        except LedgerError as error:
            if session.paused:
                session.paused.add_note(f"it will start over: {error}")
            else:
                session.send(session.heartbeat(f"continues without a checkpoint: {error}"))

    def _seed_generators(self) -> None:
        seed = subseed(self._config.seed, f"training from {self._session.state.step}")
        random.seed(seed)
        np.random.seed(seed % 2**32)
