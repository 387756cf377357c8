"""How often do `select`, `compare` and `effects` err on data that is not ideal, and how often do their intervals cover?

Sweeps of each kind of `kinds` are drawn. Where all configs are equal, none may be called worse. Where some are better,
the truly best one may not be called worse, and the interval of the selection bias must cover the drop of the best one;
how the true means lie changes from sweep to sweep. Two configs are compared by `compare` as well; a grid of 3 times 4
configs without any effect goes to `effects`.

Command: python -m tests.benchmarks.errors
Result: results/reference/benchmarks/errors.csv
"""

import itertools
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from mnist_sweep.analysis.comparison_sentences import unequal_spread
from mnist_sweep.analysis.effects.anova import fit_with_interactions
from mnist_sweep.analysis.effects.design import design_of_trials
from mnist_sweep.analysis.effects.estimation import significant_over_all
from mnist_sweep.analysis.effects.marginal_means import marginal_means
from mnist_sweep.statistics.multiple_comparisons import worse_over_seeds
from mnist_sweep.statistics.paired_tests import difference_over_seeds
from mnist_sweep.statistics.selection_bias import SelectionBias, bias_over_seeds
from mnist_sweep.statistics.two_way_residuals import error_variance
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import KINDS, MEANS, Sweep

FILE = Path(__file__).parents[2] / "results" / "reference" / "benchmarks" / "errors.csv"
NUM_SWEEPS = 2000
GRID = np.array([*itertools.product(range(3), range(4))])
LAYOUTS = tuple(itertools.product((10, 2, len(GRID), 40), (3, 2, 5, 10), KINDS))


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
    return best, worse, bias_over_seeds(accuracy[kept], codes[0], codes[1], int(tied[:best].sum()))


def with_seeds(sweep: Sweep) -> Sweep:
    enough = (~np.isnan(sweep.accuracy)).sum(axis=1) >= 2
    return Sweep(sweep.accuracy[enough], sweep.mean[enough])


def selections(kind: str, num_configs: int, num_seeds: int, num_sweeps: int) -> dict[str, float]:
    """Return how often any equal config and the best unequal one are called worse, and how often bias is covered."""
    draw, false, lost, covered, widths = np.random.default_rng(num_configs + num_seeds), [], [], [], []
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
                drop = float(np.nanmean(sweep.accuracy[best])) - sweep.mean[best]
                covered.append(bias.low <= drop <= bias.high)
                widths.append(bias.high - bias.low)
    figures = {"called_worse": float(np.mean(false)), "best_lost": float(np.mean(lost))}
    return figures | {
        "bias_covered": float(np.mean(covered)) if covered else np.nan,
        "bias_width": float(np.median(widths)) if covered else np.nan,
    }


def comparisons(kind: str, num_seeds: int, num_sweeps: int) -> dict[str, float]:
    """Return how often `compare` calls two equal configs different, without a note and at all, and 80% power."""
    draw, errs, unsaid, leads = np.random.default_rng(num_seeds), [], [], []
    for _ in range(num_sweeps):
        sweep = KINDS[kind](draw, np.zeros(2), num_seeds)
        pairs = sweep.accuracy[:, ~np.isnan(sweep.accuracy).any(axis=0)] - sweep.mean[:, None]
        if pairs.shape[1] < 2:
            continue
        found = difference_over_seeds(pairs[0] - pairs[1])
        errs.append(found.pvalue < 0.05)
        unsaid.append(errs[-1] and not [*unequal_spread("ab", pairs.tolist())])
        leads.append((found.high - found.low) / 2 - found.mean)
    figures = {"different": float(np.mean(errs)), "different_unsaid": float(np.mean(unsaid))}
    return figures | {"found_in_80_percent": float(np.nanquantile(leads, 0.8))}


def effects(kind: str, num_seeds: int, num_sweeps: int) -> dict[str, float]:
    """Return how often a factor of a grid without effects seems to have one, and any of both is called significant."""
    draw, each, some = np.random.default_rng(num_seeds), [], []
    for _ in range(num_sweeps):
        accuracy = 0.9 + KINDS[kind](draw, np.zeros(len(GRID)), num_seeds).accuracy / 1000
        config, seed = np.nonzero(~np.isnan(accuracy))
        codes, setting = GRID[config], np.unique(config, return_inverse=True)[1]
        model, _ = fit_with_interactions(design_of_trials(accuracy[config, seed], codes, setting, seed))
        found = [marginal_means(model, factor) for factor in range(GRID.shape[1])]
        each += [one.difference.low > 0 for one in found]
        some.append(any(significant_over_all([one.pvalue for one in found])))
    return {"effect": float(np.mean(each)), "some_effect": float(np.mean(some))}


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    for num_configs, num_seeds, kind in LAYOUTS[len(lines) :]:
        grid = num_configs == len(GRID)
        figures = effects(kind, num_seeds, sweeps) if grid else selections(kind, num_configs, num_seeds, sweeps)
        figures |= comparisons(kind, num_seeds, sweeps) if num_configs == 2 else {}
        rounded = {name: round(figure, 4) for name, figure in figures.items()}
        lines.append({"num_seeds": num_seeds, "num_configs": num_configs, "kind": kind} | rounded | machine(sweeps))
        write_lines(file, lines)
        click.echo(f"{num_configs} configs, {num_seeds} seeds, {kind}: {rounded}")


if __name__ == "__main__":
    main()
