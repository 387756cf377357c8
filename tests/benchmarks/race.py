"""How often does a race (`run --until-known`) lose the best setting, or call settings alike that are not?

Sweeps of each kind of `kinds`, and of some more, are drawn with 30 seeds and looked at after every row. A setting is as
good as the best if its true mean is. D is one standard deviation of a trial, a wide D is 2.5: in "best by D" the claim
that the best and another one are within D is at its limit, where it counts as false.

With `--assume any`, kinds whose configs differ in shape have 300 seeds, and one standard deviation is 2 points.

Command: python -m tests.benchmarks.race; python -m tests.benchmarks.race --assume any
Result: results/reference/benchmarks/race.csv, race_any.csv
"""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import click
import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.elimination import Assumption, Elimination
from mnist_sweep.statistics.intervals import share_upper_limit
from tests.benchmarks import race_rounds
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import KINDS, Array, Draw, Sweep

FOLDER = Path(__file__).parents[2] / "results" / "reference" / "benchmarks"
FILES: Mapping[Assumption, Path] = {"alike": FOLDER / "race.csv", "any": FOLDER / "race_any.csv"}
SEEDS: Mapping[Assumption, int] = {"alike": 30, "any": 300}
NUM_SWEEPS, WITHIN, WIDE = 2000, 1.0, 2.5
SCALE, TOP = 0.02, 0.8  # of accuracies in [0, 1]: a standard deviation of a trial, and a mean of 0
SAME = 1e-9
MOST_CELLS = 2_000_000  # pairs of settings that are simulated at once
ERRORS = (0.05, 0.01)

Kind = Callable[[Draw, Array, int], Sweep]


def _noise(draw: Draw, mean: Array, num_seeds: int) -> Array:
    return draw.standard_normal((len(mean), num_seeds))


def _one_noisy(spread: float, *, last: bool = False) -> Kind:
    def kind(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
        is_noisy = np.arange(len(mean)) == (len(mean) - 1 if last else 0)
        return Sweep(mean[:, None] + np.where(is_noisy, spread, 1.0)[:, None] * _noise(draw, mean, num_seeds), mean)

    return kind


def _gamma(draw: Draw, mean: Array, num_seeds: int) -> Array:
    """Standardised noise of skew -1: a longer tail of bad runs."""
    return 2 - draw.gamma(4.0, 0.5, (len(mean), num_seeds))


def _bimodal(share: float, fall: float, draw: Draw, mean: Array, num_seeds: int) -> Array:
    falls = draw.random((len(mean), num_seeds)) < share
    return _noise(draw, mean, num_seeds) - fall * (falls - share)


def _alike(noise: Callable[[Draw, Array, int], Array]) -> Kind:
    return lambda draw, mean, num: Sweep(mean[:, None] + noise(draw, mean, num), mean)


def _unlike(noise: Callable[[Draw, Array, int], Array], other: Callable[[Draw, Array, int], Array]) -> Kind:
    def kind(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
        odd = (np.arange(len(mean)) % 2 == 1)[:, None]
        return Sweep(mean[:, None] + np.where(odd, noise(draw, mean, num_seeds), other(draw, mean, num_seeds)), mean)

    return kind


def _rounded(step: float) -> Kind:
    def kind(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
        from scipy.special import ndtr

        grid = np.arange(-60, 61) * step
        share = ndtr(grid + step / 2 - mean[:, None]) - ndtr(grid - step / 2 - mean[:, None])
        exact = mean[:, None] + _noise(draw, mean, num_seeds)
        return Sweep(np.round(exact / step) * step, share @ grid)

    return kind


def _missing(draw: Draw, mean: Array, num_seeds: int) -> Sweep:
    accuracy = mean[:, None] + _noise(draw, mean, num_seeds)
    return Sweep(np.where(draw.random(accuracy.shape) < 0.1, np.nan, accuracy), mean)


def _bimodal_seeds(draw: Draw, mean: Array, num_seeds: int) -> Array:
    return _bimodal(0.2, 4.0, draw, mean, num_seeds)


def _rare_collapse(draw: Draw, mean: Array, num_seeds: int) -> Array:
    return _bimodal(0.05, 30.0, draw, mean, num_seeds)


ALL_KINDS: Mapping[str, Kind] = {
    **KINDS,
    "last 5 times as noisy": _one_noisy(5, last=True),
    "first 20 times as noisy": _one_noisy(20),
    "last 20 times as noisy": _one_noisy(20, last=True),
    "skew -1, alike": _alike(_gamma),
    "skew -1, unlike": _unlike(_gamma, lambda *given: -_gamma(*given)),
    "bimodal, alike": _alike(_bimodal_seeds),
    "bimodal, unlike": _unlike(_bimodal_seeds, _noise),
    "rare collapse, unlike": _unlike(_rare_collapse, _noise),
    "rounded to 1/3": _rounded(1 / 3),
    "rounded to 2": _rounded(2.0),
    "10% missing": _missing,
}
STEPS = {"rounded to 1/3": 1 / 3, "rounded to 2": 2.0, "near 1": 0.2}


def _first_ahead(lead: float) -> Callable[[Draw, int], Array]:
    return lambda draw, num: np.where(np.arange(num), 0.0, lead)


MEANS: Mapping[str, Callable[[Draw, int], Array]] = {
    "equal": lambda draw, num: np.zeros(num),
    "best by D/2": _first_ahead(WITHIN / 2),
    "best by D": _first_ahead(WITHIN),
    "best by 2D": _first_ahead(2 * WITHIN),
    "best by a wide D": _first_ahead(WIDE),
    "half near": lambda draw, num: np.where(np.arange(num) % 2, -draw.uniform(0, WITHIN, num), -3 * WITHIN),
    "spread": lambda draw, num: draw.normal(0, 2 * WITHIN, num),
}
"""True means of settings, in standard deviations of a trial."""
DELTAS = {"best by a wide D": WIDE}
SMALL, LARGE = (2, 4, 10), (40, 200)
ANY_KINDS = ("equal", "skew -1, unlike", "bimodal, unlike", "rare collapse, unlike")
ANY_MEANS = ("equal", "best by D", "best by a wide D")
LAYOUTS: Mapping[Assumption, tuple[tuple[int, str, str, float], ...]] = {
    "alike": tuple(
        (num, kind, means, error)
        for num, means, error, kind in itertools.product((*SMALL, *LARGE), MEANS, ERRORS, ALL_KINDS)
    ),
    "any": tuple(
        (num, kind, means, error)
        for num, means, error, kind in itertools.product(SMALL, ANY_MEANS, ERRORS, reversed(ANY_KINDS))
    ),
}
"""Settings, kind of data, their means, and the error that is asked for."""


def simulate(
    num: int, kind: str, means: str, error: float, num_sweeps: int = NUM_SWEEPS, assume: Assumption = "alike"
) -> dict[str, Any]:
    """Return how often, in so many sweeps, the best setting was lost or a claim false, and what share of trials ran."""
    step = STEPS.get(kind, 0.0)
    return figures(ALL_KINDS[kind], num, means, error, num_sweeps=num_sweeps, step=step, assume=assume)


def figures(
    kind: Kind,
    num: int,
    means: str,
    error: float,
    *,
    num_sweeps: int,
    step: float | None,
    assume: Assumption = "alike",
) -> dict[str, Any]:
    """Return what `simulate` does, of a kind that has no name here; a step of None is found in the values."""
    draw, counts, num_seeds = np.random.default_rng(num), np.zeros(8), SEEDS[assume]
    num_at_once = max(1, min(num_sweeps, MOST_CELLS // num**2 * 30 // num_seeds))
    for start in range(0, num_sweeps, num_at_once):
        number = min(num_at_once, num_sweeps - start)
        drawn = [kind(draw, MEANS[means](draw, num), num_seeds) for _ in range(number)]
        counts += race(drawn, DELTAS.get(means, WITHIN), error, step, assume)
    lost, some_lost, all_lost, false, nearer, within, one, trials = counts.tolist()
    risks = {"best_lost": lost, "some_best_lost": some_lost, "all_best_lost": all_lost, "false_within": false}
    risks["false_distance"] = nearer
    limits = {f"{name}_high": round(share_upper_limit(int(count), num_sweeps), 4) for name, count in risks.items()}
    shares = risks | {"ended_within": within, "ended_with_one": one, "trials": trials / num / num_seeds}
    return {name: round(count / num_sweeps, 4) for name, count in shares.items()} | limits


def race(sweeps: list[Sweep], within: float, error: float, step: float | None, assume: Assumption = "alike") -> Array:
    """Return in how many sweeps the first best, some and all best were lost, "within D" was false, ...; and trials."""
    accuracy, mean = (np.array([getattr(sweep, name) for sweep in sweeps]) for name in ("accuracy", "mean"))
    if assume == "any":
        accuracy, mean, within = TOP + SCALE * accuracy, TOP + SCALE * mean, SCALE * within
    if accuracy.shape[1] >= min(LARGE) and assume == "alike" and step is not None:
        found = one_by_one(accuracy, within, error, step)
    else:
        found = at_once(accuracy, within, error, step, assume)
    best = mean >= mean.max(axis=1, keepdims=True) - SAME
    lowest = np.where(found.remaining, mean, np.inf).min(axis=1)
    highest = np.where(found.remaining, mean, -np.inf).max(axis=1)
    lost = best & ~found.remaining
    ends = [
        lost[np.arange(len(best)), best.argmax(axis=1)],
        lost.any(axis=1),
        (lost == best).all(axis=1),
        found.within & (highest - lowest >= within - SAME),
        (found.remaining.sum(axis=1) > 1) & (highest - lowest > found.distance + SAME),
        found.within,
        found.remaining.sum(axis=1) == 1,
    ]
    return np.array([*(int(end.sum()) for end in ends), found.num_trials.sum()], np.float64)


class Ends(NamedTuple):
    """How races ended: who remains, `[num_sweeps, num_settings]`, and of each sweep what `Elimination` says."""

    remaining: NDArray[np.bool_]
    within: NDArray[np.bool_]
    distance: Array
    num_trials: NDArray[np.intp]


def at_once(accuracy: Array, within: float, error: float, step: float | None, assume: Assumption = "alike") -> Ends:
    """Race all sweeps together, row by row."""
    num_sweeps, num_settings, num_seeds = accuracy.shape
    found = Elimination(num_settings, within=within, error=error, step=step, assume=assume, num_sweeps=num_sweeps)
    num_trials = np.zeros(num_sweeps, np.intp)
    for seed, setting in itertools.product(range(num_seeds), range(num_settings)):
        num_trials += found.is_open[:, setting]
        found.add(setting, accuracy[:, setting, seed])
        if setting == num_settings - 1:
            found.end_round()
    return Ends(found.remaining, found.within, found.distance, num_trials)


def one_by_one(accuracy: Array, within: float, error: float, step: float) -> Ends:
    """Race one sweep after the other, round by round, which is faster where there are many settings."""
    ends = [race_rounds.run(one, within=within, error=error, step=step) for one in accuracy]
    remaining = np.array([np.isin(np.arange(accuracy.shape[1]), end.alive) for end in ends])
    found = [(end.within, end.distance, end.num_trials) for end in ends]
    return Ends(remaining, *(np.array(part) for part in zip(*found, strict=True)))


def table(file: Path = FILES["alike"]) -> list[str]:
    """Return the lines of a Markdown table: by kind, the largest shares over the layouts of means, in per cent."""
    found: dict[tuple[str, int, float], list[tuple[float, float]]] = {}
    for line in read_lines(file):
        place = line["kind"], line["num_settings"], line["error"]
        found.setdefault(place, []).append((line["some_best_lost"], line["false_within"]))
    columns = [(num, error) for error in ERRORS for num in (*SMALL, *LARGE) if (ANY_KINDS[0], num, error) in found]
    titles = [f"{num} configs, error {100 * error:g}%" for num, error in columns]
    lines = [["kind", *titles], ["---"] * (1 + len(columns))]
    for kind in ALL_KINDS:
        cells = [found.get((kind, *column), []) for column in columns]
        largest = [[max(shares) for shares in zip(*cell, strict=True)] for cell in cells]
        lines.append([kind, *(", ".join(f"{100 * share:.1f}" for share in shares) for shares in largest)])
    return [f"| {' | '.join(cells)} |" for cells in lines]


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--assume", type=click.Choice(get_args(Assumption)), default="alike", help="As in `run`.")
@click.option("--file", type=click.Path(path_type=Path), help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
@click.option("--settings", type=int, multiple=True, default=(*SMALL, *LARGE), help="Numbers of settings.")
def main(assume: Assumption, file: Path | None, sweeps: int, settings: tuple[int, ...]) -> None:
    file = file or FILES[assume]
    lines = read_lines(file)
    measured = {(line["num_settings"], line["kind"], line["means"], line["error"]) for line in lines}
    for num, kind, means, error in LAYOUTS[assume]:
        if num not in settings or (num, kind, means, error) in measured:
            continue
        found = simulate(num, kind, means, error, sweeps, assume)
        lines.append({"num_settings": num, "kind": kind, "means": means, "error": error} | found | machine(sweeps))
        write_lines(file, lines)
        click.echo(f"{num} settings, {kind}, {means}, error {error}: {found}")


if __name__ == "__main__":
    main()
