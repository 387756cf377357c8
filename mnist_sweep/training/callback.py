"""What training tells while it runs; TensorBoard's writer is one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from mnist_sweep.trials.row import Evaluation, Status

if TYPE_CHECKING:
    from mnist_sweep.training.network import Network
    from mnist_sweep.training.train_step import TrainStep


class TrainingCallback(Protocol):
    """Hears what happens between the first step of a trial and its last; changes no number."""

    def begin(self, network: "Network", program: "TrainStep", val: tuple[Any, Any]) -> None:
        """Hear that training begins.

        Args:
            network: What is trained.
            program: What trains it.
            val: Images (uint8 `[n, height, width, channels]`) and labels (int32 `[n]`) of the validation split.
        """

    def is_traced(self, step: int) -> bool:
        """Return whether the step that ends at a point is to be traced."""

    def trace(self, step: int, take: Callable[[], object]) -> None:
        """Trace a step, which `take` takes over again each time that it is called."""

    def point(self, point: Evaluation) -> None:
        """Hear of a point of the learning curve."""

    def end(self, status: Status, test_accuracy: float | None) -> None:
        """Hear how the trial ended, and its accuracy on the test split."""
