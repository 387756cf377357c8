"""Where Tune gets its trials from: a list, or an observer that proposes one whenever there is room."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher
from ray.tune.search.basic_variant import BasicVariantGenerator

from mnist_sweep.trials.config import TrialConfig

SECONDS_BETWEEN_COUNTS = 1.0


def preset_points(points: Sequence[dict[str, Any]], max_concurrent: int | None) -> Any:
    """Return a search algorithm that gives Tune these points in order; for each of a grid, Tune would copy all."""
    return BasicVariantGenerator(points_to_evaluate=list(points), max_concurrent=max_concurrent or 0)


class ProposalSearcher(Searcher):
    """Suggests a trial whenever there is room for one, and one more, so that a cluster that can grow does.

    Args:
        ask: Returns the next trial, or None if there is none, or none before a running one has ended.
        to_point: Turns a trial into the config that Tune sends to a worker.
        capacity: Returns how many trials fit now.

    Attributes:
        error: The exception that asking raised, or None.
    """

    def __init__(
        self,
        ask: Callable[[], TrialConfig | None],
        to_point: Callable[[TrialConfig], dict[str, Any]],
        capacity: Callable[[], int],
    ) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self._ask, self._to_point, self._capacity = ask, to_point, capacity
        self._running: set[str] = set()
        self._num_fitting, self._valid_until = 0, 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its searchers for a restore that is never asked for

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the ledger is the memory of a search."""

    def suggest(self, trial_id: str) -> Any:
        """Return the next trial's point; None if it has to wait, `FINISHED` if no more will come."""
        if len(self._running) > self._count_fitting():
            return None
        try:
            trial = self._ask()
        except BaseException as error:  # Tune would wrap it in text; the run ends with the error itself
            self.error = error
            raise
        if trial is None:
            return None if self._running else Searcher.FINISHED
        self._running.add(trial_id)
        return self._to_point(trial)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Make room for another trial; the observer tells the search the row."""
        self._running.discard(trial_id)

    def _count_fitting(self) -> int:
        """Return how many trials fit, counted a moment ago at most."""
        if time.monotonic() > self._valid_until:
            self._num_fitting, self._valid_until = self._capacity(), time.monotonic() + SECONDS_BETWEEN_COUNTS
        return self._num_fitting
