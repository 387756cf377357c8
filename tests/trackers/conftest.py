"""What tests of trackers share: a small sweep on the digits, its run, and a model that fails at times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import GradientDescent, Local, Outcome, Softmax, Sweep, TrialConfig, grid, run
from mnist_sweep.trackers.protocol import Tracker

BASE = TrialConfig(model=Softmax(), optimizer=GradientDescent(learning_rate=0.5), num_steps=4, evaluate_every=2)

MakeSweep = Callable[..., Sweep]


def run_here(sweep: Sweep, results: Path, *trackers: Tracker, **given: Any) -> Outcome:
    """Run a sweep in this process."""
    return run(sweep, results=results, runner=Local(in_process=True), listeners=trackers, **given)


@pytest.fixture
def make_sweep() -> MakeSweep:
    """Sweeps of one trial for each learning rate."""

    def make(name: str, rates: Sequence[float] = (0.1, 0.2, 0.4), **given: Any) -> Sweep:
        return Sweep(name=name, trials=grid(BASE, {"optimizer.learning_rate": list(rates)} | given))

    return make


@dataclass(frozen=True)
class Fickle:
    """A user's model that fails at times."""

    fails = False

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        if self.fails:
            raise ValueError("not today")
        return Softmax().build(image_shape, num_classes)


@pytest.fixture
def fickle(monkeypatch: pytest.MonkeyPatch) -> type[Fickle]:
    """A model that fails until told otherwise."""
    monkeypatch.setattr(Fickle, "fails", True)
    return Fickle
