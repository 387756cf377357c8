import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mnist_sweep.errors import ConfigError
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.runners.local import Local
from mnist_sweep.runners.protocol import Observer, Runner
from mnist_sweep.runners.ray.tune import RayTune
from mnist_sweep.sweep.recorder import Recorder
from mnist_sweep.trials.artifacts import SavedModel
from mnist_sweep.trials.config import TrialConfig
from mnist_sweep.trials.row import Evaluation, TrialRow
from mnist_sweep.trials.value_format import ACCURACY, Measure


class Notes:
    """An observer that keeps what is reported to it."""

    def __init__(self, ends_after: int = 1000, proposed: Sequence[TrialConfig] = ()) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.workers: dict[str, str] = {}
        self.finished_rows: list[TrialRow] = []
        self.proposed = list(proposed)
        self.ends_after = ends_after

    def ready(self, num_workers: int, warning: str | None = None) -> None:
        self.heard.append(("ready", num_workers))

    def started(self, trial_id: str) -> None:
        self.heard.append(("started", trial_id))

    def placed(self, trial_id: str, worker: str) -> None:
        self.workers[trial_id] = worker

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> None:
        self.heard.append(("evaluated", trial_id, evaluation.step))

    def retried(self, trial_id: str, cause: str) -> None:
        self.heard.append(("retried", trial_id, cause))

    def paused(self, trial_id: str) -> None:
        self.heard.append(("paused", trial_id))

    def noted(self, trial_id: str | None, note: str) -> None:
        self.heard.append(("noted", trial_id, note))

    def propose(self) -> TrialConfig | None:
        return self.proposed.pop() if self.proposed else None

    def is_ending(self) -> bool:
        return len(self.heard) >= self.ends_after

    def definitions(self) -> Mapping[str, Any]:
        return {}

    def rows(self) -> Sequence[TrialRow]:
        return ()

    def measure(self) -> Measure:
        return ACCURACY

    def saved(self, trial_id: str, item: SavedModel | Predictions) -> None:
        self.heard.append(("saved", trial_id, type(item)))

    def finished(self, row: TrialRow) -> None:
        self.heard.append(("finished", row.trial_id, row.status))
        self.finished_rows.append(row)


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("runner", [Local, RayTune])
def test_every_runner_runs_as_the_interface_says(runner: type[Any]) -> None:
    assert parameters(runner.run) == parameters(Runner.run)


@pytest.mark.parametrize("runner", [Local, RayTune])
def test_every_runner_is_a_frozen_value_with_resources(runner: type[Any]) -> None:
    made = runner()
    assert (made.cpus_per_trial, made.gpus_per_trial) == (1, 0.0)
    assert hash(made) == hash(runner())


WRONG = {"cpus_per_trial": (0, 1.5), "gpus_per_trial": (-1, 1.5, 2), "max_retries": (-1,)}
OWN = [(Local, "workers", 0), (RayTune, "max_concurrent", 0), (RayTune, "num_cpus", 0)]
ALIKE = [(kind, name, value) for kind in (Local, RayTune) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("kind", "name", "value"), [*ALIKE, *OWN])
def test_resources_that_make_no_sense_are_refused(kind: type[Any], name: str, value: float) -> None:
    with pytest.raises(ConfigError, match="must hold"):
        kind(**{name: value})


@pytest.mark.parametrize("kind", [Recorder, Notes])
def test_every_observer_takes_what_the_interface_says(kind: type[Any]) -> None:
    for name in vars(Observer):
        if not name.startswith("_"):
            assert parameters(getattr(kind, name)) == parameters(getattr(Observer, name))
