"""The laws hold for every model of the package and every way its weights may start."""

import functools
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, ResNet, Softmax, TrialConfig
from mnist_sweep.training import initial_weights, runtime

pytestmark = pytest.mark.usefixtures("nothing_kept")

EVERY_START = [
    CNN(filters=(4,), kernel_size=3, units=8, dropout=0.3),
    CNN(filters=(4, 4), kernel_size=3, units=8, initializer="truncated_normal"),
    ResNet(depth=8, filters=2),
    Softmax(),
    Softmax(initializer="glorot_uniform"),
]


def started(model: Any, seed: int) -> list[Any]:
    build = functools.partial(model.build, (8, 8, 1), 10)
    return [np.asarray(value) for value in initial_weights.draw(TrialConfig(model=model, seed=seed), build, "8x8")]


@pytest.mark.parametrize("model", EVERY_START, ids=str)
def test_weights_are_a_function_of_the_seed_whatever_started_before(model: Any) -> None:
    alone = started(model, 3)
    runtime._CACHE.clear()
    started(model, 1)
    started(model, 2)
    assert all(map(np.array_equal, started(model, 3), alone))


@pytest.mark.parametrize("model", EVERY_START, ids=str)
def test_a_variable_that_builds_differ_in_differs_between_seeds_and_no_other(model: Any) -> None:
    builds = []
    for seed in (1, 2):
        runtime.seed_everything(seed)
        builds.append([variable.numpy() for variable in model.build((8, 8, 1), 10).variables])
    drawn = [not np.array_equal(*pair) for pair in zip(*builds, strict=True)]
    differ = [not np.array_equal(*pair) for pair in zip(started(model, 1), started(model, 2), strict=True)]
    assert differ == drawn


@pytest.mark.parametrize("model", EVERY_START, ids=str)
def test_draws_have_the_spread_of_the_models_own_initializers(model: Any) -> None:
    built = [variable.numpy() for variable in model.build((8, 8, 1), 10).variables]
    for mine, keras_own in zip(started(model, 0), built, strict=True):
        assert mine.shape == keras_own.shape
        assert np.std(mine) == pytest.approx(np.std(keras_own), rel=0.5)


def test_no_two_variables_draw_the_same_numbers() -> None:
    values = started(CNN(filters=(4, 4), kernel_size=3, units=8), 0)
    kernels = [value.ravel()[:36] / np.abs(value).max() for value in values if value.ndim > 1]
    assert all(not np.allclose(one, other, rtol=1e-2) for one in kernels for other in kernels if one is not other)
