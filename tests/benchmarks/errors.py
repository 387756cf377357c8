"""How often do `select`, `compare` and `effects` err on data that is not ideal, and how often do their intervals cover?

Sweeps of each kind of `kinds` are drawn. Where all configs are equal, none may be called worse. Where some are better,
the truly best one may not be called worse, and the interval of the selection bias must cover the drop of the best one
where it is given; how the true means lie changes from sweep to sweep. Two configs are compared by `compare` as well.
Grids of configs without any effect of one, two or five hyperparameters go to `effects`.

Command: python -m tests.benchmarks.errors
Result: results/reference/benchmarks/errors.csv
"""

import collections
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from mnist_sweep.analysis.comparison_wording import unequal_spread
from mnist_sweep.analysis.effects.design import design_of_trials
from mnist_sweep.analysis.effects.effects_of_trials import significant_over_all
from mnist_sweep.analysis.effects.interactions import fit_with_interactions
from mnist_sweep.analysis.effects.marginal_means import MarginalMeans, marginal_means
from mnist_sweep.statistics.multiple_comparisons import worse_over_seeds
from mnist_sweep.statistics.paired_tests import difference_over_seeds
from mnist_sweep.statistics.selection_bias import SelectionBias, bias_over_seeds, has_collapses
from mnist_sweep.statistics.two_way_residuals import error_variance
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import KINDS, MEANS, Array, Sweep

FILE = Path(__file__).parents[2] / "results" / "reference" / "benchmarks" / "errors.csv"
NUM_SWEEPS = 2000
EQUAL = 1e-9
GRIDS = {12: (3, 4), 32: (2, 2, 2, 2, 2), 7: (7,)}  # levels of each hyperparameter, by the number of configs
SIZES = (
    (10, 3),
    (12, 3),
    (12, 2),
    (2, 3),
    (12, 5),
    (10, 5),
    (2, 2),
    (2, 5),
    (2, 10),
    (32, 3),
    (7, 3),
    (40, 3),
    (12, 1),
)
LARGE = ((10, 2), (10, 10), (12, 10), (96, 3))
LAYOUTS = tuple((*size, kind) for size in (*SIZES, *LARGE) for kind in KINDS)
"""Configs, seeds and kind of data."""


def selected(sweep: Sweep) -> tuple[int, NDArray[np.bool_], SelectionBias | None]:
    """Return the best config, which ones are called worse, and the bias, if it can be estimated.

    As in `select`, which this does without tables: configs with one seed are left out.
    """
    config, seed = np.nonzero(~np.isnan(sweep.accuracy))
    accuracy = sweep.accuracy[config, seed]
    best = int(np.nanmean(sweep.accuracy, axis=1).argmax())
    error = error_variance(accuracy, config, seed)
    shared = (~np.isnan(sweep.accuracy) & ~np.isnan(sweep.accuracy[best])).sum(axis=1)
    if error.df < 1 or (shared >= 2).sum() < 2:
        return best, np.zeros(len(shared), np.bool_), None
    worse = worse_over_seeds(accuracy, config, seed, best, error)
    tied = ~worse & (shared >= 2)
    if (~np.isnan(sweep.accuracy[best])).sum() < 3:
        return best, worse, None
    kept = tied[config]
    codes = [np.unique(code[kept], return_inverse=True)[1] for code in (config, seed)]
    bias = bias_over_seeds(accuracy[kept], codes[0], codes[1], int(tied[:best].sum()))
    return best, worse, None if math.isnan(bias.expected) else bias


def with_seeds(sweep: Sweep) -> Sweep:
    enough = (~np.isnan(sweep.accuracy)).sum(axis=1) >= 2
    return Sweep(sweep.accuracy[enough], sweep.mean[enough], sweep.seen[enough])


def selections(kind: str, num_configs: int, num_seeds: int, num_sweeps: int) -> dict[str, float]:
    """Return how often any equal config and the best unequal one are called worse, and how often bias is covered."""
    draw, false, lost = np.random.default_rng(num_configs + num_seeds), list[bool](), list[bool]()
    covered, seen, widths = list[bool](), list[bool](), list[float]()
    for number in range(num_sweeps):
        for means in ("equal", tuple(MEANS)[1 + number % (len(MEANS) - 1)]):
            sweep = with_seeds(KINDS[kind](draw, MEANS[means](draw, num_configs), num_seeds))
            if len(sweep.mean) < 2:
                continue
            best, worse, bias = selected(sweep)
            if means == "equal":
                false.append(bool(worse[sweep.mean >= sweep.mean[best]].any()))
            else:
                lost.append(bool(worse[sweep.mean.argmax()]))
            if bias is not None:
                mean = float(np.nanmean(sweep.accuracy[best]))
                covered.append(bool(bias.low <= mean - sweep.mean[best] <= bias.high))
                seen.append(bool(bias.low <= mean - sweep.seen[best] <= bias.high))
                widths.append(bias.high - bias.low)
    return {
        "called_worse": float(np.mean(false)),
        "best_lost": float(np.mean(lost)),
        "bias_given": len(covered) / (len(false) + len(lost)),
        "bias_covered": float(np.mean(covered)) if covered else np.nan,
        "bias_covered_seen": float(np.mean(seen)) if seen else np.nan,
        "bias_width": float(np.median(widths)) if covered else np.nan,
    }


def comparisons(kind: str, num_seeds: int, num_sweeps: int) -> dict[str, float]:
    """Return how often `compare` calls two equal configs different, and how often so without a note."""
    draw, errs, unsaid = np.random.default_rng(num_seeds), [], []
    for _ in range(num_sweeps):
        sweep = KINDS[kind](draw, np.zeros(2), num_seeds)
        pairs = sweep.accuracy[:, ~np.isnan(sweep.accuracy).any(axis=0)] - sweep.mean[:, None]
        if pairs.shape[1] < 2:
            continue
        found = difference_over_seeds(pairs[0] - pairs[1])
        errs.append(found.pvalue < 0.05)
        unsaid.append(errs[-1] and not [*unequal_spread("ab", pairs.tolist())])
    return {"different": float(np.mean(errs)), "different_unsaid": float(np.mean(unsaid))}


def effects(kind: str, nums: tuple[int, ...], num_seeds: int, num_sweeps: int) -> dict[str, float]:
    """Return how often a factor of a grid seems to have an effect that it has not, and any of them is significant.

    The true means of a kind may differ by chance of its construction, and a factor with an effect is not counted. Both
    are also returned for an effect on runs such as those seen; and how often a note says that runs collapsed.
    """
    draw, noted = np.random.default_rng(num_seeds), list[bool]()
    each, some = (collections.defaultdict[str, list[bool]](list) for _ in range(2))
    for _ in range(num_sweeps):
        sweep = KINDS[kind](draw, np.zeros(math.prod(nums)), num_seeds)
        means, significant = tested(sweep.accuracy, nums)
        for name, mean in (("", sweep.mean), ("_seen", sweep.seen)):
            none = [*without_effect(mean.reshape(nums))]
            each[name] += [one.difference.low > 0 for one in itertools.compress(means, none)]
            some[name].append(any(itertools.compress(significant, none)))
        noted.append(has_collapses(sweep.accuracy[~np.isnan(sweep.accuracy).all(axis=1)]))
    figures = {f"effect{name}": float(np.mean(found)) if found else np.nan for name, found in each.items()}
    figures |= {f"some_effect{name}": float(np.mean(found)) for name, found in some.items()}
    return figures | {"collapse_noted": float(np.mean(noted))}


def tested(accuracy: Array, nums: tuple[int, ...]) -> tuple[list[MarginalMeans], list[bool]]:
    """Return the marginal means of each factor of a grid, and whether its effect is significant, as `effects` does."""
    codes = np.array([*itertools.product(*map(range, nums))])
    config, seed = np.nonzero(~np.isnan(accuracy))
    setting = np.unique(config, return_inverse=True)[1]
    design = design_of_trials(0.9 + accuracy[config, seed] / 1000, codes[config], setting, seed)
    model, _ = fit_with_interactions(design)
    means = [marginal_means(model, factor) for factor in range(len(nums))]
    return means, significant_over_all([one.pvalue for one in means])


def without_effect(mean: Array) -> Iterator[bool]:
    """Yield for each factor whether the true means of its levels, given in the shape of the grid, are equal."""
    for factor in range(mean.ndim):
        others = tuple(other for other in range(mean.ndim) if other != factor)
        yield bool(np.ptp(mean.mean(axis=others)) < EQUAL)


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    measured = {(line["num_configs"], line["num_seeds"], line["kind"]) for line in lines}
    for num_configs, num_seeds, kind in (layout for layout in LAYOUTS if layout not in measured):
        grid = GRIDS.get(num_configs)
        figures = effects(kind, grid, num_seeds, sweeps) if grid else selections(kind, num_configs, num_seeds, sweeps)
        figures |= comparisons(kind, num_seeds, sweeps) if num_configs == 2 else {}
        rounded = {name: round(figure, 4) for name, figure in figures.items()}
        lines.append({"num_seeds": num_seeds, "num_configs": num_configs, "kind": kind} | rounded | machine(sweeps))
        write_lines(file, lines)
        click.echo(f"{num_configs} configs, {num_seeds} seeds, {kind}: {rounded}")


if __name__ == "__main__":
    main()
