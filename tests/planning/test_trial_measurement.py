"""Laws of what a trial costs: measured on the real network, whatever its numbers are."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mnist_sweep import CNN, GradientDescent, Softmax, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.digits import Digits
from mnist_sweep.errors import SweepError
from mnist_sweep.planning import trial_measurement
from mnist_sweep.trials.config import to_flat
from mnist_sweep.trials.row import TrialRow

DIGITS = loading.load(Digits())


@dataclass(frozen=True)
class Broken:
    """A model that cannot be built."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        raise OSError("out of cheese")


@pytest.mark.usefixtures("tf")
def test_a_larger_network_costs_more_whatever_its_learning_rate() -> None:
    rate = GradientDescent(learning_rate=1e30)  # diverges at its second step
    small = trial_measurement.measure(TrialConfig(model=Softmax(), optimizer=rate), DIGITS)
    large = trial_measurement.measure(TrialConfig(model=CNN(filters=(32, 64), units=512), optimizer=rate), DIGITS)
    assert 0 < small.step < large.step
    assert 0 < small.image < large.image
    assert min(small.memory, large.memory) > 0  # of a process that other tests have used, too; see below
    assert min(small.overhead, large.overhead) > 0
    assert min(small.tracing, large.tracing, small.saving, large.saving) >= 0


@pytest.mark.slow
def test_a_larger_network_takes_more_memory_in_a_process_of_its_own() -> None:
    def memory(trial: TrialConfig) -> int:
        code = (
            "import json, sys\n"
            "from mnist_sweep import Digits\n"
            "from mnist_sweep.data import loading\n"
            "from mnist_sweep.planning import trial_measurement\n"
            "from mnist_sweep.training import tensorflow_runtime\n"
            "from mnist_sweep.trials.config import from_flat\n"
            "tensorflow_runtime.configure(threads=1)\n"
            "trial = from_flat(json.loads(sys.argv[1]))\n"
            "print(trial_measurement.measure(trial, loading.load(Digits())).memory)\n"
        )
        command = [sys.executable, "-c", code, json.dumps(to_flat(trial))]
        return int(subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout)

    large = CNN(filters=(32, 64), units=512)
    assert 0 < memory(TrialConfig(model=Softmax())) < memory(TrialConfig(model=large))


@pytest.mark.usefixtures("tf")
def test_a_trial_whose_numbers_change_after_more_steps_than_are_measured_costs_something() -> None:
    changing = TrialConfig(model=Softmax(), changes=((500, (("optimizer.learning_rate", 0.1),)),))
    assert trial_measurement.measure(changing, DIGITS).step > 0


@pytest.mark.usefixtures("tf")
def test_a_trial_that_fails_says_why() -> None:
    with pytest.raises(SweepError, match="OSError: out of cheese"):
        trial_measurement.measure(TrialConfig(model=Broken()), DIGITS)


def test_costs_follow_from_three_short_trials(
    make_row: Callable[..., TrialRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def run(config: TrialConfig, dataset: Dataset, num_steps: int, *, keep: bool = False) -> tuple[TrialRow, float]:
        steps.append(num_steps)
        seconds = {"seconds_train": 0.01 * num_steps, "seconds_evaluate": 6.0, "seconds_total": 1.0}
        return make_row(config, **seconds), {1: 109.01, 2: 9.02, 50: 4.0}[num_steps]

    monkeypatch.setattr(trial_measurement, "_run", run)
    monkeypatch.setattr(trial_measurement, "_peak_gpu_memory", lambda: 5)
    cost = trial_measurement.measure(TrialConfig(), DIGITS)
    assert steps == [1, 2, 50]  # half a second
    assert (cost.step, cost.image) == pytest.approx((0.01, 0.01))
    assert (cost.overhead, cost.tracing, cost.saving) == pytest.approx((3.0, 100.0, 3.0))
    assert cost.gpu_memory == 5


@dataclass(frozen=True)
class TrainsItself:
    def train(self, context: Any) -> dict[str, float]:
        pytest.fail("calibration replaces what runs this")


@pytest.mark.parametrize(
    ("of_a_step", "expected"), [(0.003, [1, 2, 4, 32, 200]), (0.02, [1, 2, 4, 32]), (1, [1, 2, 4])]
)
def test_what_a_users_code_does_before_its_first_step_is_no_part_of_its_steps(
    of_a_step: float, expected: list[int], make_row: Callable[..., TrialRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def run(config: TrialConfig, dataset: Dataset, num_steps: int, *, keep: bool = False) -> tuple[TrialRow, float]:
        steps.append(num_steps)
        train = 2.0 + of_a_step * num_steps
        return make_row(config, seconds_train=train, seconds_evaluate=0.0, seconds_total=train), train

    monkeypatch.setattr(trial_measurement, "_run", run)
    cost = trial_measurement.measure(TrialConfig(model=TrainsItself()), DIGITS)
    assert steps == expected
    assert (cost.step, cost.overhead) == pytest.approx((of_a_step, 2.0))


def test_evaluations_are_measured_on_a_part_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_measurement, "MAX_IMAGES", 7)
    few = trial_measurement.subset(DIGITS)
    assert (len(few.train), len(few.val), len(few.test)) == (1197, 7, 7)
