"""What tests of runs share: a sweep of three trials, and a runner that trains nothing."""

from typing import Any

import pytest

from mnist_sweep import GradientDescent, Softmax, Sweep, TrialConfig, grid
from mnist_sweep.runners.protocol import Runner
from mnist_sweep.trials.events import Event
from mnist_sweep.trials.row import Evaluation
from tests.conftest import MakeRow

POINT = Evaluation(
    step=4, train_loss=0.7, train_accuracy=0.5, val_loss=0.5, val_accuracy=0.8, learning_rate=0.1, seconds=1.5
)


class Instant:
    """Gives each trial its row at once; starts no other when the run is to end."""

    def __init__(self, make_row: MakeRow) -> None:
        self._make_row = make_row

    def run(self, trials: Any, datasets: Any, observer: Any, **options: Any) -> None:
        observer.ready(1)
        for name, trial in trials.items():
            if observer.is_ending():
                return
            observer.started(name)
            observer.evaluated(name, POINT)
            observer.finished(self._make_row(trial))


class Events:
    """A listener that keeps what it receives."""

    def __init__(self) -> None:
        self.all: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.all.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.all if isinstance(event, kind)]


@pytest.fixture
def sweep() -> Sweep:
    """Three trials on the digits."""
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=4, evaluate_every=2)
    return Sweep(name="rates", trials=grid(base, {"optimizer.learning_rate": [0.1, 0.2, 0.4]}))


@pytest.fixture
def instant(make_row: MakeRow) -> Runner:
    """A runner that trains nothing."""
    return Instant(make_row)


@pytest.fixture
def events() -> Events:
    """A listener that keeps what it receives: `all`, or those `of` a kind."""
    return Events()
