"""A search: a space of trials, and the algorithm that suggests them one by one, each from the rows so far."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.search import axis_rules, define_by_run
from mnist_sweep.search.axis_rules import Answer
from mnist_sweep.search.define_by_run import SpaceTrial
from mnist_sweep.search.distributions import Axis, Choice, contains, ends
from mnist_sweep.trials import config, overrides, shared_prefix
from mnist_sweep.trials.config import REGISTRIES, TrialConfig
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import check_objectives
from mnist_sweep.validation import coerce, require, require_at_least, shown_in_one_line, with_tuples

SEARCHER_METHODS = ("suggest", "on_trial_complete", "set_search_properties")
SAMPLER_METHODS = ("infer_relative_search_space", "sample_relative", "sample_independent")


@dataclass(frozen=True, slots=True, kw_only=True)
class PBT:
    """Population-based training: after each round, the worst members continue from the best, with other values.

    A round of a member is a trial: `num_trials` of the search is members times rounds, and the base's `num_steps` is
    the number of steps of all rounds together. All members have the base's seed.

    Attributes:
        population: Number of members, at least 2.
        quantile: Share of the members that are replaced after a round, and of those that replace them, in (0, 0.5].
    """

    population: int = 8
    quantile: float = 0.25

    def __post_init__(self) -> None:
        coerce(self)
        require_at_least(2, population=self.population)
        require(0 < self.quantile <= 0.5, "0 < quantile <= 0.5", quantile=self.quantile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search space, and how it is searched for the best value on validation.

    Attributes:
        base: What all trials have in common, the seed and the data included.
        axes: The fields that vary, as in `sample`, each with its distribution: Uniform, LogUniform, Integer or Choice.
        num_trials: Number of trials after which the search ends, those of earlier runs included, at least 1.
        space: In place of axes, a function of a trial that calls `trial.suggest_float`, `suggest_int` and
            `suggest_categorical` as in Optuna, with names of fields, and returns nothing, or other fields with values.
        algorithm: `tpe` (Optuna's tree-structured Parzen estimator; Bergstra et al. 2011), a PBT, any sampler of
            Optuna, or any searcher of Ray Tune that was created with neither a space nor a metric. The last and a PBT
            need axes.
        seed: Seed of `tpe` and PBT, in [0, 2**31).
        objectives: Several objectives at once, for `tpe` or a sampler of Optuna that takes them, such as its NSGA-II:
            first what the trials are judged by, such as `accuracy`, and then costs, of which less is better:
            `parameters`, `latency`, `seconds_total`, `seconds_train` or `seconds_evaluate` of their rows.
    """

    base: TrialConfig
    axes: Mapping[str, Any] = field(default_factory=dict)
    space: Callable[[SpaceTrial], Any] | None = None
    num_trials: int
    algorithm: Any = "tpe"
    seed: int = 0
    objectives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        coerce(self)
        require_at_least(1, num_trials=self.num_trials)
        require(0 <= self.seed < 2**31, "0 <= seed < 2**31", seed=self.seed)
        if not isinstance(self.axes, Mapping):
            given = shown_in_one_line(self.axes)
            raise ConfigError(f"the axes of a search must be fields with a distribution each, but got {given}.")
        self._check_space()
        kinds = (SEARCHER_METHODS, SAMPLER_METHODS) if not isinstance(self.algorithm, type) else ()
        is_searcher = any(all(hasattr(self.algorithm, method) for method in methods) for methods in kinds)
        if isinstance(self.algorithm, PBT):
            self._check_population(self.algorithm)
        elif self.algorithm != "tpe" and not is_searcher:
            known = "'tpe', a PBT, a sampler of Optuna or a searcher of Ray Tune"
            given = shown_in_one_line(self.algorithm)
            raise ConfigError(f"a search's algorithm must be {known}, but got {given}.")
        if self.objectives:
            check_objectives(self.objectives, self.base.measure)
            rule = "several objectives need 'tpe' or a sampler of Optuna"
            require(self.is_sampled, rule, algorithm=self.algorithm)

    @property
    def directions(self) -> list[str]:
        """Which way is better, for each objective."""
        return [self.base.measure.direction, *("minimize" for _ in self.objectives[1:])]

    def learned(self, row: TrialRow) -> tuple[float, ...] | None:
        """Return the values that the search learns from a row, one for each objective; None if one is lacking.

        Of a trial that diverged, the first one is the worst that there is.
        """
        first = row.measure.worst if row.status is Status.DIVERGED else row.val
        found = (first, *(getattr(row, name) for name in self.objectives[1:]))
        return None if None in found else found

    def _check_space(self) -> None:
        if self.space is None:
            require(len(self.axes) >= 1, "at least one axis", axes=list(self.axes))
            for name, axis in self.axes.items():
                axis_rules.check_axis(name, axis)
            found = [*self._points(), *axis_rules.drawn_points(self.values)]
            return axis_rules.check_points(self.base, found, self.axes)
        require(not self.axes, "a search has axes or a space", axes=list(self.axes))
        if not self.is_sampled:
            given = shown_in_one_line(self.algorithm)
            raise ConfigError(f"a function as `space` needs 'tpe' or a sampler of Optuna, but got {given}: list axes.")
        return define_by_run.validate(self.space, self.base)

    def _check_population(self, algorithm: PBT) -> None:
        size, base = algorithm.population, self.base
        divides = self.num_trials % size == 0 and base.num_steps % (self.num_trials // size) == 0
        rule = "num_trials is a multiple of population, and num_steps of num_trials / population"
        require(divides, rule, num_trials=self.num_trials, population=size, num_steps=base.num_steps)
        interval = base.num_steps // (self.num_trials // size)
        rule = "the steps of a round are a multiple of evaluate_every, and the schedule does not depend on num_steps"
        holds = interval == base.num_steps or shared_prefix.is_shareable(base, interval)
        require(holds, rule, steps=interval, evaluate_every=base.evaluate_every, schedule=base.schedule)
        require(not base.changes and base.num_steps > 1, "the base of a PBT has steps and no changes", base=base)
        for name, axis in self.axes.items():
            for value in ends(axis):
                require(isinstance(value, int | float), "the axes of a PBT are of numbers", name=name, value=value)
                overrides.validate(dataclasses.replace(base, changes=((1, ((name, value),)),)))

    def trial(self, values: Mapping[str, Any]) -> TrialConfig:
        """Return the trial at a point of the space.

        Raises:
            UnknownNameError: An axis names no field.
            ConfigError: A value breaks a rule.
        """
        return overrides.replace_fields(self.base, values)

    @property
    def is_sampled(self) -> bool:
        """Whether a sampler of Optuna suggests the trials."""
        return self.algorithm == "tpe" or hasattr(self.algorithm, SAMPLER_METHODS[0])

    @property
    def fields(self) -> list[str]:
        """The names of the fields that vary."""
        found = self._points() if self.space else [self.axes]
        return list(dict.fromkeys(name for names in found for name in names))

    def values(self, answer: Answer) -> dict[str, Any]:
        """Return the values at a point of the space, which a function gives for the names of fields and their axes.

        Raises:
            ConfigError: The space is a function, and raises an error or suggests what no search varies.
        """
        if self.space is not None:
            return define_by_run.values(self.space, answer)
        return {name: answer(name, axis) for name, axis in self.axes.items()}

    def ends(self) -> list[TrialConfig]:
        """Return trials of the space that have the ends of each axis, and of a choice every value."""
        return [self.trial(values) for values in self._points()]

    def _points(self) -> list[dict[str, Any]]:
        if self.space is not None:
            return axis_rules.points(self.values, define_by_run.MAX_POINTS)
        axes = sorted(self.axes.items(), key=lambda one: one[0] not in REGISTRIES)  # whole parts first
        return axis_rules.points(lambda answer: {name: answer(name, axis) for name, axis in axes})

    def find(self, trial_id: str, flat: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the values at the trial of an id and flat form, or None outside of the space; import no code."""
        pending: list[dict[str, Any]] = [{}]
        for parts in pending:  # of which the flat form holds the kinds only
            is_inside = True

            def answer(name: str, axis: Axis, parts: dict[str, Any] = parts) -> Any:
                nonlocal is_inside
                if name in REGISTRIES and isinstance(axis, Choice):
                    if name not in parts:
                        pending.extend({**parts, name: value} for value in axis.values[1:])
                    return parts.setdefault(name, axis.values[0])
                value = with_tuples(flat.get(name))
                is_inside &= contains(axis, value)
                return value if contains(axis, value) else ends(axis)[0]

            with contextlib.suppress(ConfigError):  # at the point of another space
                values = self.values(answer)
                if is_inside and config.trial_id(self.trial(values)) == trial_id:
                    return values
        return None
