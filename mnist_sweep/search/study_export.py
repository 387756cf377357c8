"""The rows of a sweep as a study of Optuna, for its plots, importances and dashboard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mnist_sweep.text.names import value, varying
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure, check_objectives

LOG_RATIO = 100  # of the largest to the smallest number, from which an axis is logarithmic


def to_study(rows: Sequence[TrialRow], name: str, objectives: Sequence[str] = ()) -> Any:
    """Return a study of Optuna in memory of the values on validation, with a trial for each row.

    Parameters are the fields that vary, without the seed: numbers as they are, others as categories. Each trial has its
    learning curve as intermediate values, and ids, seed, status and the value on test as user attributes. Stopped
    trials are pruned ones; diverged and failed ones have failed.

    Several `objectives`, as in `Search`, make a study of these, whose `best_trials` are the Pareto front.

    Raises:
        ConfigError: They are no objectives of these rows.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fields = [field for field in varying(row.config for row in rows) if field != "seed"]
    axes = {field: _axis([row.config[field] for row in rows if field in row.config]) for field in fields}
    measure = rows[0].measure if rows else ACCURACY
    study, costs = _study(name, measure, objectives), objectives[1:]
    states = optuna.trial.TrialState
    for row in rows:
        params = {field: _parameter(field, row.config[field]) for field in fields if field in row.config}
        curve = {point.step: point.val for point in row.history if point.val is not None}
        values = [row.val, *(getattr(row, name) for name in costs)]
        is_ok = row.status is Status.OK and None not in values
        trial = optuna.trial.create_trial(
            state=states.COMPLETE if is_ok else states.PRUNED if row.status is Status.STOPPED else states.FAIL,
            values=values if is_ok else None,
            params=params,
            distributions={field: axes[field] for field in params},
            intermediate_values=curve,
            user_attrs={
                "trial_id": row.trial_id,
                "config_id": row.config_id,
                "seed": row.config["seed"],
                "status": row.status.value,
                measure.test: row.test,
            },
        )
        if row.started is not None and row.seconds_total is not None:
            trial.datetime_start = datetime.fromtimestamp(row.started)
            trial.datetime_complete = datetime.fromtimestamp(row.started + row.seconds_total)
        study.add_trial(trial)
    return study


def _study(name: str, measure: Measure, objectives: Sequence[str]) -> Any:
    import optuna

    if objectives:
        check_objectives(objectives, measure)
    return optuna.create_study(study_name=name, directions=[measure.direction, *("minimize" for _ in objectives[1:])])


def _parameter(field: str, given: Any) -> Any:
    return value(field, given) if isinstance(given, list) else given


def _axis(values: Sequence[Any]) -> Any:
    """Return the distribution that the values of a field may come from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not all(isinstance(given, int | float) and not isinstance(given, bool) for given in values):
        return CategoricalDistribution(list(dict.fromkeys(_parameter("", given) for given in values)))
    low, high = min(values), max(values)
    is_log = low > 0 and high >= LOG_RATIO * low
    kind = IntDistribution if all(isinstance(given, int) for given in values) else FloatDistribution
    return kind(low, high, log=is_log)
