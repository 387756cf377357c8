"""How long trials take on workers that each take the next trial as soon as they are free, which is Ray Tune's order.

What Ray adds was measured on two quiet cores: results/reference/benchmarks/README.md has the moments of a sweep, and
the time of trials that train nothing.
"""

import heapq
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.planning.stopwatch import Cost
from mnist_sweep.trials.artifacts import Retention
from mnist_sweep.trials.config import TrialConfig


class Overhead(NamedTuple):
    """What a runner adds.

    Attributes:
        seconds: Its own start-up, before its workers start, and its end.
        trial: Seconds from a worker's one trial to its next.
    """

    seconds: float
    trial: float


class Rounds(NamedTuple):
    """How a population trains: a round waits for the one before.

    Attributes:
        interval: Steps of a round, which each of its trials trains.
        size: Trials of a round, one of each member.
    """

    interval: int
    size: int


OVERHEADS = {"Local": Overhead(seconds=0.0, trial=0.0), "RayTune": Overhead(seconds=7.0, trial=0.06)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trial as it is timed.

    Attributes:
        kind: Trials of one kind share the graphs that a worker has traced.
        seconds: What it takes a worker that has.
        first: Seconds that come to it in a worker that has not.
        model: Seconds that saving its model takes.
    """

    kind: Hashable
    seconds: float
    first: float = 0.0
    model: float = 0.0


def num_evaluations(trial: TrialConfig) -> int:
    """Return how often a trial is validated."""
    return -(-trial.num_steps // trial.evaluate_every)


def job(trial: TrialConfig, dataset: Dataset, kind: Hashable, cost: Cost) -> Job:
    """Return a trial as it is timed, by what its kind costs."""
    images = num_evaluations(trial) * len(dataset.val) + len(dataset.test)
    return Job(
        kind=kind,
        seconds=cost.trial + trial.num_steps * cost.step + images * cost.image,
        first=cost.first,
        model=cost.model + max(0, len(dataset.val) - cost.images) * cost.image,
    )


def seconds(
    jobs: Sequence[Job], *, num_workers: int, start: float, overhead: Overhead, models: Retention, in_round: int
) -> float:
    """Return how long jobs take from the start of the run to its end, in seconds.

    Args:
        jobs: What is to be done, in order.
        num_workers: Jobs at a time.
        start: Seconds from the start of a worker's process until it is ready.
        overhead: What the runner adds.
        models: Whose models are saved. Of the best, a worker saves each that is better than all its own before: the
            n-th job with a chance of 1 in n.
        in_round: Jobs of a round, which waits for the one before; of the first, some may be done already.
    """
    traced: list[set[Hashable]] = [set() for _ in range(num_workers)]
    done = [0] * num_workers
    free = [(start, worker) for worker in range(num_workers)]
    for number, one in enumerate(jobs):
        if number and (len(jobs) - number) % in_round == 0:
            free = [(max(at for at, _ in free), worker) for worker in range(num_workers)]
        at, worker = heapq.heappop(free)
        done[worker] += 1
        saved: Mapping[Retention, float] = {"all": 1.0, "best": 1 / done[worker], "none": 0.0}
        lasts = one.seconds + overhead.trial + one.model * saved[models] + one.first * (one.kind not in traced[worker])
        traced[worker].add(one.kind)
        heapq.heappush(free, (at + lasts, worker))
    return max(at for at, _ in free) + overhead.seconds
