"""How long does a command take that has nothing to train?

Every time is the median of a few processes in turn, so that the first one's reading from a cold disk does not count.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.contest import OURS, Contest, Figures, Goal

SCRIPT = Path(__file__).parents[2] / "sweeps" / "quickstart.py"
NUM_STEPS = 1


def commands(folder: Path, num_processes: int) -> Figures:
    """Return the median seconds of `mnist-sweep --help` and of running a sweep again that is finished."""
    again = [str(SCRIPT), "--steps", str(NUM_STEPS), "--results", str(folder)]
    _seconds_of(again)  # the first run, which leaves the rows
    help_seconds, again_seconds = (
        statistics.median(_seconds_of(command) for _ in range(num_processes))
        for command in (["-m", "mnist_sweep", "--help"], again)
    )
    return {"seconds": help_seconds + again_seconds, "help_seconds": help_seconds, "again_seconds": again_seconds}


def _seconds_of(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


CONTEST = Contest(
    name="start",
    work="`mnist-sweep --help`, and the second run of a finished sweep, in as many processes",
    size=5,
    contestants={OURS: commands},
    goals=(
        Goal(says="seconds of `mnist-sweep --help`", of=lambda one: one[OURS]["help_seconds"], at_most=0.3),
        Goal(says="seconds of a finished sweep's second run", of=lambda one: one[OURS]["again_seconds"], at_most=2.0),
    ),
)
