"""Wall time of trials on workers that each take the next trial as soon as they are free, which is Ray Tune's order.

Ray's share was measured on two quiet cores: results/reference/benchmarks/README.md has the phases of a sweep, and the
time of trials that train nothing.
"""

import heapq
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.planning.trial_measurement import MAX_IMAGES, TrialCost
from mnist_sweep.trials.artifacts import Retention
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.graph_sharing import graph_signature

# Seconds by runner: between two trials of a worker, and of a start besides that of its workers.
BETWEEN_TRIALS = {"Local": 0.0, "RayTune": 0.06}
STARTS = {"Local": 0.0, "RayTune": 0.9}


class TimedTrial(NamedTuple):
    """The seconds of a trial whose graphs are traced, and of an evaluation, and what tracing and saving add."""

    kind: Hashable
    seconds: float
    evaluation: float = 0.0
    tracing: float = 0.0
    saving: float = 0.0


def timed(trial: TrialConfig, num_steps: int, dataset: Dataset, cost: TrialCost) -> TimedTrial:
    """Return how long a trial takes for its steps, by the cost of its kind."""
    evaluation, num_evaluations = cost.image * len(dataset.val), -(-num_steps // trial.evaluate_every)
    num_images = num_evaluations * len(dataset.val) + len(dataset.test)
    return TimedTrial(
        kind=graph_signature(trial),
        seconds=cost.overhead + num_steps * cost.step + num_images * cost.image,
        evaluation=evaluation,
        tracing=cost.tracing,
        saving=cost.saving + max(0, len(dataset.val) - MAX_IMAGES) * cost.image,
    )


def wall_seconds(
    trials: Sequence[TimedTrial], *, runner: str, num_workers: int, start: float, models: Retention, round_size: int
) -> float:
    """Return the wall time of a run of trials, in order, in seconds.

    A worker starts in `start` seconds after its runner, and traces the graphs of a kind once. If the `models` of the
    best are saved, it saves each that beats all its earlier ones: the n-th with a probability of 1 / n. A round of
    `round_size` trials waits for the one before; part of the first may be finished already.
    """
    traced: list[set[Hashable]] = [set() for _ in range(num_workers)]
    finished = [0] * num_workers
    free = [(start + STARTS[runner], worker) for worker in range(num_workers)]
    for number, trial in enumerate(trials):
        if number and (len(trials) - number) % round_size == 0:
            free = [(max(at for at, _ in free), worker) for worker in range(num_workers)]
        at, worker = heapq.heappop(free)
        finished[worker] += 1
        saved: Mapping[Retention, float] = {"all": 1.0, "best": 1 / finished[worker], "none": 0.0}
        seconds = trial.seconds + BETWEEN_TRIALS[runner] + trial.saving * saved[models]
        seconds += trial.tracing if trial.kind not in traced[worker] else 0.0
        traced[worker].add(trial.kind)
        heapq.heappush(free, (at + seconds, worker))
    return max(at for at, _ in free)
