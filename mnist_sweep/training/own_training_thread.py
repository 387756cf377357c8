"""A trial of a user's own training code, as the thread of that code and the generator that runs the trial share it.

They take turns: while the consumer of the generator has an item, the code waits.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.training import array_packing
from mnist_sweep.training.array_packing import Arrays
from mnist_sweep.training.checkpoints import Checkpoints, resumed
from mnist_sweep.training.trial_progress import Heartbeat, Paused, PhaseTimer, TrainingCallback, TrainingState
from mnist_sweep.trials.row import Evaluation

SECONDS_BETWEEN_HEARTBEATS = 1.0


class Halted(BaseException):
    """Raised in training code that must stop: its trial has diverged, is paused, or was stopped."""


class Session:
    """How far a trial has come, and whether it is to end.

    Attributes:
        kept: The user's state at `state.step`, packed, from which the code resumes; None without one.
        fields_read: Names of the fields of the trial that the code has read.
        error: The code's first wrong use of its context, which counts also if the code catches it.
        paused: What was thrown into the generator because it is to pause; None until then.
        has_seen_end: Whether the code knows that the trial is to pause.
    """

    def __init__(self, callback: TrainingCallback | None, checkpoints: Checkpoints | None) -> None:
        self.callback, self.checkpoints = callback, checkpoints
        self.state, self.timer = TrainingState(), PhaseTimer()
        self.kept: Arrays | None = None
        self.fields_read: set[str] = set()
        self.error: ConfigError | None = None
        self.paused: Paused | None = None
        self.has_seen_end = self.has_diverged = self.is_halted = False
        self._items: queue.SimpleQueue[Evaluation | Heartbeat | None] = queue.SimpleQueue()
        self._turns: queue.SimpleQueue[None] = queue.SimpleQueue()

    def resume(self) -> str | None:
        """Take the state of the trial's checkpoint, if it has one; return a note for the user."""

        def restore(arrays: Arrays) -> None:
            array_packing.unpack(arrays)  # which may be of another kind of model
            self.kept = arrays

        self.state, note = resumed(self.checkpoints, restore)
        self.timer.seconds = self.state.seconds
        return note

    def heartbeat(self, note: str | None = None) -> Heartbeat:
        """Return a sign of life."""
        return Heartbeat(self.state.step, None, note, self.state.inherited)

    def run(self, code: Callable[[], Any]) -> Generator[Evaluation | Heartbeat, None, Any]:
        """Run code in a thread; yield what it sends, and heartbeats while it is silent; return what it returns.

        Whatever it raises is raised here, too, unless that is `Halted`.
        """
        returned: list[Any] = []
        raised: list[BaseException] = []

        def call() -> None:
            try:
                returned.append(code())
            except BaseException as error:  # of the user's code, or Halted
                raised.append(error)
            finally:
                self._items.put(None)

        thread = threading.Thread(target=call, name="train", daemon=True)
        thread.start()
        try:
            yield from self._received()
        except BaseException:  # the trial was stopped
            self.is_halted = True
            self._turns.put(None)
            raise
        finally:
            thread.join()
        if raised and not isinstance(raised[0], Halted):
            raise raised[0]
        return returned[0] if returned else None

    def _received(self) -> Iterator[Evaluation | Heartbeat]:
        while True:
            try:
                item = self._items.get(timeout=SECONDS_BETWEEN_HEARTBEATS)
            except queue.Empty:
                yield from self._pausable(self.heartbeat())
                continue
            if item is None:
                return
            if self.callback and isinstance(item, Evaluation):
                self.callback.on_evaluation(item)
            yield from self._pausable(item)
            self._turns.put(None)

    def _pausable(self, item: Evaluation | Heartbeat) -> Iterator[Evaluation | Heartbeat]:
        try:
            yield item
        except Paused as paused:
            self.paused = paused

    def send(self, item: Evaluation | Heartbeat) -> None:
        """Let the generator yield an item, and wait until it is consumed, in the code's thread; then do `go_on`."""
        self._items.put(item)
        self._turns.get()
        self.timer.skip()
        self.go_on()

    def go_on(self) -> None:
        """Raise `Halted` if the code must stop."""
        if self.is_halted:
            raise Halted

    def halt(self) -> None:
        """Raise `Halted`, here and whenever the code calls again."""
        self.is_halted = True
        raise Halted
