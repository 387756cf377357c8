"""Does a sweep take as long as `mnist-sweep plan` says?

Every sweep of this repository, cut down to about a minute on two cores: planned and run with the same options, in
processes and a results folder of their own. The real time is the run's own record, which the prediction is of; the wall
time of its process also holds the imports of the driver, the last tables and the report.

Command: python -m tests.benchmarks.plans
Result: results/reference/benchmarks/plans.csv
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mnist_sweep.sweep import script
from tests.benchmarks.contest import Figures, machine, read_lines, write_lines

ROOT = Path(__file__).parents[2]
FILE = ROOT / "results" / "reference" / "benchmarks" / "plans.csv"
WITHIN = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is planned and run.

    Attributes:
        sweep: Name of the script in `sweeps/`, and of its results folder.
        trials: How many of its trials; 0 means all.
        steps: How many steps of each; 0 means its own.
    """

    sweep: str
    trials: int = 0
    steps: int = 0

    def options(self) -> list[str]:
        """Return what it adds to the command line."""
        given = {"--num-trials": self.trials, "--steps": self.steps}
        return [word for name, number in given.items() if number for word in (name, str(number))]


SETTINGS = (
    Setting(sweep="quickstart"),
    Setting(sweep="search_digits"),
    Setting(sweep="softmax_regression"),
    Setting(sweep="deep_mnist", trials=8, steps=200),
    Setting(sweep="deep_mnist_tensorboard", steps=300),
    Setting(sweep="fast_mnist", steps=150),
    Setting(sweep="layers_cnn", trials=8, steps=150),
    Setting(sweep="layers_cnn_start"),
    Setting(sweep="asha_mnist", trials=16, steps=100),
    Setting(sweep="cifar10_part", steps=60),
    Setting(sweep="keras_fit"),
    Setting(sweep="sklearn_digits"),
)


@click.command(help="Plan and run every setting that has not as many lines in the CSV file yet as there are rounds.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Plans and runs of each.")
@click.option("--only", multiple=True, help="These sweeps alone.")
def main(file: Path, rounds: int, only: tuple[str, ...]) -> None:
    lines = read_lines(file)
    for number in range(1, rounds + 1):
        for setting in SETTINGS:
            done = any((line["round"], line["sweep"]) == (number, setting.sweep) for line in lines)
            if done or (only and setting.sweep not in only):
                continue
            lines.append({"round": number, "sweep": setting.sweep} | measured(setting))
            write_lines(file, lines)
            click.echo(said(setting.sweep, lines))


def said(sweep: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """Return a sweep's last line in words."""
    last = [line for line in lines if line["sweep"] == sweep][-1]
    ratio = last["ratio"]
    verdict = "within" if 1 / WITHIN <= ratio <= WITHIN else "beyond"
    return (
        f"{sweep}: {last['predicted_seconds']} s predicted, {last['real_seconds']} s real, ratio {ratio}, "
        f"{verdict} a factor of {WITHIN} (load average {last['load_before']} to {last['load_after']})"
    )


def measured(setting: Setting) -> dict[str, Any]:
    """Plan and run a setting; return the times, and what they were measured on."""
    path = ROOT / "sweeps" / f"{setting.sweep}.py"
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="plans-", ignore_cleanup_errors=True) as folder:
        options = [str(path), *setting.options(), "--results", folder]
        plan_seconds = _seconds_of(["plan", *options])
        wall_seconds = _seconds_of(["run", *options, "--quiet"])
        (line,) = (Path(folder) / setting.sweep / "runs.jsonl").read_text().splitlines()
    run = json.loads(line)
    figures: Figures = {
        "predicted_seconds": run["predicted_seconds"],
        "real_seconds": run["seconds"],
        "wall_seconds": wall_seconds,
        "plan_seconds": plan_seconds,
    }
    rounded = {name: round(seconds, 1) for name, seconds in figures.items()}
    ratio = round(run["seconds"] / run["predicted_seconds"], 2)
    loads = {"load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2)}
    sweep = script.load(path).with_options(num_trials=setting.trials or None, steps=setting.steps or None)
    base = sweep.search.base if sweep.search else sweep.trials[0]
    sizes = {"steps": setting.steps or base.num_steps, "workers": run["num_workers"]}
    return {**sizes, **rounded, "ratio": ratio, **loads, **machine(run["num_run"])}


def _seconds_of(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "mnist_sweep", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
