"""The state of a trial in training, apart from its weights, and its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from mnist_sweep.results.predictions import Predictions
    from mnist_sweep.trials.row import Evaluation, Status

Validated = tuple[float | None, float | None, float | None]  # mean loss, accuracy and objective on a split
UNKNOWN: Validated = (None, None, None)
PHASES = ("setup", "train", "evaluate")


class Paused(BaseException):
    """Thrown into a running trial to pause it: the trial writes its checkpoint and ends without a row."""


class Heartbeat(NamedTuple):
    """A sign of life between the points of a learning curve.

    Attributes:
        parameters: Number of trainable weights; None if unknown.
        note: One line for the user, or None.
        inherited: Wall time of the trials whose steps this one shares, in seconds.
    """

    step: int
    parameters: int | None
    note: str | None = None
    inherited: float = 0.0


class Sums(NamedTuple):
    """Sum of the batches' mean losses (float64), and number of correct classifications (int64), over many steps.

    A graph adds them up in the same order however the steps are divided among calls.
    """

    loss: Any
    num_correct: Any


@dataclass(slots=True)
class TrainingState:
    """How far a trial has come.

    Attributes:
        first: Step of the last point of the learning curve, after which the next two are sums.
        loss_sum: Sum of the mean losses of the batches since then.
        num_correct: Examples of these batches classified correctly.
        seconds: Wall time by phase, in seconds.
        inherited: Wall time of the trials whose steps this one shares, in seconds.
    """

    step: int = 0
    first: int = 0
    loss_sum: float = 0.0
    num_correct: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    history: list["Evaluation"] = field(default_factory=list)
    inherited: float = 0.0

    def inherit(self) -> None:
        """Count all time so far as that of other trials: a longer one begins here."""
        self.inherited += sum(self.seconds.values())
        self.seconds = dict.fromkeys(PHASES, 0.0)

    def add(self, evaluation: "Evaluation") -> None:
        """Add a point to the learning curve, and reset the sums."""
        self.history.append(evaluation)
        self.first, self.loss_sum, self.num_correct = self.step, 0.0, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """The result of training one model.

    Attributes:
        status: OK, or DIVERGED when a loss was not finite.
        history: The learning curve, without the point at which a loss was not finite.
        final: The last point, with the validation metrics of the trained model; None unless OK.
        test_accuracy: Share of the test split classified correctly after the last step; None unless OK.
        parameters: Number of trainable weights; None if unknown.
        seconds: Wall time by phase, in seconds: `setup`, `train` and `evaluate`.
        model: The trained Keras model if OK; the next trial with its signature trains the same object anew. None if the
            user's own code has trained.
        predictions: Its predicted classes of the validation and test images; None unless OK and known.
        test_objective: Value of the trial's objective on the test split; None unless OK, and if that is the accuracy.
        latency: Milliseconds for an image of the test split, as in rows; None unless OK, and of the user's own code.
        fields_read: Names of the fields of the trial that the user's own training code has read; None without such.
    """

    status: "Status"
    steps: int
    history: tuple["Evaluation", ...]
    final: "Evaluation | None"
    test_accuracy: float | None
    parameters: int | None
    seconds: dict[str, float]
    model: Any
    predictions: "Predictions | None"
    test_objective: float | None = None
    latency: float | None = None
    fields_read: frozenset[str] | None = None


class TrainingCallback(Protocol):
    """Receives what happens between the first step of a trial and its last, as for TensorBoard; changes no number."""

    def on_train_begin(self, model: Any, step: Any, images: Callable[[int], Any]) -> None:
        """Receive the Keras model, the `tf.function` of one training step, and what returns the first n images.

        These are validation images, float32 `[n, height, width, channels]` in [0, 1].
        """

    def is_traced(self, step: int) -> bool:
        """Return whether to trace the step that ends at a point of the learning curve."""

    def on_trace(self, step: int, run_step: Callable[[], object]) -> None:
        """Trace a step; `run_step` repeats it each time that it is called."""

    def on_evaluation(self, evaluation: "Evaluation") -> None:
        """Receive a point of the learning curve."""

    def on_train_end(self, status: "Status", test_accuracy: float | None, test_objective: float | None = None) -> None:
        """Receive how the trial ended, and its results on the test split."""


class PhaseTimer:
    """Adds up wall time by phase, in `seconds`."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._since = time.perf_counter()

    def add_to(self, phase: str) -> None:
        """Add the time since the last call to a phase."""
        now = time.perf_counter()
        self.seconds[phase] += now - self._since
        self._since = now

    def skip(self) -> None:
        """Leave out the time since the last call."""
        self._since = time.perf_counter()
