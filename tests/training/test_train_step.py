from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, Adam, Digits, TrialConfig
from mnist_sweep.data import sources
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.training import runtime
from mnist_sweep.training.network import Network, build_model
from mnist_sweep.training.train_step import TrainStep

TRIAL = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.5), optimizer=Adam())


@pytest.fixture(scope="module")
def digits() -> Dataset:
    runtime.configure(threads=1)
    return sources.load(Digits())


@pytest.fixture
def network(digits: Dataset) -> Network:
    return Network(build_model(TRIAL, digits), TRIAL, digits)


@pytest.fixture
def program(network: Network) -> TrainStep:
    return TrainStep(network, TRIAL)


def held(network: Network) -> list[Any]:
    return [variable.numpy() for variable in network.model.variables]


def test_starting_puts_weights_slots_and_numbers_back(network: Network, program: TrainStep, digits: Dataset) -> None:
    before = held(network)
    rows, rates = np.arange(100, dtype="int32").reshape(2, 50), np.full(2, 0.1, "float32")
    labels = digits.train.labels.astype("int32")
    program.start(TRIAL)
    program.train(digits.train.images, labels, rows, rates, 0, program.seeds(0), 0.0, 0)
    assert not np.array_equal(held(network)[0], before[0])
    network.start(before)
    program.start(TRIAL)
    assert all(map(np.array_equal, held(network), before))
    assert all(not slot.numpy().any() for slots in program._slots for slot in slots.values())


def test_what_a_layer_draws_is_a_function_of_seed_and_step(
    network: Network, program: TrainStep, digits: Dataset
) -> None:
    labels, rates = digits.train.labels.astype("int32"), np.full(1, 1e-9, "float32")
    rows = np.arange(50, dtype="int32").reshape(1, 50)

    before = held(network)

    def loss(seed: int, step: int) -> float:
        network.start(before)
        program.start(TRIAL)
        return float(program.train(digits.train.images, labels, rows, rates, step, program.seeds(seed), 0.0, 0)[0])

    assert loss(0, 5) == loss(0, 5)
    assert len({loss(0, 5), loss(0, 6), loss(1, 5)}) == 3


def test_a_rehearsed_step_is_the_step_of_the_loop_and_leaves_nothing(program: TrainStep, digits: Dataset) -> None:
    labels, rates = digits.train.labels.astype("int32"), np.full(1, 0.1, "float32")
    rows = np.arange(50, dtype="int32").reshape(1, 50)
    program.start(TRIAL)
    before = program.arrays()
    with program.rehearsal():
        loss, correct = program.step(digits.train.images, labels, rows[0], rates[0], 0, program.seeds(0))
        rehearsed = program.arrays()
    assert all(np.array_equal(array, before[name]) for name, array in program.arrays().items())
    taken = program.train(digits.train.images, labels, rows, rates, 0, program.seeds(0), 0.0, 0)
    assert float(loss) == pytest.approx(float(taken[0]))
    assert (int(correct), 1) == (int(taken[1]), int(taken[2]))
    assert all(np.allclose(array, rehearsed[name], atol=1e-4) for name, array in program.arrays().items())
    assert any(not np.array_equal(array, before[name]) for name, array in rehearsed.items())
