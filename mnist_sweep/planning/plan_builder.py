"""Estimates what a run of a sweep will take on this machine."""

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
from mnist_sweep.planning.trial_measurement import Calibration
from mnist_sweep.planning.wall_time import TimedTrial
from mnist_sweep.results import saved_plan
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.runners.local import Local
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.search.race_forecast import Forecast, forecast
from mnist_sweep.statistics.forward_simulation import Spreads
from mnist_sweep.sweep import stale_rows
from mnist_sweep.sweep.inputs import RunInputs, load_in_child
from mnist_sweep.sweep.remaining_trials import RemainingTrials
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.system import machine
from mnist_sweep.training.checks import model_candidates
from mnist_sweep.trials.artifacts import Keep, Retention
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.graph_sharing import graph_signature, model_signature
from mnist_sweep.trials.row import Status
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
    runner, keep, folder = runner or RayTune(), keep or Keep(), Path(results) / sweep.name
    remaining = _remaining(sweep, folder, set(retry), keep=keep, needs_data=calibrate)
    found = Plan(
        name=sweep.name,
        free_disk=machine.free_disk(folder),  # refuses a folder that cannot be made, before anything is measured
        networks=tuple(networks([*remaining.trials.values(), *remaining.upcoming])),
        **_numbers(remaining, spreads),
        runner=type(runner).__name__,
        num_workers=_num_workers(runner, remaining.max_concurrent),
    )
    found = _with_disk(found, remaining, keep, needs_data=calibrate)
    before_calibration(found)
    if calibrate and found.num_trials:
        found = _measured(found, runner, remaining, keep.models)
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
        rows = {name: row for name, row in rows.items() if row not in stale.rows}
    return RemainingTrials(sweep, folder=folder, rows=rows, retry=retry, inputs=inputs)


def _numbers(remaining: RemainingTrials, spreads: tuple[float, float] | None) -> dict[str, Any]:
    if spreads is not None:
        require(remaining.race is not None, "spreads are those of a race", spreads=spreads)
        most = min(remaining.measure.largest_difference, sys.float_info.max)
        rule = f"the spread over seeds lies in (0, {most:g}], that of configs in [0, {most:g}]"
        require(0 < spreads[0] <= most and 0 <= spreads[1] <= most, rule, spreads=spreads)
    most = len(_to_run(remaining, None))
    if not remaining.race:
        return {"num_trials": most}
    race = forecast(remaining.race, spreads=Spreads(*spreads) if spreads else None)
    return {"num_trials": len(_to_run(remaining, race)), "max_trials": most, "forecast": race}


def _to_run(remaining: RemainingTrials, race: Forecast | None) -> list[TrialConfig]:
    trials = [*remaining.missing.values(), *remaining.upcoming]
    return trials[: round(race.trials.middle)] if race else trials


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
        return {"layers": tuple(model_candidates.describe(trial, dataset))}
    except ConfigError as error:
        return {"error": str(error)}


def _num_workers(runner: Local | RayTune, num_trials: int) -> int:
    if isinstance(runner, Local):
        return runner.num_workers(num_trials)
    size = (float(machine.num_cpus()), float(len(machine.gpus()) if runner.gpus_per_trial else 0))
    room = machine.total_capacity([size], cpus_per_trial=runner.cpus_per_trial, gpus_per_trial=runner.gpus_per_trial)
    return min(room, runner.max_concurrent or room, num_trials)


def _with_disk(found: Plan, remaining: RemainingTrials, keep: Keep, *, needs_data: bool) -> Plan:
    parameters = {network.key: network.parameters for network in found.networks}
    trials = [(trial, parameters[network_key(trial)]) for trial in _to_run(remaining, found.forecast)]
    options: dict[str, Any] = {"num_workers": found.num_workers, "is_population": remaining.population is not None}
    try:
        return replace(found, disk=resource_usage.disk(trials, remaining.datasets, keep, **options))
    except DataError as error:
        if needs_data:
            raise
        return replace(found, data_error=str(error))


def _measured(found: Plan, runner: Local | RayTune, remaining: RemainingTrials, models: Retention) -> Plan:
    trials, population = _to_run(remaining, found.forecast), remaining.population
    measured = calibration_processes.calibrate(trials, runner, found.num_workers)
    timed = []
    for trial in trials:
        if cost := measured.costs.get(graph_signature(trial)):
            # a trial of a population trains the steps of its round only
            trained = replace(trial, num_steps=population.steps_per_round, changes=()) if population else trial
            timed.append(wall_time.timed(trained, remaining.datasets[trial.data], graph_signature(trial), cost))
    models = "all" if models == "best" and remaining.several_seeds else models  # every trial saves its model then
    options: dict[str, Any] = {"num_workers": found.num_workers, "start": measured.start, "models": models}
    options["round_size"] = population.size if population else len(timed)
    seconds = {name: wall_time.wall_seconds(timed, runner=name, **options) for name in wall_time.RUNNERS}
    return replace(
        found,
        seconds=seconds[found.runner],
        seconds_by_runner={} if getattr(runner, "in_process", False) else seconds,  # others run several at a time
        kinds=tuple(_kinds(found, remaining, measured, timed)),
        **resource_usage.memory(runner, found.num_workers, trials, measured),
    )


def _kinds(
    found: Plan, remaining: RemainingTrials, measured: Calibration, timed: Sequence[TimedTrial]
) -> list[KindPlan]:
    numbers = {network.key: number for number, network in enumerate(found.networks, start=1)}
    kinds = []
    for key, (trial, *others) in _grouped(_to_run(remaining, found.forecast), graph_signature).items():
        one = KindPlan(network=numbers[network_key(trial)], name=_name(trial), num_trials=1 + len(others))
        if cost := measured.costs.get(key):
            evaluation = cost.image * len(remaining.datasets[trial.data].val)
            longest = max(one.seconds for one in timed if one.kind == key)
            one = replace(one, step_seconds=cost.step, evaluation_seconds=evaluation, trial_seconds=longest)
        kinds.append(replace(one, failure=measured.failures.get(key, "")))
    return kinds


def _name(trial: TrialConfig) -> str:
    parts = [type(trial.optimizer).__name__, f"batch {trial.batch_size}"]
    parts += [value for value in (trial.precision, trial.augmentation) if value not in ("float32", "none")]
    return ", ".join(parts + ["weight decay"] * (trial.weight_decay > 0))
