"""The trials that a search proposes: asked for one by one, and told the rows."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from mnist_sweep.errors import ConfigError, SweepError
from mnist_sweep.search.optuna_samplers import OptunaSearcher
from mnist_sweep.search.search import Search
from mnist_sweep.search.tune_searcher import TuneSearcher
from mnist_sweep.text.causes import first_cause
from mnist_sweep.text.lines import listed
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import Status, TrialRow

MAX_KNOWN_SUGGESTIONS = 100


class Searcher(Protocol):
    """What suggests points of a search's space, each under a name, and learns the results there."""

    def suggest(self, suggestion: str) -> Mapping[str, Any] | None:
        """Return the values of a point's fields; None if there is no point now."""

    def complete(self, suggestion: str, learned: Sequence[float] | None) -> None:
        """Tell the result at a point that was suggested; None if it has none."""

    def add(self, values: Mapping[str, Any], learned: Sequence[float]) -> bool:
        """Tell the result at another point; return False if there is no way to."""


class Proposals:
    """Proposes the trials of a search.

    Args:
        rows: Existing rows of its space, which the searcher learns first.
        pending: Ids of trials that an earlier run suggested, which are not returned again.

    Attributes:
        warning: What the user should know of the searcher, in one line, or None.
        exhausted: Whether it has no more trials: it says so, or suggests a hundred known ones in a row, those of
            earlier runs not counted.

    Raises:
        ConfigError: The searcher cannot search this space.
        SweepError: It raises an exception.
    """

    def __init__(self, search: Search, rows: Iterable[TrialRow], pending: Collection[str] = ()) -> None:
        self.warning: str | None = None
        self.exhausted = False
        self._search, self._pending = search, set(pending)
        self._name = "TPESampler" if search.algorithm == "tpe" else type(search.algorithm).__name__
        self._searcher: Searcher = self._asked(OptunaSearcher if search.is_sampled else TuneSearcher, search)
        self._suggestions: dict[str, str] = {}  # the searcher's own id of each trial that has no row yet
        self._rows: dict[str, TrialRow] = {}
        self._earlier: dict[str, bool] = {}  # by trials that were not suggested yet: whether their rows were told
        self._num_suggestions, self._waits = 0, False  # for a row
        for row in rows:
            self.tell(row)

    def ask(self) -> TrialConfig | None:
        """Return a trial that was neither returned before nor has a row; None if the searcher has none until a row.

        Raises:
            SweepError: It has never had any, or raises an exception.
        """
        num_known = MAX_KNOWN_SUGGESTIONS if self._waits else 0
        while num_known < MAX_KNOWN_SUGGESTIONS:
            self._num_suggestions += 1
            suggestion = f"proposal-{self._num_suggestions}"
            trial = None
            try:
                point = self._asked(self._searcher.suggest, suggestion)
                if point is None:
                    break
                trial = self._trial(point)
            except ConfigError as error:  # of a space's own function
                self._leave_out(error)
            name = trial_id(trial) if trial else ""
            if name in self._rows:
                is_told = self._earlier.pop(name, None)  # a row that was told is not told again
                learned = None if is_told else self._search.learned(self._rows[name])
                self._asked(self._searcher.complete, suggestion, learned)
                num_known += is_told is None
            elif trial is None or name in self._suggestions:
                self._asked(self._searcher.complete, suggestion, None)
                num_known += 1
            else:
                self._suggestions[name] = suggestion
                if name not in self._pending:
                    return trial
                self._pending.remove(name)
        self.exhausted, self._waits = not self._suggestions, bool(self._suggestions)
        if self.exhausted and not self._rows:
            raise SweepError(f"{self._name} proposes no trial{f': {self.warning}' if self.warning else ''}.")
        return None

    def tell(self, row: TrialRow) -> None:
        """Tell the searcher a row, whether it suggested the trial or not."""
        self._rows[row.trial_id], self._waits = row, False
        if row.status is Status.OK and self._search.learned(row) is None:
            lacking = [name for name in self._search.objectives[1:] if getattr(row, name) is None]
            self.warning = f"rows without {listed(lacking)} teach the search nothing: return that from `train`"
        suggestion = self._suggestions.pop(row.trial_id, None)
        if suggestion:
            self._asked(self._searcher.complete, suggestion, self._search.learned(row))
        else:
            self._earlier[row.trial_id] = self._add(row)

    def _add(self, row: TrialRow) -> bool:
        """Tell the searcher a row that it did not suggest; return False if there is nothing to tell, or no way."""
        point, learned = self._search.find(row.trial_id, row.config), self._search.learned(row)
        if point is None or learned is None:
            return False
        is_told: bool = self._asked(self._searcher.add, point, learned)
        if not is_told:
            lacking = "cannot be told earlier rows; it learns those of trials that it suggests again"
            self.warning = f"{self._name} {lacking}"
        return is_told

    def _asked(self, method: Callable[..., Any], *given: Any) -> Any:
        """Return what a method of the searcher returns; an exception of its own ends the run in one line."""
        try:
            return method(*given)
        except SweepError:
            raise
        except Exception as error:  # a user's searcher may raise anything
            raise SweepError(f"the searcher {self._name} raised {first_cause(error)}.") from error

    def _trial(self, point: Mapping[str, Any]) -> TrialConfig | None:
        try:
            return self._search.trial(point)
        except Exception as error:  # a class of the user's own may refuse its fields in any way
            self._leave_out(error)
            return None

    def _leave_out(self, error: Exception) -> None:
        left_out = f"trials that break a rule are not proposed; the first one: {first_cause(error)}"
        self.warning = self.warning or left_out
