"""A sweep: a name, and the trials to run under it, listed or searched for."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.dataset import Dataset, DataSource
from mnist_sweep.errors import ConfigError
from mnist_sweep.optim.image_contributions import contributes_by_image
from mnist_sweep.results.lookup import SHORTEST_PREFIX
from mnist_sweep.search.grids import repeat
from mnist_sweep.search.search import PBT, Search
from mnist_sweep.trials.config import Precision, TrialConfig, config_id, trial_id
from mnist_sweep.trials.value_format import Measure
from mnist_sweep.validation import require, require_at_least, shown_in_one_line

if TYPE_CHECKING:
    from mnist_sweep.search.race import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A name, and either a list of trials or a search for good ones.

    Attributes:
        name: Name of its results folder: letters, digits, `.`, `_` and `-`.
        trials: What to run; no two are alike.
        search: What to search.
        code: Folders that the trials' own models and data sets are imported from; a script's is added when it is
            loaded.
        until: When a race between the configs of `trials` ends: each runs with the seeds 0, 1, 2 and so on instead of
            its own until the best is known. Configs that a search has found run with the seeds after that of its base.
            None runs the trials as they are listed.
        loaded: Data sets of the trials that have been loaded already, by their sources; `run` loads the others.
    """

    name: str
    trials: Sequence[TrialConfig] = ()
    search: Search | None = None
    code: Sequence[Path] = ()
    until: "Known | None" = None
    loaded: Mapping[Any, Dataset] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", str(self.name)) or not isinstance(self.name, str):
            rule = "a sweep's name must be 1 to 100 letters, digits, `.`, `_` or `-`, not starting with `.` or `-`"
            raise ConfigError(f"{rule}, but got name={self.name!r}.")
        object.__setattr__(self, "trials", _listed(self.trials))
        object.__setattr__(self, "code", tuple(self.code))
        if self.search is not None and not isinstance(self.search, Search):
            raise ConfigError(f"a sweep's search must be a Search, but got {shown_in_one_line(self.search)}.")
        require(bool(self.trials) or self.search is not None, "a sweep has at least one trial", trials=self.trials)
        require(not self.trials or self.search is None, "a sweep lists trials or has a search", trials=len(self.trials))
        names = {trial.measure.name: trial.objective for trial in self.trials}
        rule = "all trials of a sweep have the same objective"
        require(len({trial.objective for trial in self.trials}) <= 1, rule, objectives=[*names])
        if self.until is not None:
            self._check_race(self.until)
        numbers: dict[str, int] = {}
        for number, trial in enumerate(self.trials, start=1):
            earlier = numbers.setdefault(trial_id(trial), number)
            if earlier != number:
                raise ConfigError(f"no two trials may be alike, but trials {earlier} and {number} both are {trial}.")

    @property
    def measure(self) -> Measure:
        """What its trials are judged by."""
        return self.search.base.measure if self.search else self.trials[0].measure

    def _check_race(self, until: "Known") -> None:
        from mnist_sweep.search.race import Known

        if not isinstance(until, Known):
            raise ConfigError(f"a sweep runs until a Known, but got {shown_in_one_line(until)}.")
        if self.search and isinstance(self.search.algorithm, PBT):
            inherits = "members of a population inherit from each other, so no run shows what its config is worth"
            raise ConfigError(f"a race compares configs over their seeds: {inherits}.")
        rule = "a race of a search is for these images, by which its configs were found"
        require(until.images == "these" or not self.search, rule, images=until.images)
        until.check(self.measure)
        rule = "an answer for new images needs an objective to which each image contributes"
        is_known = until.images == "these" or contributes_by_image(self.trials[0].objective)
        require(is_known, rule, objective=self.measure.name)
        num, rule = len({*map(config_id, self.trials)}), "a race has at least 2 configs, not counting seeds"
        require(num >= 2 or self.search is not None, rule, configs=num)

    def with_options(
        self,
        *,
        num_trials: int | None = None,
        seeds: int | None = None,
        steps: int | None = None,
        precision: Precision | None = None,
        configs: Sequence[str] | None = None,
        until: "Known | None" = None,
        data: DataSource | None = None,
    ) -> "Sweep":
        """Return this sweep with other options for all trials; None keeps what each trial says.

        Args:
            num_trials: How many of the trials, from the first, or how many a search runs.
            seeds: Run each config with the seeds 0 to `seeds - 1`.
            steps: Training steps of every trial.
            precision: Precision of every trial.
            configs: Ids of the configs to run, as the other options make them, or their first 4 characters or more.
            until: When a race between the configs ends; it has seeds of its own.
            data: Data set of every trial.

        Raises:
            ConfigError: A value breaks a rule, two trials become alike, a search or a race is given seeds, a search is
                given configs, or there is not one config with an id.
        """
        require_at_least(1, num_trials=num_trials)
        until = until or self.until
        if until is not None:
            _validate_race_options(seeds, num_trials)
        if until is not self.until:
            raced = dataclasses.replace(self, until=until)
            return raced.with_options(steps=steps, precision=precision, configs=configs, data=data)
        options = _given(num_steps=steps, precision=precision, data=data)
        if self.search:
            require(seeds is None, "a search has one seed, that of its base", seeds=seeds)
            require(configs is None, "a search proposes its configs itself", configs=configs)
            return dataclasses.replace(self, search=_search_with(self.search, num_trials, options))
        trials = self.trials[:num_trials]
        trials = [dataclasses.replace(trial, **options) for trial in trials] if options else trials
        if configs is not None:
            trials = _with_configs(trials, configs)
        if seeds is not None:
            trials = repeat({config_id(trial): trial for trial in trials}.values(), seeds=seeds)
        return self if trials is self.trials else dataclasses.replace(self, trials=trials)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _validate_race_options(seeds: int | None, num_trials: int | None) -> None:
    require(seeds is None, "a race adds seeds until the best config is known", seeds=seeds)
    require(num_trials is None, "a race runs all configs of its sweep", num_trials=num_trials)


def _search_with(search: Search, num_trials: int | None, options: Mapping[str, Any]) -> Search:
    base = dataclasses.replace(search.base, **options)
    return dataclasses.replace(search, base=base, num_trials=num_trials or search.num_trials)


def _with_configs(trials: Sequence[TrialConfig], names: Sequence[str]) -> list[TrialConfig]:
    """Return the trials of the configs with these ids, or beginnings of ids."""
    ids = [config_id(trial) for trial in trials]
    chosen = set()
    for name in names:
        found = {one for one in ids if len(name) >= SHORTEST_PREFIX and one.startswith(name)}
        if len(found) != 1:
            number = f"{len(found)} configs" if found else "no config"
            way_out = f"give each by its id, or by at least the first {SHORTEST_PREFIX} characters of it"
            raise ConfigError(f"{name!r} names {number} of the sweep: {way_out}.")
        chosen |= found
    require(bool(chosen), "configs names at least one", configs=names)
    return [trial for trial, one in zip(trials, ids, strict=True) if one in chosen]


def _listed(given: Any) -> tuple[TrialConfig, ...]:
    trials = tuple(given) if isinstance(given, Iterable) else ()
    strange = [trial for trial in trials if not isinstance(trial, TrialConfig)]
    if strange or not isinstance(given, Iterable):
        got = shown_in_one_line(strange[0] if strange else given)
        raise ConfigError(f"a sweep's trials must be a list of TrialConfig, but got {got}.")
    return trials
