"""What Tune asks for trials: a list of them, or somebody who proposes one whenever there is room."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher
from ray.tune.search.basic_variant import BasicVariantGenerator

from mnist_sweep.trials.config import TrialConfig

SECONDS_BETWEEN_COUNTS = 1.0


def listed(points: Sequence[dict[str, Any]], max_concurrent: int | None) -> Any:
    """Return what gives Tune these points in their order; of a grid, it would copy all of them for every one."""
    return BasicVariantGenerator(points_to_evaluate=list(points), max_concurrent=max_concurrent or 0)


class ProposalSource(Searcher):  # type: ignore[misc]  # Ray brings no types
    """Asks for a trial whenever there is room for one, and for one more, so that a cluster that can grow does.

    Args:
        ask: Returns the next trial, or None if there is none, or none before a running one has ended.
        point: Turns a trial into what Tune sends to a worker.
        room: Returns how many trials fit at this moment.

    Attributes:
        error: What asking raised, or None.
    """

    def __init__(
        self,
        ask: Callable[[], TrialConfig | None],
        point: Callable[[TrialConfig], dict[str, Any]],
        room: Callable[[], int],
    ) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self._ask, self._point, self._room = ask, point, room
        self._running: set[str] = set()
        self._fit, self._counted_until = 0, 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its searchers for a restore that is never asked for

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the ledger is the memory of a search."""

    def suggest(self, trial_id: str) -> Any:
        """Return the next trial; None for one that has to wait, `FINISHED` if no more will come."""
        if len(self._running) > self._fits():
            return None
        try:
            trial = self._ask()
        except BaseException as error:  # Tune would wrap it in text; the run ends with the error itself
            self.error = error
            raise
        if trial is None:
            return None if self._running else Searcher.FINISHED
        self._running.add(trial_id)
        return self._point(trial)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Note that a trial has ended; its row tells the search what came of it."""
        self._running.discard(trial_id)

    def _fits(self) -> int:
        """Return how many trials fit, counted a moment ago at the most."""
        if time.monotonic() > self._counted_until:
            self._fit, self._counted_until = self._room(), time.monotonic() + SECONDS_BETWEEN_COUNTS
        return self._fit
