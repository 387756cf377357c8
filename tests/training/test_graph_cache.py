"""Laws of what a process keeps; those of initial weights hold for every built-in model and every way it may start."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, Adam, CrossEntropy, Digits, Momentum, ResNet, Softmax, TrialConfig
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.training import graph_cache, tensorflow_runtime

pytestmark = pytest.mark.usefixtures("nothing_kept")

MODEL = CNN(filters=(2,), kernel_size=3, units=4, dropout=0.5)
TRIAL = TrialConfig(model=MODEL, optimizer=Adam())


@pytest.mark.parametrize(
    ("trial", "same_network", "same_train_step"),
    [
        (replace(TRIAL, seed=1, num_steps=7, optimizer=Adam(learning_rate=0.5)), True, True),
        (replace(TRIAL, model=replace(MODEL, dropout=0.25)), True, True),
        (replace(TRIAL, optimizer=Momentum()), True, False),
        (replace(TRIAL, weight_decay=0.1), True, False),
        (replace(TRIAL, batch_size=7), False, False),
        (replace(TRIAL, loss=CrossEntropy(label_smoothing=0.1)), False, False),
        (replace(TRIAL, loss=CrossEntropy(class_weights=(1,) * 10)), False, False),
        (replace(TRIAL, model=replace(MODEL, filters=(3,))), False, False),
    ],
)
def test_a_trial_takes_over_the_graphs_that_fit_it(
    digits: Dataset, trial: TrialConfig, same_network: bool, same_train_step: bool
) -> None:
    first, second = graph_cache.initialized_graphs(TRIAL, digits), graph_cache.initialized_graphs(trial, digits)
    assert (first[0] is second[0], first[1] is second[1]) == (same_network, same_train_step)


EVERY_START = [
    CNN(filters=(4,), kernel_size=3, units=8, dropout=0.3),
    CNN(filters=(4, 4), kernel_size=3, units=8, initializer="truncated_normal"),
    ResNet(depth=8, filters=2),
    Softmax(),
    Softmax(initializer="glorot_uniform"),
]


def started(model: Any, seed: int) -> list[Any]:
    trial = TrialConfig(model=model, seed=seed)
    return [np.asarray(value) for value in graph_cache.initial_values(trial, loading.load(Digits()))]


@pytest.mark.parametrize("model", EVERY_START, ids=str)
def test_weights_are_a_function_of_the_seed_whatever_started_before(model: Any) -> None:
    alone = started(model, 3)
    tensorflow_runtime._CACHE.clear()
    started(model, 1)
    started(model, 2)
    assert all(map(np.array_equal, started(model, 3), alone))


@pytest.mark.parametrize("model", EVERY_START, ids=str)
def test_a_variable_that_builds_differ_in_differs_between_seeds_and_no_other(model: Any) -> None:
    builds = []
    for seed in (1, 2):
        tensorflow_runtime.seed_everything(seed)
        builds.append([variable.numpy() for variable in model.build((8, 8, 1), 10).variables])
    drawn = [not np.array_equal(*pair) for pair in zip(*builds, strict=True)]
    differ = [not np.array_equal(*pair) for pair in zip(started(model, 1), started(model, 2), strict=True)]
    assert differ == drawn


@pytest.mark.parametrize("model", EVERY_START, ids=str)
def test_draws_have_the_spread_of_the_models_own_initializers(model: Any) -> None:
    built = [[variable.numpy() for variable in model.build((8, 8, 1), 10).variables] for _ in range(8)]
    drawn = [started(model, seed) for seed in range(8)]
    for mine, keras_own in zip(zip(*drawn, strict=True), zip(*built, strict=True), strict=True):
        assert np.shape(mine) == np.shape(keras_own)
        assert np.std(mine) == pytest.approx(np.std(keras_own), rel=0.5)


def test_no_two_variables_draw_the_same_numbers() -> None:
    values = started(CNN(filters=(4, 4), kernel_size=3, units=8), 0)
    kernels = [value.ravel()[:36] / np.abs(value).max() for value in values if value.ndim > 1]
    assert all(not np.allclose(one, other, rtol=1e-2) for one in kernels for other in kernels if one is not other)
