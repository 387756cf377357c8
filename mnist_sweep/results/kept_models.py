"""Which trained models of a run are kept in the results folder: all of them, or only the best."""

from collections.abc import Callable, Iterable

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import mistakes
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.storage import storage
from mnist_sweep.trials.artifacts import Artifacts, SavedModel
from mnist_sweep.trials.row import Status, TrialRow, rank


class KeptModels:
    """Holds each trained model until its row is committed, and then keeps or drops it.

    Kept models are copied to the storage of the artifacts; if that fails, `warn` is called with a message.
    """

    def __init__(self, ledger: Ledger, artifacts: Artifacts, *, warn: Callable[[str], None]) -> None:
        self._ledger, self._warn = ledger, warn
        self._only_best = artifacts.models == "best"
        self._shared = None if artifacts.are_stored_in(ledger.folder) else storage(artifacts.storage)
        self._held: dict[str, SavedModel] = {}

    def hold(self, trial_id: str, model: SavedModel) -> None:
        """Hold a model until its row is committed."""
        self._held[trial_id] = model

    def finished(self, row: TrialRow, others: Iterable[TrialRow]) -> None:
        """Keep the model of a row, unless only the best is kept and another row is better.

        Raises:
            LedgerError: The results folder cannot be written.
        """
        model = self._held.pop(row.trial_id, None)
        better = (other for other in others if other.status is Status.OK and rank(other) < rank(row))
        if model is None or (self._only_best and any(better)):
            return
        path = self._ledger.write_model(row.trial_id, model.content)
        mistakes.write(self._ledger.folder, row.trial_id, model.mistakes)
        worse = {name: other for name, other in self._ledger.models().items() if self._only_best and other != path}
        for name, other in worse.items():
            other.unlink()
            mistakes.path_of(self._ledger.folder, name).unlink(missing_ok=True)
        self._share(row.trial_id, model, worse)

    def _share(self, trial_id: str, model: SavedModel, worse: Iterable[str]) -> None:
        if self._shared is None:
            return
        try:
            self._shared.write(f"models/{trial_id}.keras", model.content, "model")
            for name in worse:
                self._shared.delete(f"models/{name}.keras")
        except LedgerError as error:  # the results folder has it
            self._warn(f"the model of {trial_id} was not copied to the storage: {error}")
