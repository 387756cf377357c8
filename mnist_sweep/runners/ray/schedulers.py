"""Ray Tune's schedulers, which stop trials that fall behind, set up from the sweep's own numbers of steps.

They see the validation accuracy at each evaluation, and time is counted in training steps. Before the first trial
starts they see the curves of the existing rows, so a resumed sweep stops the same trials as one without a break.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from mnist_sweep.runners.ray import private
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.row import METRIC, TIME, TrialRow

Scheduler = Literal["fifo", "asha", "median", "hyperband"]
REDUCTION_FACTOR = 4
BRACKETS = {"asha": 1, "hyperband": 3}
RUNGS = 2


def create_scheduler(name: Scheduler, trials: Iterable[TrialConfig], rows: Sequence[TrialRow]) -> Any:
    """Return one of Tune's schedulers, which has seen the learning curves of some rows.

    `fifo` stops no trial. `asha` (Li et al. 2018, arXiv 1810.05934) has its first rung at a sixteenth of the steps, but
    not before the first evaluation, and a quarter of the trials continue from each rung. `hyperband` (Li et al. 2016,
    arXiv 1603.06560) is its asynchronous form with three brackets. `median` (Golovin et al. 2017) stops a trial whose
    best accuracy is below the median of the others' mean accuracies at the same step.
    """
    from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, MedianStoppingRule

    class Fifo(_FirstPending, FIFOScheduler): ...

    class Asha(_FirstPending, AsyncHyperBandScheduler): ...

    class Median(_FirstPending, MedianStoppingRule):
        def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
            pass  # the message that holds the row is no further evaluation

    if name == "fifo":
        return Fifo()
    flats = [*map(to_flat, trials), *(row.config for row in rows)]
    num_steps = max(flat["num_steps"] for flat in flats)
    first_rung = max(num_steps // REDUCTION_FACTOR**RUNGS, min(flat["evaluate_every"] for flat in flats), 1)
    metric = {"metric": METRIC, "mode": "max", "time_attr": TIME}
    if name == "median":
        scheduler = Median(grace_period=first_rung, min_samples_required=3, min_time_slice=math.inf, **metric)
    else:
        scheduler = Asha(
            max_t=num_steps,
            grace_period=min(first_rung, num_steps),
            reduction_factor=REDUCTION_FACTOR,
            brackets=BRACKETS[name],
            stop_last_trials=False,  # the last evaluation is followed by the test split and the row
            **metric,
        )
    for row in rows:
        _replay(scheduler, row)
    return scheduler


class _FirstPending:
    """Chooses the first pending trial that no worker starts for, and looks at no trial again once it has ended.

    Tune itself chooses the first pending trial and ends the worker that starts for it: a node that joins would get no
    trial for as long as trials end on other nodes sooner than a worker starts.
    """

    _unfinished: tuple[Any, ...] = ()
    _num_seen = 0

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the first pending trial that no worker starts for, or None."""
        trials = tune_controller.get_trials()
        known = (*self._unfinished, *trials[self._num_seen :])
        self._unfinished, self._num_seen = tuple(trial for trial in known if not trial.is_finished()), len(trials)
        has_live_worker = private.has_live_worker(tune_controller)
        pending = (trial for trial in self._unfinished if trial.status == "PENDING")
        return next((trial for trial in pending if not has_live_worker(trial)), None)


class _FinishedTrial(NamedTuple):
    trial_id: str  # all that schedulers read of one of Tune's trials


def _replay(scheduler: Any, row: TrialRow) -> None:
    validated = [point for point in row.history if point.val_accuracy is not None]
    results = [{METRIC: point.val_accuracy, TIME: point.step} for point in validated]
    trial = _FinishedTrial(row.trial_id)
    if results:
        scheduler.on_trial_add(None, trial)
        for result in results:
            scheduler.on_trial_result(None, trial, result)
        scheduler.on_trial_complete(None, trial, results[-1])
