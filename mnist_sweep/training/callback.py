"""The interface of what follows a trial's training from within; TensorBoard's writer implements it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from mnist_sweep.trials.row import Evaluation, Status

if TYPE_CHECKING:
    from mnist_sweep.training.network import Network
    from mnist_sweep.training.train_step import TrainStep


class TrainingCallback(Protocol):
    """Receives what happens between the first step of a trial and its last; changes no number."""

    def on_train_begin(self, network: "Network", train_step: "TrainStep", val: tuple[Any, Any]) -> None:
        """Receive what is about to be trained.

        Args:
            network: The network.
            train_step: Its training step.
            val: Images (uint8 `[n, height, width, channels]`) and labels (int32 `[n]`) of the validation split.
        """

    def is_traced(self, step: int) -> bool:
        """Return whether to trace the step that ends at a point of the learning curve."""

    def on_trace(self, step: int, run_step: Callable[[], object]) -> None:
        """Trace a step; `run_step` repeats it each time that it is called."""

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """Receive a point of the learning curve."""

    def on_train_end(self, status: Status, test_accuracy: float | None) -> None:
        """Receive how the trial ended, and its accuracy on the test split."""
