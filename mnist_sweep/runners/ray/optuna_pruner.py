"""Optuna's pruners as schedulers of Tune."""

import math
from collections.abc import Mapping
from typing import Any

from mnist_sweep.trials.row import TIME
from mnist_sweep.trials.value_format import Measure


def as_scheduler(pruner: Any, measure: Measure) -> Any:
    """Return a scheduler that stops the trials that a pruner of Optuna prunes."""
    import optuna
    from ray.tune.schedulers import FIFOScheduler

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.RandomSampler(seed=0)
    name = "optuna"  # by which Hyperband spreads trials over its brackets
    study = optuna.create_study(study_name=name, direction=measure.direction, sampler=sampler, pruner=pruner)
    states, asked = optuna.trial.TrialState, dict[str, Any]()

    class Pruning(FIFOScheduler):
        def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
            if trial.trial_id not in asked:  # or it runs again since its worker was lost
                asked[trial.trial_id] = study.ask()

        def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
            one = asked.get(trial.trial_id)
            if one is None:
                return FIFOScheduler.CONTINUE
            one.report(result[measure.val], result[TIME])
            if not one.should_prune():
                return FIFOScheduler.CONTINUE
            study.tell(asked.pop(trial.trial_id), state=states.PRUNED)
            return FIFOScheduler.STOP

        def on_trial_complete(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> None:
            if one := asked.pop(trial.trial_id, None):
                value = result.get(measure.val)
                is_known = value is not None and math.isfinite(value)
                study.tell(one, value if is_known else None, state=states.COMPLETE if is_known else states.FAIL)

    return Pruning()
