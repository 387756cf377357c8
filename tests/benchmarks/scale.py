"""How does the driver's cost grow with trials, workers, results and nodes?

Trials train nothing and workers import no TensorFlow, so that dozens of workers, and several nodes, fit on one machine:
what is measured is the driver, and the processes of Ray that share the machine's cores with it. Figures are taken from
a tenth of the rows on, when most workers have started.

Command: python -m tests.benchmarks.scale
Result: results/reference/benchmarks/scale.csv
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from mnist_sweep import RayTune, Sweep, run
from mnist_sweep.runners.ray import cluster as ray_cluster
from mnist_sweep.trials.events import Event, RowCommitted, TrialEvaluated
from tests.benchmarks.contest import Figures, machine, read_lines, write_lines
from tests.benchmarks.empty import trials, untrained
from tests.benchmarks.memory import Memory, memory

FILE = Path(__file__).parents[2] / "results" / "reference" / "benchmarks" / "scale.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is run.

    Attributes:
        trials: How many trials.
        workers: How many at a time, whatever the machine has.
        nodes: Nodes of Ray that the workers are spread over, at least 1 and a divisor of `workers`.
        seconds: How long a trial sleeps.
        evaluations: Points of its learning curve; a worker reports at most two a second, and the row.
    """

    trials: int = 1_000
    workers: int = 2
    nodes: int = 1
    seconds: float = 0.0
    evaluations: int = 1


SETTINGS = (
    Setting(),
    Setting(trials=3_000),
    Setting(trials=10_000),
    Setting(workers=16),
    Setting(trials=2_000, workers=64),
    Setting(trials=2_000, workers=64, nodes=4),
    Setting(workers=64, seconds=4.0),
    Setting(trials=100, workers=4, seconds=4.0),
    Setting(trials=100, workers=4, seconds=4.0, evaluations=8),
)


class Clock:
    """Notes wall time, the driver's processor time and memory as each row comes in, and counts evaluations."""

    def __init__(self) -> None:
        self.at: list[tuple[float, float, Memory]] = []
        self.num_evaluations = 0

    def on_event(self, event: Event) -> None:
        """Count an evaluation; note time and memory at a row."""
        if isinstance(event, TrialEvaluated):
            self.num_evaluations += 1
        if isinstance(event, RowCommitted):
            self.at.append((time.perf_counter(), time.process_time(), memory("self")))


@click.command(help="Run every setting that has no line in the CSV file yet, each in a process of its own.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--only", type=click.IntRange(0, len(SETTINGS) - 1), help="Run this setting here and print its figures.")
def main(file: Path, only: int | None) -> None:
    if only is not None:
        click.echo(json.dumps(measured(SETTINGS[only])))
        return
    lines = read_lines(file)
    for number, setting in enumerate(SETTINGS):
        if any(all(line[name] == value for name, value in asdict(setting).items()) for line in lines):
            continue
        command = [sys.executable, "-m", "tests.benchmarks.scale", "--only", str(number)]
        load = os.getloadavg()[0]
        out = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        lines.append(
            asdict(setting) | json.loads(out.splitlines()[-1]) | {"load": round(load, 2)} | machine(setting.trials)
        )
        write_lines(file, lines)
        click.echo(lines[-1])


def measured(setting: Setting) -> Figures:
    """Run a setting in this process and return its figures."""
    clock = Clock()
    sweep = Sweep(name="scale", trials=trials(setting.trials))
    nothing = untrained(seconds=setting.seconds, num_evaluations=setting.evaluations)
    with tempfile.TemporaryDirectory(prefix="scale-") as folder, _nodes(setting), nothing:
        outcome = run(sweep, results=folder, runner=RayTune(num_cpus=setting.workers), listeners=[clock])
    assert outcome.complete, outcome
    (wall, cpu, held), (last_wall, last_cpu, last_held) = clock.at[setting.trials // 10], clock.at[-1]
    num_trials = setting.trials - setting.trials // 10 - 1
    return {
        "wall_ms_per_trial": round((last_wall - wall) / num_trials * 1e3, 2),
        "driver_cpu_ms_per_trial": round((last_cpu - cpu) / num_trials * 1e3, 2),
        "trials_per_second": round(num_trials / (last_wall - wall), 2),
        "evaluations_per_trial": clock.num_evaluations / setting.trials,
        "driver_growth_kb_per_trial": round((last_held.own - held.own) / num_trials, 1),
        "driver_peak_mb": round(last_held.peak, 1),
        "total_seconds": round(outcome.seconds, 1),
    }


@contextlib.contextmanager
def _nodes(setting: Setting) -> Iterator[None]:
    """Start several nodes of Ray on this machine, which the runner then uses as they are; of a single one, none."""
    if setting.nodes == 1:
        yield
        return
    os.environ.update(ray_cluster.ENVIRONMENT)
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": setting.workers // setting.nodes})
    try:
        for _ in range(setting.nodes - 1):
            cluster.add_node(num_cpus=setting.workers // setting.nodes)
        ray.init(address=cluster.address, log_to_driver=False)
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main()
