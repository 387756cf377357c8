"""Laws of what a trial costs: measured on the real network, whatever its numbers are."""

from dataclasses import dataclass
from typing import Any

import pytest

from mnist_sweep import CNN, GradientDescent, Softmax, TrialConfig
from mnist_sweep.data import sources
from mnist_sweep.data.digits import Digits
from mnist_sweep.planning import stopwatch
from mnist_sweep.planning.stopwatch import Unmeasurable

DIGITS = sources.load(Digits())


@dataclass(frozen=True)
class Broken:
    """A model that cannot be built."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        raise OSError("out of cheese")


@pytest.mark.usefixtures("tf")
def test_a_larger_network_costs_more_whatever_its_learning_rate() -> None:
    rate = GradientDescent(learning_rate=1e30)  # diverges at its second step
    small = stopwatch.cost(TrialConfig(model=Softmax(), optimizer=rate), DIGITS)
    large = stopwatch.cost(TrialConfig(model=CNN(filters=(32, 64), units=512), optimizer=rate), DIGITS)
    assert 0 < small.step < large.step
    assert 0 < small.image < large.image
    assert 0 < small.memory < large.memory + 2**20  # what is shared may grow meanwhile
    assert small.images == len(DIGITS.val)
    assert min(small.trial, large.trial) > 0
    assert min(small.first, large.first, small.model, large.model) >= 0


@pytest.mark.usefixtures("tf")
def test_a_trial_whose_numbers_change_after_more_steps_than_are_measured_costs_something() -> None:
    changing = TrialConfig(model=Softmax(), changes=((500, (("optimizer.learning_rate", 0.1),)),))
    assert stopwatch.cost(changing, DIGITS).step > 0


@pytest.mark.usefixtures("tf")
def test_a_trial_that_fails_says_why() -> None:
    with pytest.raises(Unmeasurable, match="OSError: out of cheese"):
        stopwatch.cost(TrialConfig(model=Broken()), DIGITS)


def test_evaluations_are_measured_on_a_part_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "MOST_IMAGES", 7)
    few = stopwatch.part(DIGITS)
    assert (len(few.train), len(few.val), len(few.test)) == (1197, 7, 7)
