"""Which difference do `compare`, `select` and `effects` find in 80% of sweeps, in standard deviations of a trial?

Noise is normal and equal everywhere, so that there is nothing to correct for. One of two configs, one of 40, or the
configs of one of three levels in a grid of 3 times 4 are better than the others, which are equal; the difference is
found by bisection, with the same noise for each.

Command: python -m tests.benchmarks.power
Result: results/reference/benchmarks/power.csv
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import click
import numpy as np

from mnist_sweep.statistics.multiple_comparisons import worse_over_seeds
from mnist_sweep.statistics.paired_tests import difference_over_seeds
from mnist_sweep.statistics.two_way_residuals import error_variance
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.errors import tested
from tests.benchmarks.kinds import Array

FILE = Path(__file__).parents[2] / "results" / "reference" / "benchmarks" / "power.csv"
NUM_SWEEPS = 500
SHARE = 0.8
MOST = 64.0
NUM_HALVINGS = 12
GRID = (3, 4)


def differs(table: Array) -> bool:
    """Return whether `compare` finds that the first of two configs is better."""
    found = difference_over_seeds(table[0] - table[1])
    return found.mean > 0 and found.pvalue < 0.05


def is_ahead(table: Array) -> bool:
    """Return whether `select` calls every config worse than the first."""
    config, seed = np.indices(table.shape).reshape(2, -1)
    error = error_variance(table.ravel(), config, seed)
    return bool(worse_over_seeds(table.ravel(), config, seed, 0, error)[1:].all())


def has_effect(table: Array) -> bool:
    """Return whether the interval of the first factor's best level against its worst is above 0."""
    means, _ = tested(table, GRID)
    return means[0].difference.low > 0


def is_significant(table: Array) -> bool:
    """Return whether that effect is significant over both factors as well."""
    return tested(table, GRID)[1][0]


QUESTIONS: Mapping[str, tuple[Callable[[Array], bool], int, int]] = {
    "compare": (differs, 2, 1),
    "best ahead of all 40": (is_ahead, 40, 1),
    "effect in a 3 x 4 grid, by itself": (has_effect, 12, 4),
    "effect in a 3 x 4 grid, over both": (is_significant, 12, 4),
}
"""What is found, the number of configs, and how many of them, the first ones, are better."""
LAYOUTS = tuple((question, num_seeds) for question in QUESTIONS for num_seeds in (3, 5, 10))


def smallest(question: str, num_seeds: int, num_sweeps: int) -> float:
    """Return the smallest difference that is found in 80% of sweeps."""
    finds, num_configs, num_better = QUESTIONS[question]
    tables = np.random.default_rng(num_seeds).standard_normal((num_sweeps, num_configs, num_seeds))
    better = (np.arange(num_configs) < num_better)[:, None]
    low, high = 0.0, MOST
    for _ in range(NUM_HALVINGS):
        middle = (low + high) / 2
        if np.mean([finds(table + middle * better) for table in tables]) < SHARE:
            low = middle
        else:
            high = middle
    return high


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    for question, num_seeds in LAYOUTS[len(lines) :]:
        found = round(smallest(question, num_seeds, sweeps), 2)
        lines.append({"question": question, "num_seeds": num_seeds, "found_in_80_percent": found} | machine(sweeps))
        write_lines(file, lines)
        click.echo(f"{question}, {num_seeds} seeds: {found}")


if __name__ == "__main__":
    main()
