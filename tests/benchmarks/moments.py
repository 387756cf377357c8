"""Where the time of a sweep goes: when what is there, and what its trials spend their seconds on.

The sweep is that of `small_trials`. Moments are seconds since the start of the process.
"""

import os
import time
from pathlib import Path

from mnist_sweep import Sweep, run
from mnist_sweep.trials.events import Event, RowCommitted, TrialEvaluated, TrialStarted, WorkersReady
from tests.benchmarks.contest import OURS, Contest, Figures
from tests.benchmarks.networks import SMALL


class Moments:
    """Notes when workers are asked for, and when trials begin and end."""

    def __init__(self) -> None:
        self.at = {"imported": since_start()}

    def on_event(self, event: Event) -> None:
        """Note when Ray is up, and when the first worker, point of a learning curve and row came, and the last row."""
        match event:
            case WorkersReady():
                self.at["ray_is_up"] = since_start()
            case TrialStarted():
                self.at.setdefault("first_worker", since_start())
            case TrialEvaluated():
                self.at.setdefault("first_evaluation", since_start())
            case RowCommitted():
                self.at.setdefault("first_row", since_start())
                self.at["last_row"] = since_start()


def since_start() -> float:
    """Return the seconds since this process started."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"), 2)


def ours(folder: Path, num_trials: int) -> Figures:
    """Run the first trials; return the moments, and the sums of the seconds of their parts."""
    moments = Moments()
    rows = run(Sweep(name="moments", trials=SMALL[:num_trials]), results=folder, listeners=[moments]).rows
    assert len(rows) == num_trials, rows
    parts = ("setup", "train", "evaluate", "total")
    sums = {f"sum_{part}": round(sum(getattr(row, f"seconds_{part}") for row in rows), 1) for part in parts}
    return {**moments.at, "tables_written": since_start(), **sums}


CONTEST = Contest(
    name="moments",
    work="the trials of `small_trials`: seconds from the start of the process, and the sums over trials",
    size=len(SMALL),
    contestants={OURS: ours},
    goals=(),
)
