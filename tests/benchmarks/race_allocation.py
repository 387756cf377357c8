"""Would a race take fewer trials if seeds were not given to all settings that remain in turn?

`rounds` gives each that remains one more seed, as a race does. `parked` leaves out those that are shown to be within D
of all others that remain. `nearest` gives the next seed to the leader or the setting whose pair with it, by what was
seen, needs the fewest seeds to be decided. All look after every row, with the same evidence of seeds that two settings
share; a setting that lags shares fewer. "Spread" are normal means with a standard deviation of 2, that of a trial is 1.

Command: python -m tests.benchmarks.race_allocation
Result: results/reference/benchmarks/race_allocation.csv
"""

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.intervals import share_upper_limit
from mnist_sweep.statistics.pair_evidence import log_evidence, standardized_mean
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Array, Sweep
from tests.benchmarks.race import ALL_KINDS, FOLDER, MEANS

FILE = FOLDER / "race_allocation.csv"
NUM_SWEEPS, NUM_SEEDS, ERROR = 200, 200, 0.05


class Pairs:
    """What all pairs of a sweep show after each number of shared seeds, and what a race of it has decided."""

    def __init__(self, accuracy: Array, within: float) -> None:
        num, (self.number, num_seeds) = np.arange(1, accuracy.shape[1] + 1.0), accuracy.shape
        lead = np.moveaxis(accuracy[None] - accuracy[:, None], 2, 0)
        self.mean = lead.cumsum(axis=0) / num[:, None, None]
        squares = (lead**2).cumsum(axis=0) - num[:, None, None] * self.mean**2
        self.variance = np.maximum(squares / np.maximum(num - 1, 1)[:, None, None], 1e-12)
        logs = log_evidence(np.maximum(num, 2)[:, None, None], self.mean, self.variance)
        self.threshold, self.within = (self.number - 1) / ERROR, within
        self._evidence = np.exp(np.minimum(logs, np.log(2 * self.number * self.threshold)))
        room = np.array([standardized_mean(n, float(np.log(self.threshold))) for n in range(1, num_seeds + 1)])
        self._distance = np.abs(self.mean) + room[:, None, None] * np.sqrt(self.variance)
        self._own = accuracy.cumsum(axis=1) / num
        self.seeds, self.remaining = np.zeros(self.number, np.int64), np.ones(self.number, np.bool_)
        self.total, self.frozen = np.zeros(self.number), np.ones((self.number, self.number))
        self.distance = np.full((self.number, self.number), np.inf)

    def add(self, setting: int) -> None:
        """Give a setting a seed, and eliminate who is shown to be worse."""
        self.seeds[setting] += 1
        for other in np.flatnonzero(self.remaining):
            shared = min(self.seeds[setting], self.seeds[other])
            if other != setting and shared >= 2:
                at, back = (setting, other), (other, setting)
                self.frozen[at], self.frozen[back] = self._evidence[shared - 1][at], self._evidence[shared - 1][back]
                self.distance[at] = self.distance[back] = min(self.distance[at], self._distance[shared - 1][at])
        self.total = self.frozen.sum(axis=1) - 1
        weak = self.remaining & (self.total < self.threshold)
        needed = (1 + weak.sum()) * self.threshold - self.total[weak].sum()
        worse = self.remaining & ~weak & (self.total >= needed)
        if not (worse == self.remaining).all():
            self.remaining &= ~worse

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Pairs that remain and are not shown to be within D: bool `[num_settings, num_settings]`."""
        pairs = np.triu(self.remaining[:, None] & self.remaining, 1)
        return np.asarray(pairs & (self.distance > self.within))

    def needed(self) -> Array:
        """Return about how many more seeds decide each pair, by what was seen."""
        shared = np.maximum(np.minimum(self.seeds[:, None], self.seeds), 2)
        at = (shared - 1, *np.indices((self.number, self.number)))
        mean, variance = np.abs(self.mean[at]), self.variance[at]
        way = np.maximum(np.maximum(mean, self.within - mean), 1e-9)
        return np.asarray(2 * np.log(self.threshold) * variance / way**2 - shared)

    @property
    def leader(self) -> int:
        """The setting with the best mean, of those that remain."""
        own = self._own[np.arange(self.number), np.maximum(self.seeds - 1, 0)]
        return int(np.where(self.remaining, own, -np.inf).argmax())


def rounds(pairs: Pairs) -> Iterable[int]:
    """Return all that remain."""
    return [int(one) for one in np.flatnonzero(pairs.remaining)]


def parked(pairs: Pairs) -> Iterable[int]:
    """Return all that remain and have an undecided pair."""
    undecided = pairs.undecided
    return [int(one) for one in np.flatnonzero((undecided | undecided.T).any(axis=1))]


def nearest(pairs: Pairs) -> Iterable[int]:
    """Return the settings of the undecided pair that needs the fewest seeds, with the leader if any is."""
    if (pairs.seeds[pairs.remaining] < 3).any():
        return rounds(pairs)
    undecided, leader = pairs.undecided, pairs.leader
    undecided = undecided | undecided.T
    if undecided[leader].any():
        undecided &= (np.arange(pairs.number) == leader)[:, None]
    pair = np.unravel_index(np.where(undecided, pairs.needed(), np.inf).argmin(), undecided.shape)
    fewest = min(pairs.seeds[one] for one in pair)
    return [int(one) for one in pair if pairs.seeds[one] == fewest]


POLICIES: dict[str, Callable[[Pairs], Iterable[int]]] = {"rounds": rounds, "parked": parked, "nearest": nearest}


def run(sweep: Sweep, policy: Callable[[Pairs], Iterable[int]], within: float) -> tuple[int, bool, bool, int]:
    """Return the trials of a race, whether it was decided, whether it lost the best, and the trials of who left."""
    pairs = Pairs(sweep.accuracy, within)
    while pairs.undecided.any() and pairs.seeds.max() < sweep.accuracy.shape[1]:
        for setting in policy(pairs):
            if pairs.remaining[setting] and pairs.undecided.any():
                pairs.add(setting)
    lost = not pairs.remaining[sweep.mean.argmax()]
    return int(pairs.seeds.sum()), not pairs.undecided.any(), lost, int(pairs.seeds[~pairs.remaining].sum())


def simulate(num: int, kind: str, means: str, within: float, num_sweeps: int) -> dict[str, Any]:
    """Return by policy the trials over those of rounds, and the shares of races decided and of best ones lost."""
    draw = np.random.default_rng(num)
    sweeps = [ALL_KINDS[kind](draw, MEANS[means](draw, num), NUM_SEEDS) for _ in range(num_sweeps)]
    ends = {name: np.array([run(sweep, POLICIES[name], within) for sweep in sweeps], np.float64) for name in POLICIES}
    trials, of_those_out = ends["rounds"][:, 0].mean(), ends["rounds"][:, 3].mean()
    found: dict[str, Any] = {"trials": round(float(trials), 1), "of_those_out": round(float(of_those_out / trials), 4)}
    for name, end in ends.items():
        ratio = end[:, 0].sum() / ends["rounds"][:, 0].sum()
        spread = (end[:, 0] - ratio * ends["rounds"][:, 0]).std(ddof=1) / ends["rounds"][:, 0].mean()
        figures = {"ratio": ratio, "half_width": 1.96 * spread / num_sweeps**0.5, "decided": end[:, 1].mean()}
        figures |= {"lost": end[:, 2].mean(), "lost_high": share_upper_limit(int(end[:, 2].sum()), num_sweeps)}
        found |= {f"{name}_{figure}": round(float(value), 4) for figure, value in figures.items()}
    return found


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(2), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    measured = {(line["num_settings"], line["kind"], line["means"], line["within"]) for line in lines}
    kinds = ("equal", "log-normal spreads, 1")
    for layout in itertools.product((10, 40), kinds, ("spread", "half near"), (1.0, 2.0)):
        if layout in measured:
            continue
        named = dict(zip(("num_settings", "kind", "means", "within"), layout, strict=True))
        lines.append(named | simulate(*layout, sweeps) | machine(sweeps))
        write_lines(file, lines)
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
