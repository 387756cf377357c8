"""How often is a config called worse than the best where all are equal, and how often where it is worse?

Sweeps are drawn whose configs are equal in mean and unlike in how much their seeds scatter, as a layout says; what a
seed does to all configs alike changes nothing. Then a quarter of the configs are made worse.

Command: python -m tests.benchmarks.equals
Result: results/reference/benchmarks/equals.csv
"""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.multiple_comparisons import worse_over_seeds
from mnist_sweep.statistics.two_way_residuals import error_variance
from tests.benchmarks.contest import machine, read_lines, write_lines

FILE = Path(__file__).parents[2] / "results" / "reference" / "benchmarks" / "equals.csv"
NUM_SWEEPS = 2000
Array = NDArray[np.float64]
SCATTER: Mapping[str, Callable[[np.random.Generator, int], Array]] = {
    "equal": lambda draw, num: np.ones(num),
    "log-normal, 0.25": lambda draw, num: np.exp(draw.normal(0, 0.25, num)),
    "log-normal, 0.5": lambda draw, num: np.exp(draw.normal(0, 0.5, num)),
    "log-normal, 1": lambda draw, num: np.exp(draw.normal(0, 1, num)),
    "every other 3 times": lambda draw, num: np.where(np.arange(num) % 2, 3.0, 1.0),
    "every tenth 5 times": lambda draw, num: np.where(np.arange(num) % 10, 1.0, 5.0),
    "one 5 times": lambda draw, num: np.where(np.arange(num), 1.0, 5.0),
}
"""Standard deviations of configs over their seeds, by a layout's name."""
WORSE_BY = {2: 12.0, 3: 6.0, 5: 4.0}  # by the number of seeds


def worse(table: Array) -> NDArray[np.bool_]:
    """Return which configs of a table, configs down and seeds across, are called worse than the best."""
    config, seed = np.indices(table.shape).reshape(2, -1)
    accuracy = table.ravel()
    best = int(table.mean(axis=1).argmax())
    return worse_over_seeds(accuracy, config, seed, best, error_variance(accuracy, config, seed))


def called(scatter: str, num_configs: int, num_seeds: int, num_sweeps: int) -> tuple[float, float]:
    """Return in what share of sweeps any equal config is called worse, and what share of worse ones is."""
    draw, false, found = np.random.default_rng(num_configs + num_seeds), [], []
    low = max(1, num_configs // 4)
    for _ in range(num_sweeps):
        table = SCATTER[scatter](draw, num_configs)[:, None] * draw.standard_normal((num_configs, num_seeds))
        false.append(worse(table).any())
        table[:low] -= WORSE_BY[num_seeds]
        found.append(worse(table)[:low].mean())
    return float(np.mean(false)), float(np.mean(found))


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    for num_seeds, num_configs, scatter in tuple(itertools.product((3, 5, 2), (40, 10, 4), SCATTER))[len(lines) :]:
        false, power = called(scatter, num_configs, num_seeds, sweeps)
        layout = {"num_seeds": num_seeds, "num_configs": num_configs, "scatter": scatter}
        figures = {"called_worse": round(false, 4), "worse_by": WORSE_BY[num_seeds], "found": round(power, 4)}
        lines.append(layout | figures | machine(sweeps))
        write_lines(file, lines)
        click.echo(f"{num_configs} configs, {num_seeds} seeds, {scatter}: {false:.1%} called worse, {power:.1%} found")


if __name__ == "__main__":
    main()
