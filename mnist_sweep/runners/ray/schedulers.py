"""Ray Tune's schedulers, which stop trials that fall behind: set up from the sweep's own numbers of steps, or given.

They see the value on validation at each evaluation, and time is counted in training steps. Before the first trial
starts they see the curves of the existing rows, so a resumed sweep stops the same trials as one without a break.
"""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple, get_args

from mnist_sweep.errors import ConfigError
from mnist_sweep.runners.protocol import Observer
from mnist_sweep.runners.ray import optuna_pruner, stop_rules
from mnist_sweep.trials.config import TrialConfig, to_flat
from mnist_sweep.trials.row import TIME, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure
from mnist_sweep.validation import shown_in_one_line

Scheduler = Literal["fifo", "asha", "median", "hyperband"]
REDUCTION_FACTOR = 4
BRACKETS = {"asha": 1, "hyperband": 3}
CHANGES_TRIALS = {
    "PopulationBasedTraining": "use `Search(algorithm=PBT())`",
    "PopulationBasedTrainingReplay": "give the trial what it replays as `changes`",
    "ResourceChangingScheduler": "set `cpus_per_trial` and `gpus_per_trial`",
}
NEEDS_RAY = "pauses trials, which needs Ray: use RayTune(scheduler=…)"
RUNGS = 2


def named(name: str, trials: Iterable[TrialConfig], rows: Sequence[TrialRow], measure: Measure) -> Any:
    """Return one of Tune's schedulers, set up for trials beside those of some rows.

    `fifo` stops no trial. `asha` (Li et al. 2018, arXiv 1810.05934) has its first rung at a sixteenth of the steps, but
    not before the first evaluation, and a quarter of the trials continue from each rung. `hyperband` (Li et al. 2016,
    arXiv 1603.06560) is its asynchronous form with three brackets. `median` (Golovin et al. 2017) stops a trial whose
    best value is worse than the median of the others' mean values at the same step.
    """
    from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, MedianStoppingRule

    if name == "fifo":
        return FIFOScheduler()
    flats = [*map(to_flat, trials), *(row.config for row in rows)]
    num_steps = max(flat["num_steps"] for flat in flats)
    first_rung = max(num_steps // REDUCTION_FACTOR**RUNGS, min(flat["evaluate_every"] for flat in flats), 1)
    metric = {"metric": measure.val, "mode": measure.mode, "time_attr": TIME}
    if name == "median":
        return MedianStoppingRule(grace_period=first_rung, min_samples_required=3, min_time_slice=math.inf, **metric)
    return AsyncHyperBandScheduler(
        max_t=num_steps,
        grace_period=min(first_rung, num_steps),
        reduction_factor=REDUCTION_FACTOR,
        brackets=BRACKETS[name],
        stop_last_trials=False,  # one that is proposed later may have more steps
        **metric,
    )


def chosen(
    scheduler: Any, stop: Any, trials: Iterable[TrialConfig], observer: Observer, call: Callable[..., Any]
) -> Any:
    """Return the scheduler of a run, as in `RayTune`: one with a name, or a copy of a given one, and a rule to stop by.

    Schedulers of the kinds `asha` and `median`, and pruners, see the curves of existing rows first. `call` calls a
    function of the user's, and keeps its exception.
    """
    from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule

    from mnist_sweep.runners.ray.run_scheduler import RunScheduler

    rows, measure = observer.rows(), observer.measure()
    is_named, is_pruner = isinstance(scheduler, str), hasattr(scheduler, "prune")
    inner = named(scheduler, trials, rows, measure) if is_named else copy.deepcopy(scheduler)
    inner = optuna_pruner.as_scheduler(inner, measure) if is_pruner else inner
    if getattr(inner, "_metric", "") is None:
        inner.set_search_properties(measure.val, measure.mode)
    if getattr(type(inner), "on_trial_complete", None) is MedianStoppingRule.on_trial_complete:
        inner.on_trial_complete = lambda *_: None  # or it would count the last validation twice
    if is_pruner or isinstance(inner, AsyncHyperBandScheduler | MedianStoppingRule):
        for row in rows:
            _replay(inner, row)
    return RunScheduler(inner, stop, call, measure)


def validate(scheduler: Any, stop: Any, measure: Measure | None = None, *, may_pause: bool = True) -> None:
    """Validate a name of a scheduler, a scheduler of Ray Tune or a pruner of Optuna, and a rule to stop trials by.

    They must go by what trials are judged by; None stands for what they name themselves.

    Raises:
        ConfigError: It changes trials, or pauses them where none may, goes by another metric or time than messages
            have, or is none.
    """
    judged = measure or _measure_named(scheduler, stop)
    stop_rules.validate(stop, judged)
    if isinstance(scheduler, str) and scheduler in get_args(Scheduler):
        return
    names, kinds = ", ".join(get_args(Scheduler)), {kind.__name__ for kind in type(scheduler).__mro__}
    if "BasePruner" in kinds:
        return
    if "TrialScheduler" not in kinds:
        given = shown_in_one_line(scheduler)
        known = f"one of {names}, a scheduler of Ray Tune or a pruner of Optuna"
        raise ConfigError(f"`scheduler` must be {known}, but got {given}.")
    name = type(scheduler).__name__
    for way_out in (CHANGES_TRIALS[kind] for kind in CHANGES_TRIALS if kind in kinds):
        why = "changes trials while they run, so that rows would not say what they were trained with"
        raise ConfigError(f"{name} {why}: {way_out}.")
    if not may_pause and ("HyperBandScheduler" in kinds or not getattr(scheduler, "_hard_stop", True)):
        raise ConfigError(f"{name} {NEEDS_RAY}.")
    for field, needed in (("metric", judged.val), ("mode", judged.mode), ("time_attr", TIME)):
        found = getattr(scheduler, f"_{field}", None)
        if found not in (None, needed):
            raise ConfigError(f"{name} must be created with {field}={needed!r}, but has {field}={found!r}.")


def _measure_named(scheduler: Any, stop: Any) -> Measure:
    """Return what a scheduler or a rule names by its column, else the accuracy."""
    given = (scheduler, *stop_rules.stoppers(stop))
    names = (*(getattr(one, "_metric", None) for one in given), *(stop if isinstance(stop, Mapping) else ()))
    found = next((name for name in names if isinstance(name, str) and name.startswith("val_")), ACCURACY.val)
    is_other = found != ACCURACY.val and any(getattr(one, "_mode", None) == "min" for one in given)
    return Measure(found.removeprefix("val_"), "minimize" if is_other else "maximize")


NO_OTHERS = SimpleNamespace(get_live_trials=list)  # what a scheduler asks Tune for while rows are replayed


class _FinishedTrial(NamedTuple):
    trial_id: str  # all that schedulers read of one of Tune's trials


def _replay(scheduler: Any, row: TrialRow) -> None:
    from mnist_sweep.runners.ray.run_scheduler import drawing_for

    results = [{row.measure.val: point.val, TIME: point.step} for point in row.history if point.val is not None]
    trial = _FinishedTrial(row.trial_id)
    if results:
        with drawing_for(row.trial_id):
            scheduler.on_trial_add(NO_OTHERS, trial)
        for result in results:
            scheduler.on_trial_result(NO_OTHERS, trial, result)
        scheduler.on_trial_complete(NO_OTHERS, trial, results[-1])
