from dataclasses import replace

import numpy as np
import pytest

from mnist_sweep import CNN, Adam, Digits, Momentum, TrialConfig
from mnist_sweep.data import sources
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.training import graph_cache, runtime

pytestmark = pytest.mark.usefixtures("nothing_kept")

MODEL = CNN(filters=(2,), kernel_size=3, units=4, dropout=0.5)
TRIAL = TrialConfig(model=MODEL, optimizer=Adam())


@pytest.fixture
def digits() -> Dataset:
    return sources.load(Digits())


@pytest.mark.parametrize(
    ("trial", "same_network", "same_train_step"),
    [
        (replace(TRIAL, seed=1, num_steps=7, optimizer=Adam(learning_rate=0.5)), True, True),
        (replace(TRIAL, model=replace(MODEL, dropout=0.25)), True, True),
        (replace(TRIAL, optimizer=Momentum()), True, False),
        (replace(TRIAL, weight_decay=0.1), True, False),
        (replace(TRIAL, batch_size=7), False, False),
        (replace(TRIAL, model=replace(MODEL, filters=(3,))), False, False),
    ],
)
def test_a_trial_takes_over_the_graphs_that_fit_it(
    digits: Dataset, trial: TrialConfig, same_network: bool, same_train_step: bool
) -> None:
    first, second = graph_cache.initialized_graphs(TRIAL, digits), graph_cache.initialized_graphs(trial, digits)
    assert (first[0] is second[0], first[1] is second[1]) == (same_network, same_train_step)


def test_graphs_that_are_taken_over_start_as_fresh_ones_do(digits: Dataset) -> None:
    other = replace(TRIAL, seed=1)
    first = graph_cache.initialized_graphs(TRIAL, digits)[0].model.get_weights()
    taken_over = graph_cache.initialized_graphs(other, digits)[0].model.get_weights()
    runtime._CACHE.clear()
    fresh = graph_cache.initialized_graphs(other, digits)[0].model.get_weights()
    assert not np.array_equal(first[0], fresh[0])
    for mine, theirs in zip(taken_over, fresh, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_data_becomes_tensors_once(digits: Dataset) -> None:
    tensors = graph_cache.tensors(digits)
    assert graph_cache.tensors(digits) is tensors
    assert {name: images.shape[0] for name, (images, _) in tensors.items()} == {"train": 1197, "val": 300, "test": 300}
    assert {labels.dtype.name for _, labels in tensors.values()} == {"int32"}
