"""What the tests of training share: the digits, and a small network as a worker compiles it."""

from typing import Any

import pytest

from mnist_sweep import CNN, Adam, CrossEntropy, Digits, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.training.graph_cache import build_model
from mnist_sweep.training.network import Network

TRIAL = TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=8, dropout=0.5), optimizer=Adam())


@pytest.fixture(scope="package")
def digits() -> Dataset:
    tensorflow_runtime.configure(threads=1)
    return loading.load(Digits())


@pytest.fixture
def network(digits: Dataset) -> Network:
    model = build_model(TRIAL, digits)
    return Network(model, digits, CrossEntropy(), batch_size=TRIAL.batch_size, scales_loss=False, autograph=False)


def held(network: Network) -> list[Any]:
    return [variable.numpy() for variable in network.model.variables]
