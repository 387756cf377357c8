"""Estimates the disk space of a sweep: every file that its trials leave, in the blocks of usual file systems.

Sizes of rows and tables are those in `results/reference`. TensorBoard's logs are not counted.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.results.kept_models import MAX_UNFINISHED
from mnist_sweep.trials.artifacts import Keep
from mnist_sweep.trials.config import TrialConfig, config_id

# In bytes: a trial's row and each point of its curve there, the same in the tables, and what else files hold.
BLOCK = 4096
ROW, ROW_POINT = 2200, 85
TABLES, TABLES_POINT = 600, 110
REPORT = 5 << 20
PREDICTIONS = 600
MODEL = 64 << 10
WEIGHT = 4


def estimate(
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
    return {
        "rows": sum(_blocks(ROW + ROW_POINT * number) for number in points),
        "tables": REPORT + sum(TABLES + TABLES_POINT * number for number in points),
        "predictions": sum(_blocks(PREDICTIONS + number) for number in images) if keep.predictions else 0,
        "models": {"all": sum(models), "best": sum(sorted(models)[-_num_kept(trials) :]), "none": 0}[keep.models],
        "checkpoints": 2 * sum(sorted(states)[-num_workers:]) + sum(states) * is_population,
    }


def _num_kept(trials: Sequence[tuple[TrialConfig, int]]) -> int:
    """Return how many models are kept at a time at most, one of which is that of the selected config in the end."""
    seeds = Counter(config_id(trial) for trial, _ in trials).most_common(MAX_UNFINISHED)
    return 1 if seeds[0][1] == 1 else 2 + sum(number for _, number in seeds)


def num_points(trial: TrialConfig) -> int:
    """Return how many points a trial's learning curve has: one at each evaluation, log entry and at the end."""
    evaluate, log = trial.evaluate_every, trial.log_every or trial.evaluate_every
    evaluations, logs, both = ((trial.num_steps - 1) // every for every in (evaluate, log, math.lcm(evaluate, log)))
    return evaluations + logs - both + 1


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
