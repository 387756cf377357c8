"""Early stopping in processes of this machine: there, too, Tune's schedulers and Optuna's pruners decide, without Ray.

Each validation is shown to the scheduler in the order in which the processes send them; a trial that it stops ends at
that point, whatever its process has computed since.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn

from mnist_sweep.errors import ConfigError
from mnist_sweep.runners.ray import schedulers
from mnist_sweep.runners.ray.evaluation_messages import EvaluationReceiver, EvaluationSender
from mnist_sweep.training.trial_progress import Heartbeat
from mnist_sweep.trials.config import TrialConfig, to_flat, trial_id
from mnist_sweep.trials.row import Evaluation, TrialRow


@dataclass(eq=False)
class FollowedTrial:
    """A trial that is followed, with what schedulers read of one of Tune's: `trial_id`, `config` and `status`."""

    trial_id: str
    config: dict[str, str]
    sender: EvaluationSender
    receiver: EvaluationReceiver
    status: str = "RUNNING"


class EarlyStopping:
    """Decides which of the running trials end, and makes their rows.

    `choose` returns a scheduler of Tune's, as `schedulers.chosen` does, for a run whose first trial it is given;
    `configured` are the arguments of `tensorflow_runtime.configure` in the processes that train.
    """

    def __init__(self, choose: Callable[[TrialConfig], Any], metric: str, configured: Mapping[str, Any]) -> None:
        self._choose, self._metric, self._configured = choose, metric, configured
        self._scheduler: Any = None
        self._running: dict[str, FollowedTrial] = {}
        searcher = SimpleNamespace(on_pause=_refuse_pause)
        search_alg, live = SimpleNamespace(searcher=searcher), lambda: [*self._running.values()]
        self._tune = SimpleNamespace(get_live_trials=live, search_alg=search_alg)

    def start(self, trial: TrialConfig) -> None:
        """Follow a trial from its start, or from a new start after its process was lost."""
        name, metric, configured = trial_id(trial), self._metric, self._configured
        sender = EvaluationSender(has_scheduler=True, min_interval=math.inf, metric=metric, configured=configured)
        if running := self._running.get(name):
            running.sender, running.receiver = sender, EvaluationReceiver()
            return
        if self._scheduler is None:
            self._scheduler = self._choose(trial)
        config = {"trial": json.dumps({"id": name, "flat": to_flat(trial)})}
        running = self._running[name] = FollowedTrial(name, config, sender, EvaluationReceiver())
        self._scheduler.on_trial_add(self._tune, running)

    def row_if_stopped(self, trial: TrialConfig, item: Evaluation | Heartbeat, worker: str | None) -> TrialRow | None:
        """Return the row of a trial that ends with what it has yielded in the process with this name, else None."""
        running = self._running[trial_id(trial)]
        message = running.sender.message(item)
        if not message or "points" not in message:
            return None
        running.receiver.receive(message)
        if self._metric not in message or self._scheduler.on_trial_result(self._tune, running, message) != "STOP":
            return None
        row = running.receiver.stopped_row(trial)
        return dataclasses.replace(row, worker=worker) if row else None

    def end(self, name: str) -> None:
        """Follow a trial no further."""
        self._scheduler.on_trial_complete(self._tune, self._running.pop(name), {})


def _refuse_pause(name: str) -> NoReturn:
    raise ConfigError(f"the scheduler {schedulers.NEEDS_RAY}.")
