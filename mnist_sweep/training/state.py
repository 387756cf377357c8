"""Where a trial in training is, apart from its weights, and what became of it."""

import dataclasses
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import Evaluation, Status

PARTS = ("setup", "train", "evaluate")


class Heartbeat(NamedTuple):
    """A sign of life between the points of a learning curve.

    Attributes:
        step: Training steps taken so far.
        parameters: Trainable weights of the model.
        note: What the user should know, in one line, or None.
        inherited: Wall time of the trials before, where this one began at the end of another, in seconds.
    """

    step: int
    parameters: int
    note: str | None = None
    inherited: float = 0.0


@dataclass(slots=True)
class TrainingState:
    """Where a trial is.

    Attributes:
        step: Training steps taken.
        first: Step of the last point of the learning curve, from which on is summed.
        loss_sum: Sum of the mean losses of the batches since then.
        num_correct: Examples of these batches classified correctly.
        seconds: Wall time by part, in seconds.
        history: The learning curve so far.
        inherited: Wall time of the trials before, where this one began at the end of another, in seconds.
    """

    step: int = 0
    first: int = 0
    loss_sum: float = 0.0
    num_correct: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    history: list[Evaluation] = field(default_factory=list)
    inherited: float = 0.0

    def inherit(self) -> None:
        """Count all time so far as that of the trials before: another one begins here."""
        self.inherited += sum(self.seconds.values())
        self.seconds = dict.fromkeys(PARTS, 0.0)

    def add(self, point: Evaluation) -> None:
        """Add a point to the learning curve, and sum anew from it on."""
        self.history.append(point)
        self.first, self.loss_sum, self.num_correct = self.step, 0.0, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What training brought.

    Attributes:
        status: OK, or DIVERGED when a loss was not finite.
        steps: Training steps taken.
        history: The learning curve, without the point at which a loss was not finite.
        test_accuracy: Share of the test split classified correctly after the last step; None unless OK.
        parameters: Trainable weights of the model.
        seconds: Wall time by part, in seconds: `setup`, `train` and `evaluate`.
        model: The trained Keras model if OK; the next trial of its structure trains the same one anew.
        predictions: What it takes the images of validation and test for; None unless OK.
    """

    status: Status
    steps: int
    history: tuple[Evaluation, ...]
    test_accuracy: float | None
    parameters: int
    seconds: dict[str, float]
    model: Any
    predictions: Predictions | None


class Clock:
    """Adds wall time to the parts of a course.

    Attributes:
        seconds: Seconds by part.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._since = time.perf_counter()

    def lap(self, part: str) -> None:
        """Add the time since the last lap to a part."""
        now = time.perf_counter()
        self.seconds[part] += now - self._since
        self._since = now

    def go_on(self) -> None:
        """Leave out the time since the last lap."""
        self._since = time.perf_counter()

    def total(self) -> float:
        """Return the time of all parts."""
        return sum(self.seconds.values())


def to_json_value(course: TrainingState) -> dict[str, object]:
    """Return a course as JSON values; numbers keep all their bits."""
    return dataclasses.asdict(course) | {"history": [list(point) for point in course.history]}


def from_json_value(value: dict[str, object]) -> TrainingState:
    """Return the course that `to_json_value` made the values of."""
    course = TrainingState(**value)  # type: ignore[arg-type]  # written by this package, under a digest
    course.history = [Evaluation(*point) for point in course.history]
    return course
