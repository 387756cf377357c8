"""Thousands of trials that do nothing: does a trial cost the driver as much at the end as at the start?

Trials train nothing and workers import no TensorFlow, as in `tests.benchmarks.scale`. What is compared is the driver's
processor time, which other work on the machine changes less than wall time. Prints the counts as JSON; exits with
status 1 if the last thousand trials took more than 1.2 times the processor time of the first, or the driver's memory
grew by 50 KB a trial or more.

Command: python -m tests.faults.many
Cost: about 3 minutes on 2 cores
"""

import json
import os
import sys
import tempfile
from itertools import pairwise
from typing import Any

import click

from mnist_sweep import RayTune, Sweep, run
from tests.benchmarks.contest import machine
from tests.benchmarks.empty import trials, untrained
from tests.benchmarks.scale import Clock

MOST_SLOWDOWN, MOST_KB = 1.2, 50.0


@click.command()
@click.option("--trials", "num_trials", type=click.IntRange(min=20), default=5_000, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
def main(num_trials: int, workers: int) -> None:
    load = os.getloadavg()[0]
    counts = measured(num_trials, num_parts=max(2, num_trials // 1_000), workers=workers)
    click.echo(json.dumps(counts | {"load": round(load, 2)} | machine(num_trials)))
    sys.exit(0 if counts["slowdown"] <= MOST_SLOWDOWN and counts["driver_growth_kb_per_trial"] < MOST_KB else 1)


def measured(num_trials: int, *, num_parts: int, workers: int) -> dict[str, Any]:
    """Run empty trials; return what they cost the driver in each of so many equal parts, and as a whole.

    The first twentieth of the first part is left out: Ray's start, imports and the workers' start lie before it.
    """
    clock = Clock()
    sweep = Sweep(name="many", trials=trials(num_trials))
    with tempfile.TemporaryDirectory(prefix="many-") as folder, untrained():
        outcome = run(sweep, results=folder, runner=RayTune(num_cpus=workers), listeners=[clock])
    assert outcome.complete, outcome
    size = num_trials // num_parts
    ends = [size // 20, *(size * number - 1 for number in range(1, num_parts + 1))]
    costs = [(clock.at[last][1] - clock.at[first][1]) / (last - first) * 1e3 for first, last in pairwise(ends)]
    (wall, _, held), (last_wall, _, last_held) = clock.at[ends[0]], clock.at[ends[-1]]
    return {
        "trials": num_trials,
        "workers": workers,
        "driver_cpu_ms_per_trial": [round(cost, 2) for cost in costs],
        "slowdown": round(costs[-1] / costs[0], 3),
        "driver_growth_kb_per_trial": round((last_held.own - held.own) / (ends[-1] - ends[0]), 1),
        "driver_peak_mb": round(last_held.peak, 1),
        "wall_ms_per_trial": round((last_wall - wall) / (ends[-1] - ends[0]) * 1e3, 1),
        "total_seconds": round(outcome.seconds, 1),
    }


if __name__ == "__main__":
    main()
