"""How many trials does it take to know which of 40 settings are best, to a point, with an error of 5%?

A sweep is settled if every setting is shown to be worse than another one, or within D, a point, of all others that are
not. Ours is a race. A fixed number of seeds is judged once, by paired t-tests of each setting against its K - 1 rivals
(Bonferroni), and is the smallest with which 90% of the sweeps are settled. That may lose one of several equal settings;
as a race keeps them all, another fixed number is judged by K (K - 1) tests of who is worse. The rules of `race_rules`
settle nothing: they end with an answer, which may be far from the best. True means are normal with a standard deviation
of two points, or half of them are at most a point behind the best, and the others three.

Command: python -m tests.benchmarks.race_contest
Result: results/reference/benchmarks/race_contest.csv
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.elimination import Elimination
from mnist_sweep.statistics.intervals import share_upper_limit
from tests.benchmarks import race_rules
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array, Draw
from tests.benchmarks.race import ALL_KINDS, FOLDER, MEANS
from tests.benchmarks.race_pool import POOLS, read_pool
from tests.benchmarks.race_rules import End

FILE = FOLDER / "race_contest.csv"
NUM_SWEEPS, NUM_SETTINGS, WITHIN, ERROR, SETTLED, NUM_RULES = 200, 40, 1.0, 0.05, 0.9, 11
SEEDS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 125, 150, 200, 250, 300, 400, 500, 600, 800)
"""Fixed numbers of seeds that are tried."""


class Draws(NamedTuple):
    """Sweeps of the same size, in points: accuracies `[num_sweeps, num_settings, num_seeds]`, true means without."""

    accuracy: Array
    mean: Array
    step: float = 0.0

    def lost(self, kept: list[list[int]]) -> NDArray[np.bool_]:
        """Return in which sweeps the best setting is not among those kept."""
        return np.array([int(best) not in one for best, one in zip(self.mean.argmax(axis=1), kept, strict=True)])

    def off(self, kept: list[list[int]]) -> NDArray[np.bool_]:
        """Return in which sweeps any of those kept is further than D from the best."""
        return np.array([mean.max() - mean[one].min() > WITHIN for mean, one in zip(self.mean, kept, strict=True)])


class Found(NamedTuple):
    """What a rule found in each sweep: the settings that it did not reject, its trials, and whether that is settled.

    Without `settled`, the first of those settings is the answer.
    """

    kept: list[list[int]]
    num_trials: Array
    settled: NDArray[np.bool_] | None = None


def simulated(kind: str, spread: float, means: str = "spread", num_seeds: int = 300) -> Callable[[int], Draws]:
    """Return the function that draws sweeps of a kind, whose trials have a standard deviation of so many points."""

    def draws(number: int) -> Draws:
        draw: Draw = np.random.default_rng(0)
        mean = np.array([MEANS[means](draw, NUM_SETTINGS) for _ in range(number)]) / spread
        sweeps = [ALL_KINDS[kind](draw, one, num_seeds) for one in mean]
        return Draws(
            spread * np.array([one.accuracy for one in sweeps]), spread * np.array([one.mean for one in sweeps])
        )

    return draws


def resampled(pool: str, num_seeds: int = 800) -> Callable[[int], Draws]:
    """Return the function that draws the seeds of sweeps from a pool of real runs, with replacement."""

    def draws(number: int) -> Draws:
        table, draw = 100 * read_pool(POOLS[pool].file), np.random.default_rng(0)
        seeds = draw.integers(table.shape[1], size=(number, num_seeds))
        accuracy = np.moveaxis(table[:, seeds], 0, 1)
        return Draws(accuracy, np.tile(table.mean(axis=1), (number, 1)), 100 / POOLS[pool].num_val)

    return draws


LAYOUTS: Mapping[str, Callable[[int], Draws]] = {
    "spread of a point": simulated("equal", 1.0),
    "spread of half a point": simulated("equal", 0.5),
    "log-normal spreads around half a point": simulated("log-normal spreads, 1", 0.5),
    "heavy tails, half a point": simulated("heavy tails", 0.5),
    "half a point, half of the settings near the best": simulated("equal", 0.5, "half near"),
    **{f"real runs: {pool}": resampled(pool) for pool in POOLS},
}


def ours(draws: Draws) -> Found:
    """Race as `run --until-known` does."""
    number, num_settings, num_seeds = draws.accuracy.shape
    state = Elimination(num_settings, within=WITHIN, error=ERROR, step=draws.step, num_sweeps=number)
    num_trials = np.zeros(number)
    for seed in range(num_seeds):
        for setting in range(num_settings):
            num_trials += state.is_open[:, setting]
            state.add(setting, draws.accuracy[:, setting, seed])
        state.end_round()
        if state.is_decided.all():
            break
    kept = [[int(one) for one in np.flatnonzero(row)] for row in state.remaining]
    return Found(kept, num_trials, state.is_decided)


def fixed(draws: Draws, num_seeds: int, *, keeps_equals: bool = False) -> Found:
    """Judge a fixed number of seeds once; the error is that of losing a given best setting, or any of equal ones."""
    from scipy.special import stdtrit

    number, num_settings, _ = draws.accuracy.shape
    centre = draws.accuracy[..., :num_seeds] - draws.accuracy[..., :num_seeds].mean(axis=(1, 2), keepdims=True)
    mean = centre.mean(axis=2)
    lead = mean[:, None, :] - mean[:, :, None]
    cross = centre @ np.swapaxes(centre, 1, 2)
    own = np.einsum("sii->si", cross)
    squares = own[:, :, None] + own[:, None, :] - 2 * cross - num_seeds * lead**2
    variance = np.maximum(squares / (num_seeds - 1), max(draws.step**2 / 6, 1e-12))
    level, error = ERROR / (num_settings - 1), np.sqrt(variance / num_seeds)
    room = stdtrit(num_seeds - 1, 1 - level) * error
    different = ~np.eye(num_settings, dtype=bool)
    out_level = level / num_settings if keeps_equals else level
    out = ((lead > stdtrit(num_seeds - 1, 1 - out_level) * error) & different).any(axis=2)
    pairs = ~out[:, :, None] & ~out[:, None, :] & different
    settled = ((np.abs(lead) + room <= WITHIN) | ~pairs).all(axis=(1, 2))
    kept = [[int(one) for one in np.flatnonzero(~row)] for row in out]
    return Found(kept, np.full(number, float(num_settings * num_seeds)), settled)


def best_mean(draws: Draws, num_seeds: int) -> Found:
    """Answer with the best mean of a fixed number of seeds."""
    number, num_settings, _ = draws.accuracy.shape
    kept = [[int(one)] for one in draws.accuracy[..., :num_seeds].mean(axis=2).argmax(axis=1)]
    return Found(kept, np.full(number, float(num_settings * num_seeds)))


def each(draws: Draws, rule: Callable[[Array], End]) -> Found:
    """Apply a rule to one sweep after the other."""
    ends = [rule(accuracy) for accuracy in draws.accuracy]
    return Found([end.kept for end in ends], np.array([float(end.num_trials) for end in ends]))


def found(draws: Draws) -> Iterator[tuple[str, Found]]:
    """Yield what each rule found, by the rule in words."""
    yield "ours", ours(draws)
    numbers = [number for number in SEEDS if number <= draws.accuracy.shape[2]]
    for keeps_equals, name in ((False, "judged once"), (True, "judged once, equals kept")):
        for number in numbers:
            one = fixed(draws, number, keeps_equals=keeps_equals)
            if number == numbers[-1] or (one.settled is not None and one.settled.mean() >= SETTLED):
                yield f"{number} seeds, {name}", one
                break
    for few in (5, 30):
        yield f"{few} seeds, the best mean", best_mean(draws, few)
    yield "irace, Friedman's test", each(draws, race_rules.friedman_race)
    yield "irace, t-tests", each(draws, race_rules.t_race)
    for calls in (3, 30):
        yield f"SMAC, {calls} calls", each(draws, partial(race_rules.intensification, max_config_calls=calls))
    for few in (5, 30):
        shorter = draws._replace(accuracy=draws.accuracy[..., :few])
        yield f"Optuna's WilcoxonPruner, {few} seeds", each(shorter, race_rules.wilcoxon_pruner)


def figures(draws: Draws, one: Found) -> dict[str, Any]:
    """Return the mean number of trials with its 95% interval, and how often the answer is settled or wrong."""
    number = len(one.kept)
    half = 1.96 * float(one.num_trials.std(ddof=1)) / number**0.5
    lost, off = draws.lost(one.kept), draws.off([kept[:1] for kept in one.kept])
    if one.settled is not None:  # a set that is not settled claims nothing of distances
        off = draws.off(one.kept) & one.settled
    return {
        "trials": round(float(one.num_trials.mean()), 1),
        "trials_half_width": round(half, 1),
        "settled": float("nan") if one.settled is None else round(float(one.settled.mean()), 4),
        "best_lost": float(lost.mean()),
        "best_lost_high": round(share_upper_limit(int(lost.sum()), number), 4),
        "off_by_more": float(off.mean()),
        "off_by_more_high": round(share_upper_limit(int(off.sum()), number), 4),
    }


def table(file: Path = FILE) -> list[str]:
    """Return the lines of a Markdown table: trials with their 95% interval, shares in per cent with upper limits."""
    titles = ("sweeps", "rule", "trials", "settled", "best lost (limit)", "more than D off (limit)")
    rows = [titles, ("---",) * len(titles)]
    for line in read_lines(file):
        shares = [f"{100 * line[name]:.1f} ({100 * line[f'{name}_high']:.1f})" for name in ("best_lost", "off_by_more")]
        trials = f"{line['trials']:,.0f} ± {line['trials_half_width']:.0f}".removesuffix(" ± 0")
        settled = "" if line["settled"] != line["settled"] else f"{100 * line['settled']:.0f}"
        rows.append((line["layout"], line["rule"], trials, settled, *shares))
    return [f"| {' | '.join(cells)} |" for cells in rows]


@click.command(help="Measure the LAYOUTs, all if none is named, that the CSV file does not hold yet.")
@click.argument("layouts", metavar="[LAYOUT]…", nargs=-1, type=click.Choice(list(LAYOUTS)))
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(2), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(layouts: tuple[str, ...], file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    for layout in layouts or LAYOUTS:
        if sum(line["layout"] == layout for line in lines) == NUM_RULES:
            continue
        lines = [line for line in lines if line["layout"] != layout]
        draws = LAYOUTS[layout](sweeps)
        for rule, one in found(draws):
            lines.append(
                {"layout": layout, "settings": draws.mean.shape[1], "rule": rule}
                | figures(draws, one)
                | machine(sweeps)
            )
            write_lines(file, lines)
            click.echo(lines[-1])


if __name__ == "__main__":
    main()
