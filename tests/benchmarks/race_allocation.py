"""What does a race save by giving no more seeds to settings that are shown to be within D of all others that remain?

Each sweep is raced as it is, and with seeds for all that remain; looked at after every row. The standard deviation of a
trial is named in D; a setting has at most so many seeds that its trials are decided in most sweeps.

Command: python -m tests.benchmarks.race_allocation
Result: results/reference/benchmarks/race_allocation.csv
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from mnist_sweep.statistics.elimination import Elimination
from mnist_sweep.statistics.intervals import share_upper_limit
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array
from tests.benchmarks.race import ALL_KINDS, FOLDER, MEANS, SAME, WITHIN

FILE = FOLDER / "race_allocation.csv"
SWEEPS: Mapping[int, int] = {4: 2000, 10: 1000, 40: 200}
"""Sweeps of each layout, by the number of settings."""
KINDS = ("equal", "log-normal spreads, 0.5", "log-normal spreads, 1", "last 5 times as noisy", "heavy tails")
LAYOUTS = ("equal", "best by D/2", "best by D", "best by 2D", "half near", "spread")
SEEDS: Mapping[float, int] = {0.5: 30, 1.0: 120}
"""Most seeds of a setting, by the standard deviation of a trial in D."""
MANY_SEEDS = 160  # of one of 40 settings, of which these are enough in most sweeps


def run(accuracy: Array, mean: Array, error: float, *, parks: bool) -> dict[str, Array]:
    """Return of each sweep the trials that ran, and whether it was decided, a best one lost, or "within D" false."""
    num_sweeps, num_settings, num_seeds = accuracy.shape
    found = Elimination(num_settings, within=WITHIN, error=error, num_sweeps=num_sweeps)
    num_trials = np.zeros(num_sweeps)
    for seed, setting in itertools.product(range(num_seeds), range(num_settings)):
        num_trials += found.is_open[:, setting]
        found.add(setting, accuracy[:, setting, seed])
        if setting == num_settings - 1:
            found.end_round()
            found.parked &= parks
    lost = (mean >= mean.max(axis=1, keepdims=True) - SAME) & ~found.remaining
    apart = np.where(found.remaining, mean, -np.inf).max(axis=1) - np.where(found.remaining, mean, np.inf).min(axis=1)
    false = found.within & (apart >= WITHIN - SAME)
    return {"trials": num_trials, "decided": found.is_decided, "lost": lost.any(axis=1), "false_within": false}


def simulate(
    num: int, kind: str, means: str, spread: float, num_seeds: int, error: float, num_sweeps: int
) -> dict[str, Any]:
    """Return the trials of races, over those without parking, and the shares decided and wrong of both."""
    draw = np.random.default_rng([num, 0])
    drawn = (ALL_KINDS[kind](draw, MEANS[means](draw, num) / spread, num_seeds) for _ in range(num_sweeps))
    accuracy, mean = (
        spread * np.array(part) for part in zip(*((one.accuracy, one.mean) for one in drawn), strict=True)
    )
    every, parked = (run(accuracy, mean, error, parks=parks) for parks in (False, True))
    ratio = parked["trials"].sum() / every["trials"].sum()
    each = (parked["trials"] - ratio * every["trials"]).std(ddof=1) / every["trials"].mean()
    figures: dict[str, Any] = {
        "trials": every["trials"].mean(),
        "ratio": ratio,
        "half_width": 1.96 * each / num_sweeps**0.5,
    }
    for name in ("decided", "lost", "false_within"):
        figures |= {f"{name}_without": every[name].mean(), name: parked[name].mean()}
    for name in ("lost", "false_within"):
        figures[f"{name}_high"] = share_upper_limit(int(parked[name].sum()), num_sweeps)
    return {name: round(float(value), 4) for name, value in figures.items()}


def layouts() -> list[dict[str, Any]]:
    """Return the layouts that are measured: the arguments of `simulate`, but for the number of sweeps."""
    small = itertools.product((4, 10), KINDS, LAYOUTS, SEEDS.items(), (0.05,))
    strict = itertools.product((4, 10), ("equal", "log-normal spreads, 1"), LAYOUTS, ((0.5, 30),), (0.01,))
    large = itertools.product((40,), KINDS[:2], LAYOUTS, ((0.5, MANY_SEEDS),), (0.05,))
    return [
        {"num": num, "kind": kind, "means": means, "spread": spread, "num_seeds": num_seeds, "error": error}
        for num, kind, means, (spread, num_seeds), error in (*small, *strict, *large)
    ]


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
def main(file: Path) -> None:
    lines = read_lines(file)
    for layout in layouts():
        if any(layout.items() <= line.items() for line in lines):
            continue
        num_sweeps = SWEEPS[layout["num"]]
        lines.append(layout | simulate(**layout, num_sweeps=num_sweeps) | machine(num_sweeps))
        write_lines(file, lines)
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
