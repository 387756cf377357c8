"""How often does the forecast of a race cover the trials that it then takes?

Races of some kinds of `tests.benchmarks.race` are run to their end, and forecast after 2, 3, 5 and 9 seeds unless they
have ended. D is one standard deviation of a trial for 2 and 4 settings, two for 10.

Command: python -m tests.benchmarks.race_forecast
Result: results/reference/benchmarks/race_forecast.csv
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from mnist_sweep.search.race_forecast import Forecast
from mnist_sweep.statistics.elimination import Elimination
from mnist_sweep.statistics.race_simulation import from_seen
from tests.benchmarks.contest import machine, read_lines, write_lines
from tests.benchmarks.kinds import Draw
from tests.benchmarks.race import ALL_KINDS, FOLDER, MEANS, SEEDS

FILE = FOLDER / "race_forecast.csv"
NUM_SWEEPS, AFTER = 500, (2, 3, 5, 9)
WITHIN = {2: 1.0, 4: 1.0, 10: 2.0}
FORECAST_KINDS = ("equal", "log-normal spreads, 1", "shared seeds", "heavy tails", "bimodal, alike", "10% missing")


def simulate(
    num: int, kind: str, means: str, after: Sequence[int] = AFTER, num_sweeps: int = NUM_SWEEPS
) -> dict[int, dict[str, float]]:
    """Return, by the seeds after which it is made, how often a forecast covers, and its median error."""
    draw, found = np.random.default_rng(num), dict[int, list[tuple[Forecast, int]]]()
    for _ in range(num_sweeps):
        forecasts, num_trials = _raced(draw, num, kind, means, after)
        for seeds, (forecast, num_before) in forecasts.items():
            found.setdefault(seeds, []).append((forecast, num_trials - num_before))
    return {
        seeds: {
            "races": len(pairs),
            "covered": float(np.mean([one.trials.low <= truth <= one.trials.high for one, truth in pairs])),
            "middle_over_truth": float(np.median([one.trials.middle / max(truth, 1) for one, truth in pairs])),
            "width_over_truth": float(
                np.median([(one.trials.high - one.trials.low) / max(truth, 1) for one, truth in pairs])
            ),
        }
        for seeds, pairs in found.items()
    }


def _raced(
    draw: Draw, num: int, kind: str, means: str, after: Sequence[int]
) -> tuple[dict[int, tuple[Forecast, int]], int]:
    """Return the forecasts of a race with the trials that it had had, and those that it had in the end."""
    accuracy = ALL_KINDS[kind](draw, MEANS[means](draw, num), SEEDS["alike"]).accuracy
    state, num_trials = Elimination(num, within=WITHIN.get(num, 1.0), error=0.05), 0
    forecasts: dict[int, tuple[Forecast, int]] = {}
    for seed, setting in itertools.product(range(SEEDS["alike"]), range(num)):
        num_trials += int(state.is_open[0, setting])
        state.add(setting, accuracy[[setting], seed])
        if setting == num - 1:
            state.end_round()
            if seed + 1 in after and not state.is_decided[0]:
                ends = from_seen(state, (seed + 1) * num, SEEDS["alike"])
                forecasts |= {seed + 1: (Forecast.of(ends), num_trials)} if ends else {}
    return forecasts, num_trials


@click.command(help="Measure every layout that the CSV file does not hold yet.")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The CSV file.")
@click.option("--sweeps", type=click.IntRange(1), default=NUM_SWEEPS, show_default=True, help="Of each layout.")
def main(file: Path, sweeps: int) -> None:
    lines = read_lines(file)
    measured = {(line["num_settings"], line["kind"], line["means"]) for line in lines}
    for num, means, kind in itertools.product(WITHIN, ("equal", "best by 2D", "spread"), FORECAST_KINDS):
        if (num, kind, means) in measured:
            continue
        for seeds, figures in simulate(num, kind, means, num_sweeps=sweeps).items():
            layout = {"num_settings": num, "kind": kind, "means": means, "seeds": seeds}
            lines.append(layout | {name: round(value, 4) for name, value in figures.items()} | machine(sweeps))
        write_lines(file, lines)
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
