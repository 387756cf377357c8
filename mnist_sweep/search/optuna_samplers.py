"""A sampler of Optuna as what suggests points of a search, be its space axes or a function of a trial."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mnist_sweep.errors import ConfigError
from mnist_sweep.search.distributions import Axis, Choice, Integer, LogUniform, from_label, grid_size, label_of, labels

if TYPE_CHECKING:
    from mnist_sweep.search.search import Search


class OptunaSearcher:
    """Suggests points by Optuna's TPE or a copy of a search's sampler; see `Proposals`.

    Raises:
        ConfigError: The sampler takes one objective only, and the search has several.
    """

    def __init__(self, search: "Search") -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = copy.deepcopy(search.algorithm)
        if sampler == "tpe":
            # Several trials run at a time: those without a result count as bad, so that the next one is elsewhere.
            sampler = optuna.samplers.TPESampler(seed=search.seed, constant_liar=True)
        if len(search.directions) > 1:
            # A sampler refuses them only when it is asked, and then the user's own would have drawn numbers.
            tried = optuna.create_study(sampler=copy.deepcopy(sampler), directions=search.directions)
            try:
                tried.ask({"any": optuna.distributions.FloatDistribution(0, 1)})
            except ValueError as error:
                way_out = "use 'tpe' or Optuna's NSGAIISampler"
                raise ConfigError(f"{type(sampler).__name__} takes one objective only: {way_out}.") from error
        self._search, self._trials, self._has_ended = search, dict[str, Any](), False
        inner = getattr(sampler, "_base_sampler", sampler)  # of one that fixes some values
        # Those of generations learn from the trials that they have counted into one.
        self._takes_rows = not isinstance(inner, optuna.samplers.BaseGASampler | optuna.samplers.CmaEsSampler)
        self._study: Any = optuna.create_study(study_name="optuna", sampler=sampler, directions=search.directions)
        self._study.stop = self._end  # which samplers of finite spaces call, and Optuna allows in `optimize` only

    def _end(self) -> None:
        self._has_ended = True

    def suggest(self, suggestion: str) -> dict[str, Any] | None:
        """Return the values of a point; None if the sampler has none any more."""
        if self._has_ended:
            return None
        trial = self._trials[suggestion] = self._study.ask()
        return self._search.values(lambda name, axis: _suggested(trial, name, axis))

    def complete(self, suggestion: str, learned: Sequence[float] | None) -> None:
        """Tell the result at a point that was suggested; None if it has none."""
        import optuna

        state = optuna.trial.TrialState.FAIL if learned is None else optuna.trial.TrialState.COMPLETE
        self._study.tell(self._trials.pop(suggestion), learned, state=state)

    def add(self, values: Mapping[str, Any], learned: Sequence[float]) -> bool:
        """Tell the result at another point; return False for a sampler that would not learn it."""
        import optuna

        if not self._takes_rows:
            return False
        axes: dict[str, Axis] = {}
        self._search.values(lambda name, axis: axes.update({name: axis}) or values[name])
        params = {name: label_of(axis, values[name]) for name, axis in axes.items()}
        distributions = {name: _distribution(axis) for name, axis in axes.items()}
        self._study.add_trial(optuna.trial.create_trial(values=learned, params=params, distributions=distributions))
        return True


def _suggested(trial: Any, name: str, axis: Axis) -> Any:
    if isinstance(axis, Choice):
        return from_label(axis, trial.suggest_categorical(name, labels(axis)))
    given = _distribution(axis)
    if isinstance(axis, Integer) or grid_size(axis):
        return from_label(axis, trial.suggest_int(name, given.low, given.high, log=given.log))
    return from_label(axis, trial.suggest_float(name, given.low, given.high, log=given.log))


def _distribution(axis: Axis) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(axis, Choice):
        return CategoricalDistribution(labels(axis))
    if num := grid_size(axis):
        return IntDistribution(0, num - 1)
    if isinstance(axis, Integer):
        return IntDistribution(axis.low, axis.high, log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=isinstance(axis, LogUniform))
