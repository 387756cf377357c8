"""Estimates the disk space and the memory that a sweep will take.

Disk space is that of every file that its trials leave, in the blocks of usual file systems, but for TensorBoard's logs;
sizes of rows and tables are those in `results/reference`. Memory is that of the workers, of the libraries that they
share, and of the processes beside them.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.planning.trial_measurement import TrialCost
from mnist_sweep.results.kept_models import MAX_UNFINISHED
from mnist_sweep.system import machine
from mnist_sweep.trials.artifacts import Keep
from mnist_sweep.trials.config import TrialConfig, config_id, has_custom_training
from mnist_sweep.trials.graph_sharing import graph_signature

if TYPE_CHECKING:
    from mnist_sweep.runners.local import Local
    from mnist_sweep.runners.ray.tune import RayTune

# In bytes: a trial's row and each point of its curve there, the same in the tables, and what else files hold.
BLOCK = 4096
ROW, ROW_POINT = 2200, 85
TABLES, TABLES_POINT = 600, 110
REPORT = 5 << 20
PREDICTIONS = 600
MODEL = 64 << 10
WEIGHT = 4
# In bytes: what Ray's processes and the driver held besides their libraries, what Ray adds to a worker, and what a
# worker holds whose trials all run in its child process: measured with the quickstart, Ray 2.60. And what a driver
# alone held.
RAY_MEMORY = 450 << 20
WORKER_MEMORY = 60 << 20
IDLE_MEMORY = 60 << 20
DRIVER_MEMORY = 160 << 20


def disk(
    trials: Sequence[tuple[TrialConfig, int]],
    datasets: Mapping[object, Dataset],
    keep: Keep,
    *,
    num_workers: int,
    is_population: bool = False,
) -> dict[str, int]:
    """Return the disk space of trials, each with its number of parameters, in bytes by type of file.

    `tables` includes the report. `models` includes those that are kept until the selected config is known, in any order
    of the trials. `checkpoints` are those of the trials that run at a time, each with the one that it is about to
    replace; a population also keeps the end of every trial until the last one is finished. Without trials, the result
    is empty.
    """
    if not trials:
        return {}
    points = [num_points(trial) for trial, _ in trials]
    images = [len(datasets[trial.data].val) + len(datasets[trial.data].test) for trial, _ in trials]
    models = [_blocks(MODEL + WEIGHT * parameters) for _, parameters in trials]
    states = [_blocks(WEIGHT * parameters * (1 + len(trial.optimizer.SLOTS))) for trial, parameters in trials]
    seeds = Counter(config_id(trial) for trial, _ in trials).most_common(MAX_UNFINISHED)
    num_kept = 1 if seeds[0][1] == 1 else 2 + sum(number for _, number in seeds)  # at a time at most
    return {
        "rows": sum(_blocks(ROW + ROW_POINT * number) for number in points),
        "tables": REPORT + sum(TABLES + TABLES_POINT * number for number in points),
        "predictions": sum(_blocks(PREDICTIONS + number) for number in images) if keep.predictions else 0,
        "models": {"all": sum(models), "best": sum(sorted(models)[-num_kept:]), "none": 0}[keep.models],
        "checkpoints": 2 * sum(sorted(states)[-num_workers:]) + (sum(states) if is_population else 0),
    }


def num_points(trial: TrialConfig) -> int:
    """Return how many points a trial's learning curve has: one at each evaluation, log entry and at the end."""
    evaluate, log = trial.evaluate_every, trial.log_every or trial.evaluate_every
    evaluations, logs, both = ((trial.num_steps - 1) // every for every in (evaluate, log, math.lcm(evaluate, log)))
    return evaluations + logs - both + 1


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def memory(
    runner: "Local | RayTune", num_workers: int, trials: Iterable[TrialConfig], costs: Mapping[Hashable, TrialCost]
) -> dict[str, Any]:
    """Return the fields of a plan on memory: on Ray, trials of the user's own code run in a child of their worker."""
    on_ray, peaks = runner.on_ray, {False: 0, True: 0}
    for trial in trials:
        if cost := costs.get(graph_signature(trial)):
            in_child = on_ray and has_custom_training(trial)
            peaks[in_child] = max(peaks[in_child], cost.memory)
    worker = peaks[True] + (max(peaks[False], IDLE_MEMORY) + WORKER_MEMORY if on_ray else peaks[False])
    others = RAY_MEMORY if on_ray else 0 if getattr(runner, "in_process", False) else DRIVER_MEMORY
    return {
        "memory": num_workers * worker + max((cost.shared_memory for cost in costs.values()), default=0) + others,
        "worker_memory": worker,
        "gpu_memory": max((cost.gpu_memory for cost in costs.values()), default=0),
        "free_memory": machine.free_memory(),
    }
