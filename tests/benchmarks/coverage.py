"""How often do the intervals of effects hold the truth, and how often is an effect shown where there is none?

Sweeps of three hyperparameters are drawn with known effects and normal noise: grids and random samples, 1 to 5 seeds.
A layout says what else varies: how far settings lie from what their levels add up to, what a seed does to all trials
of a level, and a tenth of the trials that failed. An accuracy's own noise is 0.01, that of a seed for all 0.005.

Command: python -m tests.benchmarks.coverage
Result: results/reference/benchmarks/coverage.csv
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from mnist_sweep.analysis.effects.design import Design, design_of_trials
from mnist_sweep.analysis.effects.interactions import ALPHA, fit_with_interactions
from mnist_sweep.analysis.effects.marginal_means import marginal_means
from tests.benchmarks.contest import machine, read_lines, write_lines

FILE = Path(__file__).parents[2] / "results" / "reference" / "benchmarks" / "coverage.csv"
NUM_SWEEPS = 2000
Layout = Mapping[str, Any]
SETTINGS: tuple[Layout, ...] = (
    *({"sample": 50, "unexplained": unexplained, "nums": (2, 2, 2)} for unexplained in (0.0, 0.01, 0.03)),
    {"sample": 50, "unexplained": 0.01},
    {"sample": 12, "unexplained": 0.01, "nums": (2, 2, 2)},
    {},
    {"interaction": 0.02},
)
NOISE: tuple[Layout, ...] = ({"shared": 0.01}, {}, {"shared": 0.005, "missing": 0.1})
LAYOUTS: tuple[Layout, ...] = (
    *(
        {**settings, "num_seeds": num_seeds, **noise}
        for noise in NOISE
        for num_seeds in (3, 2, 5)
        for settings in SETTINGS
    ),
    *({**settings, "missing": missing} for missing in (0.0, 0.1) for settings in SETTINGS),
)


def simulated(
    generator: np.random.Generator,
    *,
    nums: tuple[int, ...] = (2, 3, 4),
    num_seeds: int = 1,
    sample: int = 0,
    main: float = 0.01,
    interaction: float = 0.0,
    shared: float = 0.0,
    unexplained: float = 0.0,
    missing: float = 0.0,
) -> tuple[Design, list[Any]]:
    """Return a design with planted normal effects, and the true mean of each level of each factor.

    Args:
        generator: Of all that is drawn.
        nums: Levels of each factor.
        num_seeds: Trials of each setting.
        sample: Settings that are drawn besides one of each level; 0 for the grid.
        main: Standard deviation of the effects of levels.
        interaction: Of the first two factors, half of its range.
        shared: Standard deviation of what a seed does to all trials of a level.
        unexplained: Standard deviation of what a setting has beyond its levels.
        missing: Share of trials that failed.
    """
    effects = [generator.normal(0, main, num) for num in nums]
    truths = [0.9 + effect - effect.mean() for effect in effects]
    codes = np.array(list(itertools.product(*map(range, nums))))
    if sample:
        codes = np.vstack(
            [np.column_stack([np.arange(4) % num for num in nums]), generator.integers(0, nums, (sample, 3))]
        )
    means = sum(truth[code] - 0.9 for truth, code in zip(truths, codes.T, strict=True)) + 0.9
    means = means + interaction * (2 * codes[:, 0] - 1) * (codes[:, 1] - 1)
    means = means + generator.normal(0, unexplained, len(codes))
    table = means[:, None] + generator.normal(0, 0.005 * (num_seeds > 1), num_seeds)
    table = table + generator.normal(0, 0.01, table.shape)
    for num, code in zip(nums, codes.T, strict=True):
        table = table + generator.normal(0, shared, (num, num_seeds))[code]
    setting, seed = np.nonzero(generator.random(table.shape) >= missing)
    accuracy, left = table[setting, seed], np.unique(setting, return_inverse=True)[1]
    return design_of_trials(accuracy, codes[setting], left, seed, is_sample=bool(sample)), truths


DEFAULTS = {name: default for name, default in (simulated.__kwdefaults__ or {}).items() if name != "main"}


def held(layout: Layout, num_sweeps: int) -> tuple[float, float]:
    """Return how often the intervals of means, and of the differences of a factor's levels all at once, hold."""
    generator = np.random.default_rng(1)
    levels, differences = [], []
    for _ in range(num_sweeps):
        observed, truths = simulated(generator, **layout)
        model, _ = fit_with_interactions(observed)
        for factor, truth in enumerate(truths):
            found = marginal_means(model, factor)
            half = found.difference.high - found.difference.mean
            errors = [level.mean - mean for level, mean in zip(found.levels, truth, strict=True)]
            levels += [level.low <= mean <= level.high for level, mean in zip(found.levels, truth, strict=True)]
            differences.append(max(errors) - min(errors) <= half)
    return float(np.mean(levels)), float(np.mean(differences))


def shown(layout: Layout, num_sweeps: int) -> tuple[float, float, float]:
    """Return how often an effect, a trend over three or more levels and any interaction are shown with none there."""
    generator = np.random.default_rng(2)
    many = [num > 2 for num in layout.get("nums", DEFAULTS["nums"])]
    effects, trends, pairs = [], [], []
    for _ in range(num_sweeps):
        observed, _ = simulated(generator, **{**layout, "main": 0.0, "interaction": 0.0})
        model, tested = fit_with_interactions(observed)
        found = [marginal_means(model, factor, num_trends=max(1, sum(many))) for factor in range(3)]
        effects += [one.difference.low > 0 for one in found]
        trends.append(any(one.slope.low > 0 or one.slope.high < 0 for one in itertools.compress(found, many)))
        pairs.append(any(pair.pvalue < ALPHA for pair in tested))
    return float(np.mean(effects)), float(np.mean(trends)), float(np.mean(pairs))


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    for layout in LAYOUTS[len(lines) :]:
        figures = dict(zip(("means", "differences"), held(layout, sweeps), strict=True))
        figures |= dict(
            zip(("effects_shown", "trends_shown", "interactions_shown"), shown(layout, sweeps), strict=True)
        )
        told = {name: str(layout.get(name, default)) for name, default in DEFAULTS.items()}
        lines.append(told | {name: round(figure, 4) for name, figure in figures.items()} | machine(sweeps))
        write_lines(file, lines)
        click.echo(" ".join(f"{name} {value}" for name, value in {**told, **figures}.items()))


if __name__ == "__main__":
    main()
