"""Which trained models of a run are kept in the results folder: all of them, or that of the selected config.

The selected config is only known when its last seed has ended. Until then, the models of all that may be selected are
kept: those of the best configs that lack a seed, and the median seed of the best of the others.
"""

import bisect
import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import mistakes
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.atomic_files import ledger_errors
from mnist_sweep.system.storage import Storage, storage
from mnist_sweep.trials import ranking
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.ids import config_of
from mnist_sweep.trials.row import TrialRow

MAX_UNFINISHED = 16  # configs that lack a seed and whose models are kept, which bounds the disk space


class KeptModels:
    """Holds each trained model until its row is committed, and then keeps or drops it.

    Kept models are copied to the storage of the artifacts; if that fails, `warn` is called with a message. If the
    results folder itself cannot be written, LedgerError is raised.

    Args:
        rows: The rows of the results folder by trial id, to which the run adds its own.
        missing: The trials that had no row when the run started, by id; a search adds to them.
        undecided: Returns the configs of a race that may get more seeds; of the best of them, one model each is kept.
        dropped: Returns the configs that a race has dropped.
    """

    def __init__(
        self,
        ledger: Ledger,
        artifacts: Artifacts,
        *,
        rows: Mapping[str, TrialRow],
        missing: Mapping[str, Any],
        warn: Callable[[str], None],
        undecided: Callable[[], Collection[str]] = tuple,
        dropped: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._ledger, self._rows, self._missing, self._warn = ledger, rows, missing, warn
        self._undecided, self._dropped = undecided, dropped
        self._only_selected = artifacts.models == "best"
        self._shared = None if artifacts.are_stored_in(ledger.folder) else storage(artifacts.storage)
        self._held: dict[str, SavedModel] = {}
        self._finished: set[str] = set()

    def hold(self, trial_id: str, model: SavedModel) -> None:
        """Hold a model until its row is committed."""
        self._held[trial_id] = model

    def finished(self, row: TrialRow) -> Collection[str]:
        """Keep the model of a row to be committed, unless ruled out; return what `remove_others` needs after that."""
        self._finished.add(row.trial_id)
        self._add(row)
        model = self._held.pop(row.trial_id, None)
        if model is None:
            return ()
        kept = self._kept({*self._ledger.models(), row.trial_id}) if self._only_selected else ()
        if not self._only_selected or row.trial_id in kept:
            self._ledger.write_model(row.trial_id, model.content)
            if model.mistakes is not None:
                mistakes.write(self._ledger.folder, row.trial_id, model.mistakes)
            content, name = model.content, f"models/{row.trial_id}.keras"
            self._share(name, "copied to", lambda shared, file: shared.write(file, content, "model"))
        return kept

    def prune(self) -> None:
        """Remove the models that the results rule out, at the end of a run."""
        if self._only_selected:
            self.remove_others(self._kept(self._ledger.models()))

    @functools.cached_property
    def _results(self) -> dict[str, ranking.ConfigResult]:
        return ranking.by_config(self._rows.values())

    @functools.cached_property
    def _ranked(self) -> list[ranking.ConfigResult]:
        return sorted(self._results.values(), key=ranking.by_mean)

    def _add(self, row: TrialRow) -> None:
        ranked, others = self._ranked, list[TrialRow]()
        if config := self._results.pop(row.config_id, None):
            del ranked[bisect.bisect_left(ranked, ranking.by_mean(config), key=ranking.by_mean)]
            others = [other for other in config.rows if other.trial_id != row.trial_id]
        for name, found in ranking.by_config([*others, row]).items():
            self._results[name] = found
            bisect.insort(ranked, found, key=ranking.by_mean)

    def _kept(self, models: Collection[str]) -> set[str]:
        unfinished = {config_of(name) for name in self._missing if name not in self._finished}
        dropped, undecided = self._dropped(), {*self._undecided()}
        ranked = [(one.config_id, one) for one in self._ranked]
        if dropped:
            ranked.sort(key=lambda pair: pair[0] in dropped)
        ended = [one for name, one in ranked if name not in unfinished]
        open_ = [one for name, one in ranked if name in unfinished][:MAX_UNFINISHED]
        racing = [one for name, one in ranked if name in undecided][:MAX_UNFINISHED]
        # A config with one seed is not selected where most have several; whether they have is known in the end.
        several = (one for one in ended if len(one.rows) > 1)
        orders = [ended, several] if unfinished else [ranking.selected_first(ended, dropped)]
        kept = {row.trial_id for one in open_ for row in one.rows if row.trial_id in models}
        kept |= {row.trial_id for one in racing if (row := one.nearest_to_median(models))}
        found = (ranking.representative(order, models) for order in orders)
        return kept | {row.trial_id for _, row in filter(None, found)}

    def remove_others(self, kept: Collection[str]) -> None:
        """Remove the models of other trials than these, if there are any; files of other names are the user's."""
        for name, path in self._ledger.models().items() if kept else ():
            if name in kept or (name not in self._rows and name not in self._missing):
                continue
            with ledger_errors(f"the model {path} cannot be removed", ": check the permissions of its folder"):
                path.unlink(missing_ok=True)
                mistakes.path_of(self._ledger.folder, name).unlink(missing_ok=True)
            self._share(f"models/{name}.keras", "removed from", lambda shared, file: shared.delete(file))

    def _share(self, file: str, done: str, action: Callable[[Storage, str], None]) -> None:
        try:
            if self._shared is not None:
                action(self._shared, file)
        except LedgerError as error:  # the results folder is as it should be
            self._warn(f"{file} was not {done} the storage: {error}")
