"""Estimates what a run of a sweep will take on this machine."""

import itertools
import statistics
import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_sweep.data.dataset import Shaped
from mnist_sweep.errors import ConfigError, DataError
from mnist_sweep.models.protocol import trains_itself
from mnist_sweep.planning import calibration_processes, resource_usage, wall_time
from mnist_sweep.planning.sweep_plan import KindPlan, NetworkPlan, Plan
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.results import saved_plan
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.local import Local
from mnist_sweep.runners.protocol import require_runner
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.search.race_forecast import forecast
from mnist_sweep.statistics.race_simulation import Spreads
from mnist_sweep.sweep import stale_rows
from mnist_sweep.sweep.inputs import RunInputs, load_in_child
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.system import machine
from mnist_sweep.training.checks import models_to_check
from mnist_sweep.trials.artifacts import Keep, Retention
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.graph_sharing import graph_signature, model_signature
from mnist_sweep.trials.row import Status, statuses
from mnist_sweep.trials.user_code.unguarded_scripts import starts_a_run
from mnist_sweep.validation import require


@starts_a_run
def plan(
    sweep: Sweep,
    *,
    results: str | Path = "results",
    runner: Local | RayTune | None = None,
    keep: Keep | None = None,
    retry: Iterable[Status] = (),
    calibrate: bool = True,
    before_calibration: Callable[[Plan], None] = lambda _: None,
    spreads: tuple[float, float] | None = None,
) -> Plan:
    """Return what `run` with the same arguments will take on this machine.

    With `calibrate`, a few training steps of each kind of trial are run in processes of their own, for time and memory,
    and the time is saved in the results folder, so that the report of the run shows it beside the real one. Without,
    nothing is written, and the data need not be there. `before_calibration` receives the plan without time and memory.
    A race is forecast from its rows, or from `spreads`: standard deviations over seeds, above 0, and of configs' means.

    Raises:
        SweepError: The sweep, its data or its results folder cannot be used, or a trial does not fit this machine.
    """
    require(isinstance(sweep, Sweep), "sweep is a Sweep", sweep=sweep)
    require_runner(runner)
    runner, keep, folder = runner or RayTune(), keep or Keep(), Path(results) / sweep.name
    remaining = _remaining(sweep, folder, statuses(retry), keep=keep, needs_data=calibrate)
    trials, of_race = _to_run(remaining, spreads)
    found = Plan(
        name=sweep.name,
        free_disk=machine.free_disk(folder),  # refuses a folder that cannot be made, before anything is measured
        networks=tuple(networks([*remaining.trials.values(), *remaining.upcoming])),
        num_trials=len(trials),
        **of_race,
        runner=type(runner).__name__,
        num_workers=_num_workers(runner, remaining.max_concurrent),
    )
    found = _with_disk(found, trials, remaining, keep, needs_data=calibrate)
    before_calibration(found)
    if calibrate and trials:
        found = _measured(found, trials, runner, remaining, keep.models)
    if found.seconds:
        run = saved_plan.run_of(remaining.work_ids, found.runner, found.num_workers)
        saved_plan.write(folder, run, found.seconds)
    return found


def _remaining(sweep: Sweep, folder: Path, retry: set[Status], *, keep: Keep, needs_data: bool) -> RemainingTrials:
    """Return the work that a run has to do, also for trials whose rows it would set aside."""
    rows, inputs = Ledger(folder).rows(with_history=False), RunInputs(load_in_child)
    try:
        with inputs:
            stale = stale_rows.find(sweep, rows, retry, inputs, folder)
    except DataError:
        if needs_data:
            raise
    else:
        if not keep.set_aside:
            stale.refuse(folder)
        names = {row.trial_id for row in stale.rows}
        rows = {name: row for name, row in rows.items() if name not in names}
    return RemainingTrials(sweep, folder=folder, rows=rows, retry=retry, inputs=inputs)


def _to_run(
    remaining: RemainingTrials, spreads: tuple[float, float] | None
) -> tuple[list[TrialConfig], dict[str, Any]]:
    """Return the trials to run, of a race as many as are forecast, and the fields of a plan on a race."""
    if spreads is not None:
        require(remaining.race is not None, "spreads are those of a race", spreads=spreads)
        most = min(remaining.measure.largest_difference, sys.float_info.max)
        rule = f"the spread over seeds lies in (0, {most:g}], that of configs in [0, {most:g}]"
        require(0 < spreads[0] <= most and 0 <= spreads[1] <= most, rule, spreads=spreads)
    trials = [*remaining.missing.values(), *remaining.upcoming]
    if not remaining.race:
        return trials, {}
    race = forecast(remaining.race, spreads=Spreads(*spreads) if spreads else None)
    return trials[: round(race.trials.middle) if race else None], {"max_trials": len(trials), "forecast": race}


def network_key(trial: TrialConfig) -> Hashable:
    """Return what trials of one network have in common."""
    return model_signature(trial.model), trial.data


def networks(trials: Iterable[TrialConfig]) -> list[NetworkPlan]:
    """Return the distinct networks of trials, in their order."""
    groups = _grouped(trials, network_key)
    data = {trial.data: _shaped(trial.data) for trial, *_ in groups.values()}
    return [
        NetworkPlan(
            key=key,
            model=trial.model,
            image_shape=data[trial.data].image_shape,
            num_trials=1 + len(others),
            **_layers(trial, data[trial.data]),
        )
        for key, (trial, *others) in groups.items()
    ]


def _grouped(
    trials: Iterable[TrialConfig], key: Callable[[TrialConfig], Hashable]
) -> dict[Hashable, list[TrialConfig]]:
    groups: dict[Hashable, list[TrialConfig]] = {}
    for trial in trials:
        groups.setdefault(key(trial), []).append(trial)
    return groups


def _shaped(source: Any) -> Shaped:
    is_declared = isinstance(source, Shaped) and not isinstance(source, type)
    return source if is_declared else load_in_child(source)


def _layers(trial: TrialConfig, dataset: Shaped) -> dict[str, Any]:
    if trains_itself(trial.model):
        return {}
    if describe := getattr(trial.model, "describe", None):
        return {"layers": tuple(describe(dataset.image_shape, dataset.num_classes))}
    try:
        return {"layers": tuple(models_to_check.describe(trial, dataset))}
    except ConfigError as error:
        return {"error": str(error)}


def _num_workers(runner: Local | RayTune, num_trials: int) -> int:
    if isinstance(runner, Local):
        return runner.num_workers(num_trials)
    size = (float(machine.num_cpus()), float(len(machine.gpus()) if runner.gpus_per_trial else 0))
    room = machine.total_capacity([size], cpus_per_trial=runner.cpus_per_trial, gpus_per_trial=runner.gpus_per_trial)
    return min(room, runner.max_concurrent or room, num_trials)


def _with_disk(
    found: Plan, trials: Sequence[TrialConfig], remaining: RemainingTrials, keep: Keep, *, needs_data: bool
) -> Plan:
    parameters = {network.key: network.parameters for network in found.networks}
    sized = [(trial, parameters[network_key(trial)]) for trial in trials]
    options: dict[str, Any] = {"num_workers": found.num_workers, "is_population": remaining.population is not None}
    try:
        return replace(found, disk=resource_usage.disk(sized, remaining.datasets, keep, **options))
    except DataError as error:
        if needs_data:
            raise
        return replace(found, data_error=str(error))


def _measured(
    found: Plan, trials: Sequence[TrialConfig], runner: Local | RayTune, remaining: RemainingTrials, models: Retention
) -> Plan:
    kinds, population = _grouped(trials, graph_signature), remaining.population
    measured = calibration_processes.calibrate([first for first, *_ in kinds.values()], runner, found.num_workers)
    costs = {kind: cost for kind, cost in zip(kinds, measured, strict=True) if isinstance(cost, TrialCost)}
    timed = []
    for trial in trials:
        if cost := costs.get(graph_signature(trial)):
            # a trial of a population trains the steps of its round only
            num_steps = population.steps_per_round if population else trial.num_steps
            timed.append(wall_time.timed(trial, num_steps, remaining.datasets[trial.data], cost))
    options: dict[str, Any] = {
        "num_workers": found.num_workers,
        "start": statistics.fmean(cost.start for cost in costs.values()) if costs else 0.0,
        "models": "all" if models == "best" and remaining.several_seeds else models,  # every trial saves its model then
        "round_size": population.size if population else len(timed),
    }
    seconds = {name: wall_time.wall_seconds(timed, runner=name, **options) for name in wall_time.BETWEEN_TRIALS}
    return replace(
        found,
        seconds=seconds[found.runner],
        seconds_by_runner={} if getattr(runner, "in_process", False) else seconds,  # others run several at a time
        kinds=tuple(_kind(group, cost, found, timed) for group, cost in zip(kinds.values(), measured, strict=True)),
        **resource_usage.memory(runner, found.num_workers, trials, costs),
    )


def _kind(
    trials: Sequence[TrialConfig], cost: TrialCost | str, found: Plan, timed: Sequence[wall_time.TimedTrial]
) -> KindPlan:
    first = trials[0]
    number = 1 + [network.key for network in found.networks].index(network_key(first))
    kind = KindPlan(network=number, name=_name(first), num_trials=len(trials))
    if isinstance(cost, str):
        return replace(kind, failure=cost)
    of_kind = [trial for trial in timed if trial.kind == graph_signature(first)]
    longest = max(trial.seconds for trial in of_kind)
    return replace(kind, step_seconds=cost.step, evaluation_seconds=of_kind[0].evaluation, trial_seconds=longest)


def _name(trial: TrialConfig) -> str:
    parts = [type(trial.optimizer).__name__, f"batch {trial.batch_size}"]
    if trains_itself(trial.model):  # by code that may never read these
        default = TrialConfig()
        differs = trial.optimizer != default.optimizer, trial.batch_size != default.batch_size
        parts = ["own training code", *itertools.compress(parts, differs)]
    parts += [value for value in (trial.precision, trial.augmentation) if value not in ("float32", "none")]
    parts += ["weight decay"] if trial.weight_decay else []
    return ", ".join(parts)
