import numpy as np

from mnist_sweep.training.network import Network
from tests.training.conftest import held


def test_hyperparameters_kept_in_weights_follow_a_change_and_nothing_else_does(network: Network) -> None:
    before = held(network)
    dropped = [value for variable, value in zip(network.model.variables, before, strict=True) if value.shape == ()]
    assert dropped == [0.5]
    network.update_hyperparameters(before, [np.float32(0.25) if value.shape == () else value + 1 for value in before])
    changed = [not np.array_equal(*pair) for pair in zip(held(network), before, strict=True)]
    assert changed == [not variable.trainable for variable in network.model.variables]
