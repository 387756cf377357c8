"""The work of a run: the trials of a sweep that have no row, and those that its search will propose."""

import functools
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ConfigError
from mnist_sweep.results import saved_race
from mnist_sweep.search import pending_proposals, saved_objectives
from mnist_sweep.search.pbt import Population
from mnist_sweep.search.search import PBT, Search
from mnist_sweep.sweep.inputs import RunInputs
from mnist_sweep.sweep.sweep import Sweep
from mnist_sweep.text.names import varying
from mnist_sweep.training.fitting import validate
from mnist_sweep.trials.config import TrialConfig, config_id, to_flat, trial_id
from mnist_sweep.trials.events import RaceForecast
from mnist_sweep.trials.ids import config_of
from mnist_sweep.trials.kinds import code_key, data_key
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.user_code import shipping
from mnist_sweep.trials.user_code.reachable_code import own_parts
from mnist_sweep.validation import require

if TYPE_CHECKING:  # what only races and searches need is imported where they are run
    from mnist_sweep.search.ask_and_tell import Proposals
    from mnist_sweep.search.race import Known, Race
    from mnist_sweep.search.race_trials import RaceTrials


class RemainingTrials:
    """The trials that a run has to do, of those that a sweep lists, its search or its race; `rows` are in its folder.

    Attributes:
        trials: All trials known so far, by id, in their order; a search adds to them.
        missing: Those that had no row when the run started, or one to be replaced.
        work_ids: Ids of the missing trials, and `proposal-0`, `proposal-1`, ... for those that the search may propose.
        definitions: The user's own classes and functions in all trials, proposed ones included, by their names in rows.
        population: The population whose rounds are to run; None for other sweeps.
        proposable: Trials that stand for those that may be proposed: the corners of a search's space, or a race's
            settings.
        notes: What the user should know before the first trial, in lines.

    Raises:
        SweepError: A row, a proposal, the search or the race cannot be used; nothing has been written. What writes
            later raises LedgerError if the results folder cannot be written.
    """

    def __init__(
        self,
        sweep: Sweep,
        *,
        folder: Path,
        rows: Mapping[str, TrialRow],
        retry: Collection[Status] = (),
        inputs: RunInputs | None = None,
    ) -> None:
        self.inputs, self.notes = inputs or RunInputs(), list[str]()
        search = None if sweep.until else sweep.search
        self._objectives = sweep.search.objectives if sweep.search else ()
        kept = {name: row for name, row in rows.items() if row.status not in retry}
        self.population = Population(search, kept.values()) if search and isinstance(search.algorithm, PBT) else None
        self._racing = _racing(sweep, sweep.until, kept, self.inputs, folder) if sweep.until else None
        rounds = self.population or self._racing
        found = rounds.trials if rounds else _found(search, folder, rows)
        self.trials = dict(found) if rounds else {trial_id(trial): trial for trial in sweep.trials} or dict(found)
        settings = [*self._racing.settings.values()] if self._racing else []
        self.proposable = search.ends() if search else settings
        self.definitions = shipping.own_definitions([*self.trials.values(), *self.proposable])
        self.fields = search.fields if search else varying(map(to_flat, self.trials.values()))
        self.missing = {name: trial for name, trial in self.trials.items() if name not in kept}
        self._folder, self._search = folder, search
        self.measure = next(iter([*self.trials.values(), *self.proposable])).measure
        self._known = {*self.trials, *rows}
        most = self._racing.race.max_trials if self._racing else search.num_trials if search else 0
        self._num_trials = max(len(self.trials), most)
        self._proposals: Proposals | Population | RaceTrials | None = rounds
        if search and not self.population and len(self.trials) < self._num_trials:
            from mnist_sweep.search import ask_and_tell

            known = [row for name, row in kept.items() if name in self.trials]
            self._proposals = ask_and_tell.Proposals(search, known, pending=self.missing)
        if self.race:
            from mnist_sweep.search import race_summary

            self.notes += race_summary.opening(self.race)
        self.work_ids = (*self.missing, *(f"proposal-{number}" for number in range(self.num_proposals)))

    @functools.cached_property
    def datasets(self) -> dict[Any, Dataset]:
        """The data set of every `trial.data`, loaded once.

        Raises:
            SweepError: A data set cannot be loaded, or a trial cannot be trained on its own.
        """
        proposed = self.proposable if self._proposals else []
        datasets: dict[Any, Dataset] = {}
        with self.inputs:
            for trial in [*self.missing.values(), *proposed]:
                if trial.data not in datasets:
                    datasets[trial.data] = self.inputs.dataset(trial.data)
                    self.inputs.digests(trial)
                    self.notes += self.inputs.notes(trial.data)
                validate(trial, datasets[trial.data])
        return datasets

    @property
    def digests_by_key(self) -> dict[str, str]:
        """The digests of the data sets and of the user's own code, by `kinds.data_key` and `code_key`."""
        found: dict[str, str] = {}
        proposed = self.proposable if self._proposals else []
        for trial in {(trial.data, own_parts(trial)): trial for trial in [*self.missing.values(), *proposed]}.values():
            flat, digests = to_flat(trial), self.inputs.digests(trial)
            found |= {data_key(flat): digests.data, code_key(flat): digests.code or ""}
        return found

    @property
    def race(self) -> "Race | None":
        """The race that is run; None for other sweeps."""
        return self._racing.race if self._racing else None

    def forecast(self, num_workers: int) -> RaceForecast | None:
        """Return the forecast of the race with this many trials at a time, if there is a new one; else None."""
        return self._racing.forecast(num_workers) if self._racing else None

    @property
    def num_trials(self) -> int:
        """Trials of the sweep, those that its search may still propose among them."""
        return len(self.trials) if self._proposals and self._proposals.exhausted else self._num_trials

    @property
    def num_proposals(self) -> int:
        """Trials that the search may still propose."""
        return self.num_trials - len(self.trials) if self._proposals else 0

    @property
    def several_seeds(self) -> bool:
        """Whether a missing trial is of a config that has another trial, here or in the results folder."""
        count = Counter(map(config_of, self._known))
        return self._racing is not None or any(count[config_of(name)] > 1 for name in self.missing)

    @property
    def max_concurrent(self) -> int:
        """Trials that can run at a time: of a population, as many as it has members."""
        num_work = len(self.work_ids)
        return min(num_work, self.population.size) if self.population else num_work

    @property
    def upcoming(self) -> list[TrialConfig]:
        """Stand-ins for the trials that the search may propose, to plan with."""
        if rounds := self.population or self._racing:
            return rounds.upcoming
        return [self._search.base] * self.num_proposals if self._search else []

    @property
    def note(self) -> str | None:
        """What the user should know of the search, in one line, or None."""
        return self._proposals.warning if self._proposals else None

    def save_settings(self) -> None:
        """Write into the results folder the objectives of a search, and what a race depends on besides its rows."""
        saved_objectives.write(self._folder, self._objectives)
        if self.race:
            saved_race.write(self._folder, self.race)

    def propose(self) -> TrialConfig | None:
        """Return one more trial to run, recorded in the results folder; None if there is none, or none now."""
        trial = self._proposals.ask() if self._proposals and self.num_proposals else None
        if trial:
            validate(trial, self.datasets[trial.data])
            if self._search:
                pending_proposals.write(self._folder, trial)
            self.trials[trial_id(trial)] = self.missing[trial_id(trial)] = trial
        return trial

    def tell(self, row: TrialRow) -> list[str]:
        """Tell the search a committed row; return what the user should know of it, in lines."""
        lines = self._proposals.tell(row) if self._proposals else None
        if self.population:  # later rounds may have rows already
            self.trials |= self.population.finished
        pending_proposals.delete(self._folder, row.trial_id)
        return lines or []


def _racing(
    sweep: Sweep, until: "Known", kept: Mapping[str, TrialRow], inputs: RunInputs, folder: Path
) -> "RaceTrials":
    """Return the trials of a race, with the number of images that its rows were judged on if there are any."""
    from mnist_sweep.search.race_trials import RaceTrials

    search = sweep.search
    trials = _candidates(search, folder, kept) if search else sweep.trials
    sources = {trial.data for trial in trials}
    if len(sources) > 1:
        rule = "a race compares settings on the same validation images"
        raise ConfigError(f"{rule}, but the trials have {len(sources)} data sets: race those of each on their own.")
    saved, settings = saved_race.read(folder), {*map(config_id, trials)}
    has_rows = any(row.config_id in settings for row in kept.values())  # which are not stale, so that data are the same
    is_known = saved is not None and has_rows and {*saved.settings} == settings
    num_val = saved.num_val if saved and is_known else len(inputs.dataset(sources.pop()).val)
    first, by_image = search.base.seed + 1 if search else 0, saved_race.by_image(folder)
    return RaceTrials(trials, until, kept.values(), num_val=num_val, by_image=by_image, first_seed=first)


def _candidates(search: Search, folder: Path, kept: Mapping[str, TrialRow]) -> list[TrialConfig]:
    """Return the trials of a search that succeeded; which these are does not depend on any of the race's seeds.

    Raises:
        ConfigError: The search has not ended, or found fewer than two.
    """
    found = _found(search, folder, kept)
    ended = [name for name in found if name in kept]
    if len(ended) < search.num_trials:
        begins = f"a race of a search begins when its {search.num_trials:,} trials have run, but {len(ended):,} have"
        no_more = f"; if it proposes no more, set its num_trials to {len(ended):,}" if ended else ""
        raise ConfigError(f"{begins}: run the search first, without a race{no_more}.")
    good = sorted(name for name in ended if kept[name].status is Status.OK and kept[name].val is not None)
    require(len(good) >= 2, "a search has found at least 2 configs that can be raced", num_configs=len(good))
    return [found[name] for name in good]


def _found(search: Search | None, folder: Path, rows: Mapping[str, TrialRow]) -> dict[str, TrialConfig]:
    """Return the trials that earlier runs of a search proposed, without those outside of its space."""
    if not search:
        return {}
    flats = {name: row.config for name, row in rows.items()} | pending_proposals.read(folder)
    points = ((name, search.find(name, flat)) for name, flat in flats.items())
    return {name: search.trial(point) for name, point in points if point is not None}
