"""Measures each kind of trial on this machine, in as many processes as trials will run at a time.

A trial that has two cores for itself runs faster than one of two side by side. So every process measures its share of
the kinds while the others measure theirs, and repeats its last one until all are done. They alone load TensorFlow.
"""

import contextlib
import dataclasses
import os
import statistics
import time
from collections.abc import Generator, Iterable, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data import loading
from mnist_sweep.errors import ProcessLostError, SweepError
from mnist_sweep.planning import trial_measurement
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.runners import trial_process
from mnist_sweep.system import machine
from mnist_sweep.system.child_process import SECONDS_BETWEEN_SIGNS, ChildProcess
from mnist_sweep.text.names import Flat
from mnist_sweep.training.tensorflow_runtime import settings_of
from mnist_sweep.trials.config import TrialConfig, from_flat, to_flat
from mnist_sweep.trials.user_code import shipping

if TYPE_CHECKING:
    from mnist_sweep.runners.local import Local
    from mnist_sweep.runners.ray.tune import RayTune

# What Ray adds to the niceness of its workers, unless the variable says otherwise: a busy machine slows both alike.
NICENESS, RAY_NICENESS = "RAY_worker_niceness", "15"


def calibrate(trials: Sequence[TrialConfig], runner: "Local | RayTune", num_workers: int) -> list[TrialCost | str]:
    """Return what each trial costs, or why it fails, in one line, with `num_workers` trials at a time.

    There must be at least one trial and one worker. Where a process dies, the cause is the failure of all that it had
    still to measure.

    Raises:
        SweepError: A process cannot configure TensorFlow, load a data set or import a model.
    """
    definitions = shipping.pack(shipping.own_definitions(trials))
    cards = machine.gpus() if runner.gpus_per_trial else []
    niceness = int(os.environ.get(NICENESS, RAY_NICENESS)) if runner.on_ray else 0
    costs: list[list[TrialCost | str]] = [[] for _ in trials]
    with contextlib.ExitStack() as stack:
        running: dict[Any, tuple[list[int], Generator[Any, None, None]]] = {}  # places of trials that are left to each
        for worker in range(num_workers):
            process, start = ChildProcess(patience=0), time.monotonic()
            stack.callback(process.kill)
            left = [*range(worker, len(trials), num_workers)] or [worker % len(trials)]
            card = machine.gpu_of(worker, cards, runner.gpus_per_trial) if runner.gpus_per_trial else None
            task = [to_flat(trials[place]) for place in left], niceness, start, settings_of(runner), definitions, card
            running[process.connection] = left, process.run(measure_all, *task)
        ready: Iterable[Any] = list(running)  # for their tasks
        while running:
            for left, messages in [running[one] for one in ready]:
                try:
                    if (cost := next(messages)) is not None:
                        costs[left.pop(0)].append(cost)
                except ProcessLostError as lost:
                    while left:
                        costs[left.pop(0)].append(str(lost))
            running = {one: task for one, task in running.items() if task[0]}
            ready = connection.wait(running, SECONDS_BETWEEN_SIGNS) or list(running)
    return [*map(_mean, costs)]


def _mean(costs: Sequence[TrialCost | str]) -> TrialCost | str:
    """Return the mean of the times that several processes measured, and the maximum of the rest; or a failure."""
    if failures := [cost for cost in costs if isinstance(cost, str)]:
        return failures[0]
    combined: dict[str, Any] = {}
    for field in dataclasses.fields(TrialCost):
        values = [getattr(cost, field.name) for cost in costs]
        combined[field.name] = statistics.fmean(values) if field.type is float else max(values)
    return TrialCost(**combined)


def measure_all(flats: Sequence[Flat], niceness: int, start: float, *settings: Any) -> Generator[Any, None, None]:
    """Yield a cost or the cause of a failure for each trial, in a process that was started at `start`.

    The last trial is then measured again and again, beside those of other processes, until this one is killed.
    `settings` are the arguments of `trial_process.prepare`.
    """
    with Path(os.devnull).open("w") as nowhere:  # libraries and the user's code may print
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    os.nice(niceness)
    trial_process.prepare(*settings)
    trials = [from_flat(flat) for flat in flats]
    datasets = {trial.data: trial_measurement.subset(loading.load(trial.data)) for trial in trials}
    start = time.monotonic() - start
    for trial in trials:
        try:
            yield dataclasses.replace(trial_measurement.measure(trial, datasets[trial.data]), start=start)
        except SweepError as error:
            yield str(error)
    with contextlib.suppress(SweepError):
        while True:
            trial_measurement.measure(trials[-1], datasets[trials[-1].data])
