"""How much of a full grid's work does ASHA save, and what does it miss?

Runs `sweeps/asha_mnist.py` whole, then with `--scheduler asha` so many times, each from the start of its process to its
end, and compares steps, wall time and the best validation accuracy. Needs a machine that does nothing else. Exits with
status 1 if a run with ASHA took more than a quarter of the grid's steps or 30% of its wall time, or missed its best
validation accuracy by more than 0.1 points.

Command: python -m tests.benchmarks.halving
Result: results/reference/benchmarks/halving.csv
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from mnist_sweep import read_trials
from tests.benchmarks.contest import ROOT, machine, write_lines

FILE = ROOT / "results" / "reference" / "benchmarks" / "halving.csv"
MOST_STEPS, MOST_SECONDS, MOST_POINTS = 0.25, 0.30, 0.1


@click.command()
@click.option("--times", default=3, show_default=True, help="Runs with ASHA.")
@click.option("--steps", type=int, help="Steps of a trial, instead of what the sweep says.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
def main(times: int, steps: int | None, file: Path) -> None:
    lines = []
    for number in range(times + 1):
        with tempfile.TemporaryDirectory(prefix="halving-") as folder:
            lines.append(run("asha" if number else "fifo", steps, Path(folder)))
        click.echo(lines[-1] | compared(lines[-1], lines[0]))
    figures = [line | compared(line, lines[0]) | machine(line["trials"]) for line in lines]
    write_lines(file, figures)
    sys.exit(0 if all(is_good(line) for line in figures[1:]) else 1)


def run(scheduler: str, steps: int | None, folder: Path) -> dict[str, Any]:
    """Run the sweep under a scheduler and return its figures."""
    command = [sys.executable, "sweeps/asha_mnist.py", "--scheduler", scheduler, "--results", str(folder)]
    load, start = os.getloadavg()[0], time.monotonic()
    changed = ["--steps", str(steps)] if steps else []
    subprocess.run([*command, *changed], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - start
    return {"scheduler": scheduler, "load": round(load, 2), "seconds": round(seconds, 1)} | found(folder / "asha_mnist")


def found(results: Path) -> dict[str, Any]:
    """Return what a run took and found, by its rows; the best is chosen among trials that were not stopped."""
    trials = read_trials(results)
    finished = trials[trials.status == "ok"]
    best = finished.iloc[int(finished.val_accuracy.argmax())]
    return {
        "trials": len(trials),
        "finished": len(finished),
        "steps": int(trials.steps.sum()),
        "best": str(best.trial_id),
        "val_accuracy": float(best.val_accuracy),
        "test_accuracy": float(best.test_accuracy),
    }


def compared(line: dict[str, Any], full: dict[str, Any]) -> dict[str, float]:
    """Return a run's shares of the full grid's cost, and how many points of validation accuracy it missed."""
    return {
        "share_of_steps": round(line["steps"] / full["steps"], 3),
        "share_of_seconds": round(line["seconds"] / full["seconds"], 3),
        "points_missed": round((full["val_accuracy"] - line["val_accuracy"]) * 100, 2),
    }


def is_good(line: dict[str, Any]) -> bool:
    """Return whether a run with ASHA holds what is promised."""
    within = line["share_of_steps"] <= MOST_STEPS and line["share_of_seconds"] <= MOST_SECONDS
    return bool(within and line["points_missed"] <= MOST_POINTS)


if __name__ == "__main__":
    main()
