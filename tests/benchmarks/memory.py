"""Does memory grow with the number of trials?

Growth is that of the anonymous resident memory (RssAnon) of the driver and of the worker that made the row, read as
each row comes in: what the process has allocated and no other holds. Pages of libraries and of Ray's object store are
left out, since how many of them count (in RSS as in PSS and USS) depends on what else runs. Peaks are of all of RSS.
"""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep import CNN, Adagrad, Adam, GradientDescent, Momentum, Sweep, TrialConfig, grid, repeat, run
from mnist_sweep.trials.events import Event, RowCommitted
from tests.benchmarks.contest import OURS, Contest, Figures, Goal

NUM_SEEDS = 9
BASE = TrialConfig(model=CNN(kernel_size=3, units=32), num_steps=40, evaluate_every=20)
AXES = {  # all eight structures, whose graphs a worker keeps, come within the first sixth
    "model.dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "model.filters": [(8,), (8, 16)],
    "optimizer": [GradientDescent(), Momentum(), Adam(), Adagrad()],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a process holds.

    Attributes:
        own: Anonymous resident memory, in KB.
        peak: The most resident memory of all kinds so far, in MB.
    """

    own: int
    peak: float


class Meter:
    """Notes the memory of the driver and of a row's worker as each row comes in."""

    def __init__(self) -> None:
        self.driver: list[Memory] = []
        self.workers: dict[str, list[Memory]] = defaultdict(list)

    def on_event(self, event: Event) -> None:
        """Note what the driver and a row's worker hold."""
        if not isinstance(event, RowCommitted):
            return
        self.driver.append(memory("self"))
        assert event.row.worker
        with contextlib.suppress(OSError):  # a worker may end after its last trial
            self.workers[event.row.worker].append(memory(event.row.worker.rpartition(":")[2]))


def memory(process: str) -> Memory:
    """Return what a process, by its id or `self`, holds."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    own, peak = (int(lines[name].split()[0]) for name in ("RssAnon", "VmHWM"))
    return Memory(own=own, peak=peak / 1024)


def ours(folder: Path, num_trials: int) -> Figures:
    """Run small trials of eight structures; return growth and peaks of the driver and of the worst worker.

    The driver's growth is that for each trial, a worker's for each trial of its own.
    """
    meter = Meter()
    trials = repeat(grid(BASE, AXES), seeds=NUM_SEEDS)[:num_trials]
    outcome = run(Sweep(name="memory", trials=trials), results=folder, listeners=[meter])
    assert outcome.complete, outcome
    workers = meter.workers.values()
    return {
        "driver_growth": slope(meter.driver),
        "worker_growth": max(slope(held) for held in workers),
        "driver_peak": meter.driver[-1].peak,
        "worker_peak": max(held[-1].peak for held in workers),
        "num_workers": len(workers),
    }


def slope(held: Sequence[Memory]) -> float:
    """Return the growth from one reading to the next, in KB: by least squares over the last 80% of the readings."""
    import numpy as np

    last = [one.own for one in held[len(held) // 5 :]]
    return float(np.polyfit(range(len(last)), last, 1)[0])


CONTEST = Contest(
    name="memory",
    work="trials of small networks on digits, 40 steps each; growth in KB a trial, peaks in MB",
    size=500,
    contestants={OURS: ours},
    goals=(
        Goal(says="KB that the driver grows by a trial", of=lambda one: one[OURS]["driver_growth"], at_most=50.0),
        Goal(says="KB that the worst worker grows by a trial", of=lambda one: one[OURS]["worker_growth"], at_most=50.0),
    ),
)
