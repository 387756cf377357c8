"""Races replayed from real runs: 20 configs of the quickstart (with 8 and 16 filters) and 12 of `mnist_pool`.

A pool is what is true: seeds are drawn from it with replacement, the same for all configs, and the best config has
the best mean of the pool. Looked at after every row, with at most 30 seeds.

Command: python -m tests.benchmarks.race_pool
Pools: results/reference/benchmarks/race_pool.csv and race_pool_mnist.csv, validation accuracies
Result: results/reference/benchmarks/race_replays.csv
"""

import itertools
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd

from mnist_sweep.statistics.intervals import share_upper_limit
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array, Sweep
from tests.benchmarks.race import FOLDER, SEEDS, race

FILE, NUM_ORDERS = FOLDER / "race_replays.csv", 500


class Pool(NamedTuple):
    """A table of runs, and the number of images that each was validated on."""

    file: Path
    num_val: int


POOLS = {"quickstart": Pool(FOLDER / "race_pool.csv", 300), "MNIST": Pool(FOLDER / "race_pool_mnist.csv", 5_000)}
FIGURES = (
    "best_lost",
    "some_best_lost",
    "all_best_lost",
    "false_within",
    "false_distance",
    "ended_within",
    "ended_with_one",
    "trials",
)


def read_pool(file: Path) -> Array:
    """Return the validation accuracies of the pool: float64 `[num_configs, num_seeds]`."""
    table = pd.read_csv(file).pivot_table(index="config_id", columns="seed", values="val_accuracy", sort=False)
    return table.to_numpy(np.float64)


def replay(pool: Array, num_val: int, within: float, error: float, num_orders: int) -> dict[str, float]:
    """Return in what share of the orders the best config was lost, a claim was false, ...; and the share of trials."""
    draw, mean = np.random.default_rng(0), pool.mean(axis=1)
    seeds = draw.integers(pool.shape[1], size=(num_orders, SEEDS["alike"]))
    counts = race([Sweep(pool[:, order], mean) for order in seeds], within, error, 1 / num_val)
    found = dict(zip(FIGURES, (counts / num_orders).tolist(), strict=True))
    found["trials"] /= len(pool) * SEEDS["alike"]
    risks = ("best_lost", "false_within")
    return found | {f"{name}_high": share_upper_limit(round(found[name] * num_orders), num_orders) for name in risks}


@click.command(help="Replay the races that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
def main(file: Path) -> None:
    lines = read_lines(file)
    measured = {(line["pool"], line["within"], line["error"]) for line in lines}
    for name, within, error in itertools.product(POOLS, (0.005, 0.01, 0.02, 0.04), (0.05, 0.01)):
        if (name, within, error) in measured:
            continue
        pool = read_pool(POOLS[name].file)
        found = replay(pool, POOLS[name].num_val, within, error, NUM_ORDERS)
        layout = {"pool": name, "configs": len(pool), "within": within, "error": error}
        lines.append(layout | {figure: round(value, 4) for figure, value in found.items()} | machine(NUM_ORDERS))
        write_lines(file, lines)
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
