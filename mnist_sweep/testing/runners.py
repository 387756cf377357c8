"""The contract of a runner: every trial gets one row, and everything is reported to the observer in order."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from mnist_sweep.data import loading
from mnist_sweep.models.softmax import Softmax
from mnist_sweep.optim.optimizers import GradientDescent
from mnist_sweep.runners.protocol import Observer, Runner
from mnist_sweep.testing.law import law
from mnist_sweep.trials.config import TrialConfig, trial_id
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.user_code import shipping

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(), num_steps=4, evaluate_every=2)
REPORTS = ("ready", "started", "evaluated", "retried", "saved", "finished")


@dataclass(frozen=True)
class Failing:
    """A model that cannot be built."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        """Raise an error, as a model with a bug does."""
        raise RuntimeError("this model cannot be built")


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
    reports = _reports(make(), [*trials, failing], [proposed])
    rows: list[TrialRow] = [value for name, value in reports if name == "finished"]
    names = sorted(map(trial_id, (*trials, failing, proposed)))
    law(sorted(row.trial_id for row in rows) == names, "Every trial must get exactly one row.")
    failed = {row.trial_id for row in rows if row.status is Status.FAILED}
    law(failed == {trial_id(failing)}, "An error in a model must become a `failed` row, and end no other trial.")
    ready = [place for place, (name, _) in enumerate(reports) if name == "ready"]
    law(ready == [0], "`ready` must be called once, before anything else.")
    for name in map(trial_id, (*trials, proposed)):
        calls = [call for call, value in reports if getattr(value, "trial_id", value) == name]
        once = calls[0] == "started" and calls.count("started") == 1
        law(once, f"`started` must be called once and first, for {name}.")
        law(calls[-1] == "finished", f"`finished` must be called last, for {name}.")
    ended = _reports(make(), trials, is_ending=True)
    law("finished" not in dict(ended), "A run that is to end before it begins must run no trial.")


def _reports(
    runner: Runner, trials: Sequence[TrialConfig], proposed: Sequence[TrialConfig] = (), *, is_ending: bool = False
) -> list[tuple[str, Any]]:
    """Run trials; return what was reported to the observer, in order: the method's name, and a trial's id or row."""
    observer = mock.create_autospec(Observer, instance=True)
    observer.propose.side_effect = itertools.chain(proposed, itertools.repeat(None))
    observer.is_ending.return_value = is_ending
    observer.definitions.return_value = shipping.own_definitions([dataclasses.replace(BASE, model=Failing())])
    observer.rows.return_value = ()
    named: Mapping[str, TrialConfig] = {trial_id(trial): trial for trial in trials}
    runner.run(named, {BASE.data: loading.load(BASE.data)}, observer, num_proposals=len(proposed))
    calls = [(name, *values, *options.values()) for name, values, options in observer.method_calls if name in REPORTS]
    return [(name, value) for name, value, *_ in calls]
