"""How much of a disk a sweep takes: every file that its trials leave, in the blocks that file systems give out.

Sizes of rows and tables are those of the rows in `results/reference`. What TensorBoard is shown is not counted.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.planning.makespan import num_evaluations
from mnist_sweep.trials.artifacts import Artifacts
from mnist_sweep.trials.config import TrialConfig

BLOCK = 4096
ROW, POINT = 2200, 85
LINES, POINT_LINES = 600, 110
MODEL = 64 << 10
REPORT = 5 << 20
ARCHIVE = 600
NUMBER = 4


class DiskUsage(NamedTuple):
    """What trials leave on the disk, in bytes.

    Attributes:
        rows: Their rows.
        tables: The CSV files and the report.
        predictions: Their predicted classes, one byte an image at the most.
        models: The trained models that stay.
        checkpoints: Those of the trials that run at a time, with the one that each is about to replace; of a
            population the end of every trial, too, until the last has its row.
    """

    rows: int
    tables: int
    predictions: int
    models: int
    checkpoints: int


def leavings(
    sized: Sequence[tuple[TrialConfig, int]],
    datasets: Mapping[object, Dataset],
    artifacts: Artifacts,
    *,
    num_workers: int,
) -> DiskUsage:
    """Return what trials leave on the disk.

    Args:
        sized: The trials, at least one, each with the parameters of its network.
        datasets: The data set of every `trial.data`.
        artifacts: What is kept besides rows.
        num_workers: Trials at a time.
    """
    trials = [trial for trial, _ in sized]
    models = [_blocks(MODEL + NUMBER * parameters) for _, parameters in sized]
    states = [_blocks(NUMBER * parameters * (1 + len(trial.optimizer.SLOTS))) for trial, parameters in sized]
    images = [len(datasets[trial.data].val) + len(datasets[trial.data].test) for trial in trials]
    return DiskUsage(
        rows=sum(_blocks(ROW + POINT * num_points(trial)) for trial in trials),
        tables=REPORT + sum(LINES + POINT_LINES * num_points(trial) for trial in trials),
        predictions=sum(_blocks(ARCHIVE + number) for number in images) if artifacts.predictions else 0,
        models={"all": sum(models), "best": max(models), "none": 0}[artifacts.models],
        checkpoints=2 * sum(sorted(states)[-num_workers:]) + sum(states) * artifacts.keep_shared_prefixes,
    )


def num_points(trial: TrialConfig) -> int:
    """Return how many points a trial's learning curve has."""
    if trial.log_every is None:
        return num_evaluations(trial)
    points = {*range(trial.log_every, trial.num_steps, trial.log_every)}
    return len(points | {*range(trial.evaluate_every, trial.num_steps, trial.evaluate_every)}) + 1


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
