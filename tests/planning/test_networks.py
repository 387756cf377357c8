"""What a plan shows of a sweep."""

import io
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

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


def shown(name: str, plans: list[networks.NetworkPlan]) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    networks.show(name, plans, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_trials_that_differ_in_numbers_alone_share_a_network() -> None:
    models = [CNN(filters=(4,)), CNN(filters=(4,), dropout=0.5), CNN(filters=(8,)), Softmax()]
    plans = networks.networks(grid(TrialConfig(), {"model": models, "optimizer": [Adam(), Momentum()], "seed": [0, 1]}))
    assert [(one.model, one.num_trials) for one in plans] == [(models[0], 8), (models[2], 4), (models[3], 4)]
    assert {one.image_shape for one in plans} == {(8, 8, 1)}


def test_every_layer_is_shown_with_its_rule_and_the_sums() -> None:
    text = shown("digits", networks.networks([TrialConfig(model=CNN(filters=(4,), kernel_size=3, units=16))]))
    lines = [line.split() for line in text.splitlines()]
    assert text.startswith("digits: 1 trial, 1 network\n")
    assert ["conv", "3x3", "8x8x4", "40", "2,304", "(8", "-", "3", "+", "2)", "/", "1", "+", "1", "=", "8"] in lines
    assert ["pool", "2x2", "4x4x4", "0", "0", "(8", "-", "2", "+", "0)", "/", "2", "+", "1", "=", "4"] in lines
    assert ["dense", "16", "1,040", "1,024"] in lines
    assert ["all", "1,250", "3,488"] in lines


@pytest.mark.usefixtures("tf")
def test_a_model_of_the_users_is_built_to_be_described() -> None:
    (one,) = networks.networks([TrialConfig(model=Wide())])
    assert one.layers[-1].output == (10,)
    assert sum(layer.parameters for layer in one.layers) == 650
    assert sum(layer.multiply_adds for layer in one.layers) == 640
    assert "(W - F" not in shown("mine", [one])
