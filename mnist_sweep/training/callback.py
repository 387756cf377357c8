"""The interface of what follows a trial's training from within; TensorBoard's writer implements it."""

from collections.abc import Callable
from typing import Any, Protocol

from mnist_sweep.trials.row import Evaluation, Status


class TrainingCallback(Protocol):
    """Receives what happens between the first step of a trial and its last; changes no number."""

    def on_train_begin(self, model: Any, step: Any, images: Callable[[int], Any]) -> None:
        """Receive what is about to be trained.

        Args:
            model: The Keras model.
            step: `tf.function` of one training step, the one that is traced.
            images: Returns the first so many validation images, float32 `[n, height, width, channels]` in [0, 1].
        """

    def is_traced(self, step: int) -> bool:
        """Return whether to trace the step that ends at a point of the learning curve."""

    def on_trace(self, step: int, run_step: Callable[[], object]) -> None:
        """Trace a step; `run_step` repeats it each time that it is called."""

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """Receive a point of the learning curve."""

    def on_train_end(self, status: Status, test_accuracy: float | None) -> None:
        """Receive how the trial ended, and its accuracy on the test split."""
