"""How long does a command take that has little or nothing to train, and what do two workers save in a small sweep?

Seconds of commands without training are medians of a few processes in turn, so that the first one's reading from a
cold disk does not count.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.contest import OURS, Contest, Figures, Goal, Round

IMPORTS, ONE_PROCESS, LOCAL = "two imports", "one process", "two processes"
FIRST_STEP = """
import os, time
from mnist_sweep import run
from mnist_sweep.sweep.ready_sweep import ready_sweep
from mnist_sweep.trials.events import TrialEvaluated
class First:
    def on_event(self, event):
        if isinstance(event, TrialEvaluated):
            print(time.time(), flush=True)
run(ready_sweep().with_options(num_trials={size}), results={folder!r}, listeners=[First()])
"""
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


def imports(folder: Path, num_processes: int) -> Figures:
    """Import TensorFlow and Keras in as many processes at once."""
    start = time.perf_counter()
    command = [sys.executable, "-c", "import tensorflow, keras"]
    for process in [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(num_processes)]:
        assert process.wait() == 0
    return {"seconds": time.perf_counter() - start}


def quickstart(folder: Path, num_trials: int, *options: str) -> Figures:
    """Run the first trials of the ready sweep as a whole command."""
    command = ["-m", "mnist_sweep", "quickstart", "--num-trials", str(num_trials), "--results", str(folder), *options]
    return {"seconds": _seconds_of(command)}


def first_step(folder: Path, num_trials: int) -> Figures:
    """Run them as a command, and return the seconds until their first validation besides."""
    figures = {**quickstart(folder / "command", num_trials)}
    code, start = FIRST_STEP.format(size=num_trials, folder=str(folder / "first")), time.time()
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return {**figures, "first_step_seconds": float(done.stdout.split()[0]) - start}


def _over(one: str, other: str, figure: str = "seconds") -> Callable[[Round], float]:
    return lambda figures: figures[one][figure] / figures[other]["seconds"]


def _seconds_of(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


CONTESTS = (
    Contest(
        name="first_trials",
        work="the first trials of the quickstart on Ray, and the imports of TensorFlow and Keras in as many processes",
        size=2,
        contestants={OURS: first_step, IMPORTS: imports},
        goals=(
            Goal(says="command over imports", of=_over(OURS, IMPORTS), at_most=1.7),
            Goal(says="first validation over imports", of=_over(OURS, IMPORTS, "first_step_seconds"), at_most=1.3),
        ),
    ),
    Contest(
        name="quickstart",
        work="the quickstart on Ray with as many workers as cores, and without Ray",
        size=40,
        contestants={
            OURS: quickstart,
            LOCAL: lambda folder, size: quickstart(folder, size, "--runner", "local"),
            ONE_PROCESS: lambda folder, size: quickstart(folder, size, "--runner", "local", "--max-concurrent", "1"),
        },
        goals=(
            Goal(says="Ray over one process", of=_over(OURS, ONE_PROCESS), at_most=0.7),
            Goal(says="several processes over one", of=_over(LOCAL, ONE_PROCESS)),
        ),
    ),
    Contest(
        name="start",
        work="`mnist-sweep --help`, and the second run of a finished sweep, in as many processes",
        size=5,
        contestants={OURS: commands},
        goals=(
            Goal(says="seconds of `mnist-sweep --help`", of=lambda one: one[OURS]["help_seconds"], at_most=0.3),
            Goal(
                says="seconds of a finished sweep's second run", of=lambda one: one[OURS]["again_seconds"], at_most=2.0
            ),
        ),
    ),
)
