"""The contract of a runner: every trial gets one row, and the observer hears of it in order."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnist_sweep.data import loading
from mnist_sweep.models.softmax import Softmax
from mnist_sweep.optim.optimizers import GradientDescent
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.testing.law import law
from mnist_sweep.trials.artifacts import SavedModel
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import Evaluation, Status, TrialRow
from mnist_sweep.trials.user_code.definitions import own_definitions

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)


@dataclass(frozen=True)
class Failing:
    """A model that cannot be built."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        """Raise an error, as a model with a bug does."""
        raise RuntimeError("this model cannot be built")


class Recorded:
    """An observer that records its calls.

    Args:
        proposed: Trials to propose, in their order.
        ending: Whether the run is to end before it begins.

    Attributes:
        calls: Name of the method and trial of each call, in order; None where there is no trial.
        finished_rows: The rows, in order.
    """

    def __init__(self, proposed: Sequence[TrialConfig] = (), *, ending: bool = False) -> None:
        self.calls: list[tuple[str, str | None]] = []
        self.finished_rows: list[TrialRow] = []
        self._proposed: Iterator[TrialConfig] = iter(proposed)
        self._ending = ending

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        """Record that the runner is ready."""
        self.calls.append(("ready", None))

    def started(self, trial_id: str) -> None:
        """Record that a trial started."""
        self.calls.append(("started", trial_id))

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        """Record a point of a learning curve."""
        self.calls.append(("evaluated", trial_id))

    def noted(self, trial_id: str | None, note: str) -> None:
        """Record nothing: notices are for people."""

    def retried(self, trial_id: str, cause: str) -> None:
        """Record that a trial lost its worker and is retried."""
        self.calls.append(("retried", trial_id))

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        """Record that a model or predictions arrived."""
        self.calls.append(("saved", trial_id))

    def finished(self, row: TrialRow) -> None:
        """Record a row."""
        self.calls.append(("finished", row.trial_id))
        self.finished_rows.append(row)

    def propose(self) -> TrialConfig | None:
        """Return the next proposed trial."""
        return next(self._proposed, None)

    def is_ending(self) -> bool:
        """Return whether the run is to end."""
        return self._ending

    def definitions(self) -> Mapping[str, Any]:
        """Return the classes of the trials that are not the package's."""
        return own_definitions([dataclasses.replace(BASE, model=Failing())])

    def rows(self) -> Sequence[TrialRow]:
        """Return no rows: nothing was run before."""
        return ()


def check_runner(make: Callable[[], Runner]) -> None:
    """Validate that a runner keeps the contract; trains five tiny trials on the digits.

    Args:
        make: Returns the runner, with resources for at least one trial.

    Raises:
        AssertionError: A law is broken; the message names it.
    """
    trials = [dataclasses.replace(BASE, seed=seed) for seed in range(2)]
    failing = dataclasses.replace(BASE, model=Failing())
    proposed = dataclasses.replace(BASE, seed=7)
    observer = Recorded([proposed])
    _run(make(), [*trials, failing], observer, num_proposals=1)
    _check_rows(observer, [*trials, failing, proposed], failing)
    for trial in (*trials, proposed):
        _check_order(observer, trial_id(trial))
    ended = Recorded(ending=True)
    _run(make(), trials, ended)
    law(not ended.finished_rows, "A run that is to end before it begins must run no trial.")


def _run(runner: Runner, trials: Sequence[TrialConfig], observer: Recorded, *, num_proposals: int = 0) -> None:
    named: Mapping[str, TrialConfig] = {trial_id(trial): trial for trial in trials}
    runner.run(named, {BASE.data: loading.load(BASE.data)}, observer, num_proposals=num_proposals)


def _check_rows(observer: Recorded, trials: Sequence[TrialConfig], failing: TrialConfig) -> None:
    names = sorted(row.trial_id for row in observer.finished_rows)
    law(names == sorted(map(trial_id, trials)), "Every trial must get exactly one row.")
    failed = {row.trial_id for row in observer.finished_rows if row.status is Status.FAILED}
    law(failed == {trial_id(failing)}, "An error in a model must become a `failed` row, and end no other trial.")
    ready = [place for place, (call, _) in enumerate(observer.calls) if call == "ready"]
    law(ready == [0], "`ready` must be called once, before anything else.")


def _check_order(observer: Recorded, name: str) -> None:
    calls = [call for call, trial in observer.calls if trial == name]
    law(calls[0] == "started" and calls.count("started") == 1, f"`started` must be called once and first, for {name}.")
    law(calls[-1] == "finished", f"`finished` must be called last, for {name}.")
