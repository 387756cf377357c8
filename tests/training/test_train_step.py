import numpy as np
import pytest

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.training.network import Network
from mnist_sweep.training.train_step import TrainStep
from mnist_sweep.training.trial_progress import Sums
from tests.training.conftest import TRIAL, held


@pytest.fixture
def train_step(network: Network) -> TrainStep:
    return TrainStep(network, TRIAL)


def test_what_a_layer_draws_is_a_function_of_seed_and_step(
    network: Network, train_step: TrainStep, digits: Dataset
) -> None:
    labels, rates = digits.train.labels.astype("int32"), np.full(1, 1e-9, "float32")
    rows = np.arange(50, dtype="int32").reshape(1, 50)

    before = held(network)

    def loss(seed: int, step: int) -> float:
        network.set_weights(before)
        train_step.reset(TRIAL)
        return float(
            train_step.run_steps(
                digits.train.images, labels, rows, rates, step, train_step.subseeds(seed), Sums(0.0, 0)
            )[0].loss
        )

    assert loss(0, 5) == loss(0, 5)
    assert len({loss(0, 5), loss(0, 6), loss(1, 5)}) == 3


def test_a_single_step_is_that_of_the_loop_and_is_undone(train_step: TrainStep, digits: Dataset) -> None:
    labels, rates = digits.train.labels.astype("int32"), np.full(1, 0.1, "float32")
    rows = np.arange(50, dtype="int32").reshape(1, 50)
    train_step.reset(TRIAL)
    before = train_step.snapshot()
    with train_step.state_preserved():
        loss, correct = train_step.run_step(digits.train.images, labels, rows[0], rates[0], 0, train_step.subseeds(0))
        repeated = train_step.snapshot()
    assert all(np.array_equal(array, before[name]) for name, array in train_step.snapshot().items())
    sums, taken = train_step.run_steps(
        digits.train.images, labels, rows, rates, 0, train_step.subseeds(0), Sums(0.0, 0)
    )
    assert float(loss) == pytest.approx(float(sums.loss))
    assert (int(correct), 1) == (int(sums.num_correct), int(taken))
    assert all(np.allclose(array, repeated[name], atol=1e-4) for name, array in train_step.snapshot().items())
    assert any(not np.array_equal(array, before[name]) for name, array in repeated.items())
