"""Ray Tune's schedulers, which stop trials that fall behind, with numbers taken from the sweep's own steps.

They see the validation accuracy at each evaluation, and time is counted in training steps. Before the first trial
starts they are told the learning curves of the rows that are there already, so a sweep that goes on stops what one
without a break would stop.

A worker that is free gets the first trial that no other worker is starting for. Tune's own choice is the first trial
that waits; it ends the worker that starts for it, so a node that joined got no trial as long as others ended theirs
sooner than a worker starts.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.row import METRIC, TIME, TrialRow

Scheduler = Literal["fifo", "asha", "median", "hyperband"]
REDUCTION_FACTOR = 4
BRACKETS = {"asha": 1, "hyperband": 3}
RUNGS = 2


def make(name: Scheduler, trials: Iterable[TrialConfig], rows: Sequence[TrialRow]) -> Any:
    """Return one of Tune's schedulers that knows some rows already; `fifo` stops nothing.

    `asha` (Li et al. 2018, arXiv 1810.05934) first asks after a sixteenth of the steps, but not before the first
    evaluation, and lets a quarter go on from each rung. `hyperband` (Li et al. 2016, arXiv 1603.06560) is its
    asynchronous form with three brackets. `median` (Golovin et al. 2017) stops a trial whose best is below the median
    of the others' means at the same step.
    """
    from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, MedianStoppingRule

    class Fifo(_InTurn, FIFOScheduler):  # type: ignore[misc]  # Ray brings no types
        pass

    class Asha(_InTurn, AsyncHyperBandScheduler):  # type: ignore[misc]
        pass

    class Median(_InTurn, MedianStoppingRule):  # type: ignore[misc]
        def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
            pass  # a row is no further evaluation

    if name == "fifo":
        return Fifo()
    flats = [*map(to_flat, trials), *(row.config for row in rows)]
    steps = [flat["num_steps"] for flat in flats]
    first = max(max(steps) // REDUCTION_FACTOR**RUNGS, min(flat["evaluate_every"] for flat in flats), 1)
    told = {"metric": METRIC, "mode": "max", "time_attr": TIME}
    if name == "median":
        scheduler = Median(grace_period=first, min_samples_required=3, min_time_slice=math.inf, **told)
    else:
        scheduler = Asha(
            max_t=max(steps),
            grace_period=min(first, max(steps)),
            reduction_factor=REDUCTION_FACTOR,
            brackets=BRACKETS[name],
            stop_last_trials=False,  # the last evaluation is followed by the test split and the row
            **told,
        )
    for row in rows:
        _tell(scheduler, row)
    return scheduler


class _InTurn:
    """Gives a worker the first trial that no other starts for, and never looks again at those that have ended."""

    _left: tuple[Any, ...] = ()
    _num_seen = 0

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the first trial that waits for a worker; None if there is none, or one starts for each."""
        trials = tune_controller.get_trials()
        self._left = tuple(trial for trial in (*self._left, *trials[self._num_seen :]) if not trial.is_finished())
        self._num_seen = len(trials)
        starting = set(tune_controller._actor_manager.live_actors)  # Tune has no public name for them
        workers = tune_controller._trial_to_actor
        waiting = (trial for trial in self._left if trial.status == "PENDING")
        return next((trial for trial in waiting if workers.get(trial) not in starting), None)


class _Known(NamedTuple):
    """What schedulers ask of one of Tune's trials, for a trial that ended before this run."""

    trial_id: str


def _tell(scheduler: Any, row: TrialRow) -> None:
    points = [point for point in row.history if point.val_accuracy is not None]
    if not points:
        return
    trial = _Known(row.trial_id)
    scheduler.on_trial_add(None, trial)
    for point in points:
        result = {METRIC: point.val_accuracy, TIME: point.step}
        scheduler.on_trial_result(None, trial, result)
    scheduler.on_trial_complete(None, trial, result)
