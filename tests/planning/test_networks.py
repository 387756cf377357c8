"""What a plan shows of a sweep."""

from dataclasses import dataclass
from typing import Any

import pytest

from mnist_sweep import CNN, Adam, Momentum, Softmax, TrialConfig, grid
from mnist_sweep.planning import networks


@dataclass(frozen=True)
class Wide:
    """A user's model, which cannot describe itself."""

    units: int = 7

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        import keras

        layers = keras.layers
        return keras.Sequential([keras.Input(image_shape), layers.Flatten(), layers.Dense(num_classes)])


def test_trials_that_differ_in_numbers_alone_share_a_network() -> None:
    models = [CNN(filters=(4,)), CNN(filters=(4,), dropout=0.5), CNN(filters=(8,)), Softmax()]
    plans = networks.networks(grid(TrialConfig(), {"model": models, "optimizer": [Adam(), Momentum()], "seed": [0, 1]}))
    assert [(one.model, one.num_trials) for one in plans] == [(models[0], 8), (models[2], 4), (models[3], 4)]
    assert {one.image_shape for one in plans} == {(8, 8, 1)}


@pytest.mark.usefixtures("tf")
def test_a_model_of_the_users_is_built_to_be_described() -> None:
    (one,) = networks.networks([TrialConfig(model=Wide())])
    assert one.layers[-1].output == (10,)
    assert sum(layer.parameters for layer in one.layers) == 650
    assert sum(layer.multiply_adds for layer in one.layers) == 640
    assert {layer.rule for layer in one.layers} == {""}
