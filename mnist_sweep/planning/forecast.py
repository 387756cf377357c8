"""What the missing trials of a sweep will cost on this machine: time, memory and disk; and what will not fit."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.planning import disk_usage as disk
from mnist_sweep.planning import makespan
from mnist_sweep.planning.calibration import Calibration, Way, kind
from mnist_sweep.planning.disk_usage import DiskUsage
from mnist_sweep.planning.makespan import Rounds
from mnist_sweep.planning.networks import NetworkPlan, network
from mnist_sweep.system import machine
from mnist_sweep.text.numbers import counted, size
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig

# What Ray's processes and the driver held beside their libraries, and what Ray adds to a worker: measured with the
# quickstart, Ray 2.60.
RAY_MEMORY = 450 << 20
WORKER_MEMORY = 60 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What trials of one kind take.

    Attributes:
        network: Number of their network in the plan, from 1.
        trial: The first of them.
        num_trials: How many they are.
        step: Seconds of a training step; None if the kind could not be measured.
        evaluation: Seconds of an evaluation on the validation split.
        seconds: Seconds of the longest of them, once its graphs are traced.
    """

    network: int
    trial: TrialConfig
    num_trials: int
    step: float | None = None
    evaluation: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run will cost.

    Attributes:
        num_trials: Trials that it will run.
        way: How.
        disk: What they leave on the disk, in bytes.
        free_disk: Free space there, in bytes.
        memory: What all workers and Ray hold at the most, in bytes; None without a calibration.
        worker_memory: What each worker holds of that for itself, in bytes.
        gpu_memory: What each worker holds on its GPU, in bytes; 0 without one. Trials that do not fit there fail.
        free_memory: What new processes can take now, in bytes; None if the system does not say.
        seconds: Wall time of the run, in seconds; None without a calibration.
        times: What the trials take, by kind; empty without a calibration.
        warnings: What will not fit or fail, each in one line.
    """

    num_trials: int
    way: Way
    disk: DiskUsage
    free_disk: int
    memory: int | None = None
    worker_memory: int = 0
    gpu_memory: int = 0
    free_memory: int | None = None
    seconds: float | None = None
    times: tuple[Times, ...] = ()
    warnings: tuple[str, ...] = ()


def of(
    trials: Sequence[TrialConfig],
    datasets: Mapping[Any, Dataset],
    networks: Sequence[NetworkPlan],
    *,
    way: Way,
    artifacts: Artifacts,
    folder: Path,
    calibration: Calibration | None = None,
    rounds: Rounds | None = None,
) -> Forecast:
    """Return what a run of trials will cost.

    Args:
        trials: What is to be run, at least one, in order.
        datasets: The data set of every `trial.data`.
        networks: The networks of the sweep, among them those of the trials.
        way: How they are to be run.
        artifacts: What they leave behind.
        folder: The sweep's results folder, which need not exist.
        calibration: What was measured of the trials; None predicts the disk alone.
        rounds: Those of a population, of which each waits for the one before; None means that trials run by themselves.

    Raises:
        LedgerError: The results folder could not be made.
    """
    parameters = {plan.key: plan.parameters for plan in networks}
    sized = [(trial, parameters[network(trial)]) for trial in trials]
    left = disk.leavings(sized, datasets, artifacts, num_workers=way.num_workers)
    found = Forecast(
        num_trials=len(trials),
        way=way,
        disk=left,
        free_disk=machine.free_disk(folder),
        free_memory=machine.free_memory(),
    )
    if calibration:
        trained = [replace(trial, num_steps=rounds.interval, changes=()) for trial in trials] if rounds else trials
        jobs = _jobs(trained, datasets, calibration)
        each, memory = _memory(calibration, way)
        found = replace(
            found,
            memory=memory,
            worker_memory=each,
            gpu_memory=calibration.gpu_memory,
            seconds=_seconds(list(jobs.values()), calibration, way, artifacts, rounds),
            times=_times(trials, jobs, datasets, networks, calibration),
        )
    return replace(found, warnings=tuple(_warnings(found, calibration)))


def _jobs(
    trials: Sequence[TrialConfig], datasets: Mapping[Any, Dataset], calibration: Calibration
) -> dict[int, makespan.Job]:
    """Return the trials as they are timed, by their places; those that will fail are left out."""
    return {
        place: makespan.job(trial, datasets[trial.data], kind(trial), calibration.costs[kind(trial)])
        for place, trial in enumerate(trials)
        if kind(trial) in calibration.costs
    }


def _seconds(
    jobs: Sequence[makespan.Job], calibration: Calibration, way: Way, artifacts: Artifacts, rounds: Rounds | None
) -> float:
    return makespan.seconds(
        jobs,
        num_workers=way.num_workers,
        start=calibration.start,
        overhead=makespan.OVERHEADS[way.runner],
        models=artifacts.models,
        in_round=rounds.size if rounds else len(jobs),
    )


def _memory(calibration: Calibration, way: Way) -> tuple[int, int]:
    """Return what one worker holds for itself, and what the whole run holds, in bytes."""
    ray = way.runner == "RayTune"
    each = calibration.memory + WORKER_MEMORY * ray
    return each, way.num_workers * each + calibration.shared_memory + RAY_MEMORY * ray


def _times(
    trials: Sequence[TrialConfig],
    jobs: Mapping[int, makespan.Job],
    datasets: Mapping[Any, Dataset],
    networks: Sequence[NetworkPlan],
    calibration: Calibration,
) -> tuple[Times, ...]:
    numbers = {plan.key: number for number, plan in enumerate(networks, start=1)}
    count = Counter(map(kind, trials))
    firsts: dict[Hashable, TrialConfig] = {}
    for trial in trials:
        firsts.setdefault(kind(trial), trial)
    longest: dict[Hashable, float] = {}
    for job in jobs.values():
        longest[job.kind] = max(job.seconds, longest.get(job.kind, 0.0))
    found = []
    for key, trial in firsts.items():
        times = Times(network=numbers[network(trial)], trial=trial, num_trials=count[key])
        if cost := calibration.costs.get(key):
            evaluation = cost.image * len(datasets[trial.data].val)
            times = replace(times, step=cost.step, evaluation=evaluation, seconds=longest[key])
        found.append(times)
    return tuple(found)


def _warnings(found: Forecast, calibration: Calibration | None) -> list[str]:
    warnings = []
    if found.memory and found.free_memory is not None and found.memory > found.free_memory:
        others = found.memory - found.way.num_workers * found.worker_memory
        fits = (found.free_memory - others) // found.worker_memory
        way_out = f"run with --max-concurrent {fits}" if fits >= 1 else "not even one fits"
        warnings.append(
            f"{counted(found.way.num_workers, 'trial')} at a time need {size(found.memory)} of memory, but "
            f"{size(found.free_memory)} are free: {way_out}."
        )
    needed = sum(found.disk)
    if needed > found.free_disk:
        warnings.append(
            f"the results need {size(needed)}, but {size(found.free_disk)} are free on the disk: choose another with "
            "--results, or keep less (--keep-models none, --no-predictions)."
        )
    for times in found.times:
        if calibration and times.step is None:
            cause = calibration.failures[kind(times.trial)]
            trials = counted(times.num_trials, "trial")
            warnings.append(f"{trials} of network {times.network} with {described(times.trial)} will fail: {cause}.")
    return warnings


def described(trial: TrialConfig) -> str:
    """Return what tells the kinds of one network apart."""
    parts = [type(trial.optimizer).__name__, f"batch {trial.batch_size}"]
    parts += [trial.precision] * (trial.precision != "float32")
    parts += [trial.augmentation] * (trial.augmentation != "none")
    return ", ".join(parts + ["weight decay"] * (trial.weight_decay > 0))
