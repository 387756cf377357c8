"""How often does a race of values that are no accuracies lose the best setting, or call settings alike that are not?

As in `race`, but the step of the values is not known (`Resolution`), and they are less is better: means and spreads are
those of minus the value. Log-normal losses have a spread that is a share of their mean, and a long tail of bad runs.

Command: python -m tests.benchmarks.race_values
Result: results/reference/benchmarks/race_values.csv
"""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array, Draw, Sweep
from tests.benchmarks.race import ALL_KINDS, FOLDER, NUM_SWEEPS, Kind, figures

FILE = FOLDER / "race_values.csv"
LOWEST = 0.1  # share of the usual loss, that a config's is at least
MEANS = ("equal", "best by D/2", "best by D", "half near", "spread")


def _losses(share: float, digits: int | None = None) -> Kind:
    """Log-normal losses whose standard deviation is a share of their mean, 1 where that is usual; rounded if asked."""

    def kind(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
        usual, sigma = 1 / share, math.sqrt(math.log1p(share**2))
        loss = np.maximum(usual - mean, LOWEST * usual)
        drawn = loss[:, None] * np.exp(sigma * draw.standard_normal((len(mean), num_seeds)) - sigma**2 / 2)
        return Sweep(usual - (drawn if digits is None else np.round(drawn, digits)), usual - loss)

    return kind


def _half_exact(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    """Every other config does not depend on its seed."""
    noise = np.where(np.arange(len(mean)) % 2, 0.0, 1.0)[:, None] * draw.standard_normal((len(mean), num_seeds))
    return Sweep(mean[:, None] + noise, mean)


VALUE_KINDS: Mapping[str, Kind] = {
    "normal": ALL_KINDS["equal"],
    "log-normal, spread a fifth of the loss": _losses(0.2),
    "log-normal, spread half of the loss": _losses(0.5),
    "the same, two decimals": _losses(0.5, 2),
    "log-normal, spread 0.7 of the loss": _losses(0.7),
    "half without noise": _half_exact,
    **{name: ALL_KINDS[name] for name in ("heavy tails", "log-normal spreads, 1", "rounded to 1/3", "rounded to 2")},
}


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
@click.option("--settings", type=int, multiple=True, default=(2, 4, 10), help="Numbers of settings.")
def main(file: Path, sweeps: int, settings: tuple[int, ...]) -> None:
    lines = read_lines(file)
    measured = {(line["num_settings"], line["kind"], line["means"], line["error"]) for line in lines}
    for error, means, num, kind in itertools.product((0.05, 0.01), MEANS, settings, VALUE_KINDS):
        if (num, kind, means, error) in measured:
            continue
        found = figures(VALUE_KINDS[kind], num, means, error, num_sweeps=sweeps, step=None)
        lines.append({"num_settings": num, "kind": kind, "means": means, "error": error} | found | machine(sweeps))
        write_lines(file, lines)
        click.echo(f"{num} settings, {kind}, {means}, error {error}: {found}")


if __name__ == "__main__":
    main()
