"""The trials of a race, as those of a search: each is asked for when it is needed, and rows are told."""

import functools
import math
from collections.abc import Iterable

from mnist_sweep.search import race_summary
from mnist_sweep.search.race import ByImage, Known, Race
from mnist_sweep.search.race_forecast import forecast
from mnist_sweep.statistics.race_evidence import MIN_SEEDS
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.config import TrialConfig, config_id, with_seed
from mnist_sweep.trials.events import RaceForecast
from mnist_sweep.trials.ids import trial_name
from mnist_sweep.trials.row import TrialRow


class RaceTrials:
    """The trials of a race, given the rows that exist.

    Trials of a later round are asked for while those of this one still run, so that no worker waits.

    Attributes:
        race: What has been decided.
        settings: A trial of each setting, by its config's id.
        trials: All trials so far, by id: those that have rows, those that were asked for, and those of the first two
            rounds, since two seeds of each setting are needed.
        warning: None; other searchers may have something to report.
    """

    warning: str | None = None

    def __init__(
        self,
        trials: Iterable[TrialConfig],
        known: Known,
        rows: Iterable[TrialRow],
        *,
        num_val: int,
        by_image: ByImage | None = None,
        first_seed: int = 0,
    ) -> None:
        self.settings = {config_id(trial): with_seed(trial, 0) for trial in trials}
        measure = next(iter(self.settings.values())).measure
        race = functools.partial(Race, [*self.settings], known, num_val=num_val, measure=measure, rows=rows)
        self.race = race(by_image=by_image, first_seed=first_seed)
        self._forecast_from = MIN_SEEDS  # rounds
        self.trials = {name: self._trial(row.config_id, row.config["seed"]) for name, row in self.race.rows.items()}
        for setting, seed in self.race.lacking():
            if seed < first_seed + MIN_SEEDS:
                self.trials[trial_name(setting, seed)] = self._trial(setting, seed)

    @property
    def exhausted(self) -> bool:
        """Whether the race has ended."""
        return self.race.end is not None

    @property
    def upcoming(self) -> list[TrialConfig]:
        """The trials that may be asked for, at most: up to the last seed of the settings that remain."""
        lacking = (pair for pair in self.race.lacking() if trial_name(*pair) not in self.trials)
        return [self._trial(*pair) for pair in lacking]

    def ask(self) -> TrialConfig | None:
        """Return the next trial that is needed and was not returned yet; None if there is none."""
        for setting, seed in self.race.lacking():
            if (name := trial_name(setting, seed)) not in self.trials:
                self.trials[name] = self._trial(setting, seed)
                return self.trials[name]
        return None

    def tell(self, row: TrialRow) -> list[str]:
        """Take a row; return a line for each setting that is out by it, or gets no more seeds."""
        num_out, num_closed = len(self.race.departures), len(self.race.closed)
        self.race.add(row)
        changed = [*self.race.departures][num_out:] + [*self.race.closed][num_closed:]
        return race_summary.news(self.race, dict.fromkeys(changed))

    def forecast(self, num_workers: int) -> RaceForecast | None:
        """Return how the race is expected to go on, if it has had a quarter more rounds than when that was returned."""
        num_seeds = len(self.race.rounds)
        found = forecast(self.race, num_workers) if num_seeds >= self._forecast_from else None
        if found is None:
            return None
        self._forecast_from = math.floor(1.25 * num_seeds) + 1
        remain = f"{len(self.race.remaining)} of {counted(len(self.race.settings), 'config')} remain"
        num_trials = len(self.race.rows) + round(found.trials.middle)
        return RaceForecast(text=f"after {num_seeds} seeds {remain}; to run: {found}", num_trials=num_trials)

    def _trial(self, setting: str, seed: int) -> TrialConfig:
        return with_seed(self.settings[setting], seed)
