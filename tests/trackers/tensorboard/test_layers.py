from typing import Any

import keras
import numpy as np
import pytest

from mnist_sweep import CNN, ResNet, Softmax
from mnist_sweep.trackers.tensorboard.layers import LayerSummaries
from mnist_sweep.training import tensorflow_runtime

BLOCKS = [f"block{number}" for number in (1, 2, 3)]
ENDS = {"conv": "relu"} | {f"{block}_conv{place}": f"{block}_relu{place}" for block in BLOCKS for place in (1, 2)}


@pytest.fixture(scope="module")
def images() -> Any:
    tensorflow_runtime.configure(threads=1)
    return np.random.default_rng(0).random((5, 32, 32, 3), dtype="float32")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights each time: of few units, all may lie on one side by chance."""
    tensorflow_runtime.seed_everything(0)


def of(model: Any, name: str, images: Any) -> tuple[Any, Any]:
    """Return what goes into a layer of a model, and what comes out."""
    layer = model.get_layer(name)
    before, after = keras.Model(model.inputs[0], [layer.input, layer.output])(images, training=False)
    return before.numpy(), after.numpy()


def test_values_of_a_residual_network_lie_on_both_sides_of_its_nonlinearities(images: Any) -> None:
    model = ResNet(depth=8, filters=4).build((32, 32, 3), 10)
    layers, pools = LayerSummaries(model).values(images)
    assert layers.keys() == ENDS.keys() | {"logits"}
    assert pools == {}
    for name, end in ENDS.items():
        before, after = (value.numpy() for value in layers[name])
        expected = of(model, end, images)
        assert (before < 0).any()
        assert np.allclose(before, expected[0], atol=1e-5)
        assert np.allclose(after, expected[1], atol=1e-5)
        assert np.array_equal(after, np.maximum(before, 0))


def test_values_of_a_plain_network_lie_on_both_sides_of_its_layers_own_activations(images: Any) -> None:
    model = CNN(filters=(4, 5), kernel_size=3, units=8).build((32, 32, 3), 10)
    layers, pools = LayerSummaries(model).values(images)
    assert list(layers) == ["conv1", "conv2", "hidden", "logits"]
    assert list(pools) == ["pool1", "pool2"]
    for name in ("conv1", "conv2", "hidden"):
        before, after = (value.numpy() for value in layers[name])
        assert (before < 0).any()
        assert np.allclose(after, of(model, name, images)[1], atol=1e-5)
        assert np.array_equal(after, np.maximum(before, 0))
    assert np.allclose(pools["pool2"], of(model, "pool2", images)[1], atol=1e-5)


@pytest.mark.parametrize("behind", ["dense", "normalization"])
def test_a_layer_without_a_nonlinearity_is_shown_as_it_is(images: Any, behind: str) -> None:
    layers = keras.layers
    ends = {"dense": [layers.Dropout(0.5), layers.Dense(3, "relu")], "normalization": [layers.BatchNormalization()]}
    first = layers.Dense(4, name="first")
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), first, *ends[behind]])
    before, after = LayerSummaries(model).values(images)[0]["first"]
    assert np.array_equal(before, after)
    assert np.allclose(before, of(model, "first", images)[1], atol=1e-5)


def test_softmax_regression_has_one_layer_and_no_pooling(images: Any) -> None:
    layers, pools = LayerSummaries(Softmax().build((32, 32, 3), 10)).values(images)
    assert (len(layers), pools) == (1, {})
