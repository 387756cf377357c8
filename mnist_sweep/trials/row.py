"""The definition of a result: one row for each trial, one evaluation for each point of its learning curve.

A row carries everything that is needed to read it without the script that produced it.
"""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from mnist_sweep.trials.value_format import ACCURACY, Measure
from mnist_sweep.validation import require

TIME = "step"  # the time that schedulers count


class Status(enum.StrEnum):
    """The outcome of a trial."""

    OK = "ok"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"


def statuses(retry: Iterable[Status]) -> set[Status]:
    """Return the statuses whose trials are to run again, given by themselves or by name.

    Raises:
        ConfigError: They are no list of statuses, such as a single one.
    """
    found = set(retry)
    require(found <= {*Status}, f"retry is a list of {', '.join(Status)}", retry=retry)
    return found


class Evaluation(NamedTuple):
    """One point of a learning curve; a tuple, since a sweep has hundreds of thousands.

    Attributes:
        step: Training steps taken so far.
        train_loss: Mean of the trial's loss, in nats for cross-entropy, over the batches since the previous point. This
            and every other metric is None where a user's own training code has not reported it.
        train_accuracy: Share of those examples classified correctly, in [0, 1].
        val_loss: Mean of that loss over the whole validation split; None at a point of training metrics only.
        val_accuracy: Share of the validation split classified correctly, in [0, 1]; None at such a point.
        learning_rate: Learning rate of the last step taken.
        seconds: Set-up, training and evaluation up to here, in seconds, including those of shorter trials from which
            this one started; checkpoints and summaries are left out.
        val_objective: Value of the trial's objective on the validation split; None if that is the accuracy.
    """

    step: int
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float | None
    seconds: float
    val_objective: float | None = None

    @property
    def val(self) -> float | None:
        """The value on validation that the trial is judged by; None at a point of training metrics only."""
        return self.val_accuracy if self.val_objective is None else self.val_objective


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """The result of one trial; a metric that does not exist is None, never 0.

    Attributes:
        trial_id: Id of the trial: its config's id and its seed.
        config_id: Hash of the config without the seed.
        status: Outcome of the trial.
        config: The whole config in its flat form: JSON values by field name.
        defaults: Names of the fields of `config` that have their default values and so are not part of the hash.
        val_accuracy: Share of the validation split classified correctly after the last step, in [0, 1].
        val_loss: Mean of the trial's loss, in nats for cross-entropy, over the validation split after the last step.
        test_accuracy: Share of the test split classified correctly, measured once, after the last step.
        num_test: Images in the test split.
        train_loss: Mean of that loss over the batches since the last point but one.
        steps: Training steps taken; None if the trial failed.
        parameters: Number of trainable weights of the model.
        started: Time of its end minus `seconds_total`, in Unix seconds: when it would have started in its worker had it
            not been paused.
        seconds_total: Wall time of the trial itself without pauses, in seconds: the sum of the next three, or the time
            since its last start, including loading the data, checkpoints and summaries, if that is longer.
        seconds_setup: Time for building, tracing and initialising, in seconds.
        seconds_train: Time for training steps, in seconds.
        seconds_evaluate: Time for evaluations on validation and test, in seconds.
        worker: Host and process that ran the trial, as `host:pid`.
        version: Version of mnist_sweep that produced the row.
        environment: What else the results may depend on: versions, processor, threads, device.
        error: Cause of a failure in one line, or why the model of a successful trial was not saved, or None.
        traceback: The whole traceback of that failure, or None.
        data_digest: Digest of the data set (`Dataset.digest`); None in rows of versions before 0.5.
        code_digest: Digest of the user's own code that the trial reaches (`reachable_code.CodeDigests`), that of no
            code for built-in parts; None in rows of versions before 0.5.
        merged_from: Name of the results folder that a forced merge of unrelated sweeps copied the row from, or None.
        latency: Milliseconds of wall time that the trained model took for an image of the test split, in batches of 500
            after an evaluation on validation, with the loss and what the objective takes; None of a user's own training
            code. Like all times, measured, and another one the next time.
        objective: Name, direction and unit of the trial's objective (`Measure`); None if that is the accuracy.
        val_objective: Its value on the validation split after the last step.
        test_objective: Its value on the test split.
        val_objective_error: Standard error over images of the value on validation, of this trained model; None where
            images have no values of their own.
        test_objective_error: The same on test.
        history: The learning curve, in the order of its steps.
    """

    trial_id: str
    config_id: str
    status: Status
    config: Mapping[str, Any]
    defaults: tuple[str, ...] = ()
    val_accuracy: float | None = None
    val_loss: float | None = None
    test_accuracy: float | None = None
    num_test: int | None = None
    train_loss: float | None = None
    steps: int | None = None
    parameters: int | None = None
    started: float | None = None
    seconds_total: float | None = None
    seconds_setup: float | None = None
    seconds_train: float | None = None
    seconds_evaluate: float | None = None
    worker: str | None = None
    version: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None
    data_digest: str | None = None
    code_digest: str | None = None
    merged_from: str | None = None
    latency: float | None = None
    objective: Mapping[str, str] | None = None
    val_objective: float | None = None
    test_objective: float | None = None
    val_objective_error: float | None = None
    test_objective_error: float | None = None
    history: tuple[Evaluation, ...] = ()

    @property
    def measure(self) -> Measure:
        """What the trial is judged by."""
        return Measure(**cast(Any, self.objective)) if self.objective else ACCURACY

    @property
    def val(self) -> float | None:
        """Its value on validation after the last step."""
        return self.val_objective if self.objective else self.val_accuracy

    @property
    def test(self) -> float | None:
        """Its value on test after the last step."""
        return self.test_objective if self.objective else self.test_accuracy


def rank(row: TrialRow) -> tuple[float, float, str]:
    """Return the sort key of successful rows, best first: value on validation, then loss, then id."""
    return -row.measure.score(row.val or 0.0), row.val_loss or 0.0, row.trial_id


def status_counts(rows: Iterable[TrialRow]) -> str:
    """Return the number of rows with each status, as in `38 ok, 2 failed`."""
    by_status = Counter(row.status for row in rows)
    return (
        ", ".join(f"{by_status[status]:,} {status.value}" for status in Status if by_status[status]) or "none finished"
    )
