import numpy as np

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.models import inference
from mnist_sweep.training.network import Network
from tests.training.conftest import held


def test_evaluation_is_that_of_the_model_on_scaled_images(network: Network, digits: Dataset) -> None:
    labels = digits.val.labels.astype("int32")
    _, num_correct, classes = network.evaluate(digits.val.images, labels)
    logits = inference.logits(network.model, digits.val.images / np.float32(16))
    assert classes.numpy().tolist() == logits.argmax(axis=1).tolist()
    assert int(num_correct) == (logits.argmax(axis=1) == labels).sum()


def test_every_variable_is_set_and_is_part_of_the_state(network: Network) -> None:
    values = [np.full_like(value, number) for number, value in enumerate(held(network))]
    network.set_weights(values)
    assert all(map(np.array_equal, held(network), values))
    assert all(map(np.array_equal, (variable.numpy() for variable in network.state().values()), values))


def test_hyperparameters_kept_in_weights_follow_a_change_and_nothing_else_does(network: Network) -> None:
    before = held(network)
    dropped = [value for variable, value in zip(network.model.variables, before, strict=True) if value.shape == ()]
    assert dropped == [0.5]
    network.update_hyperparameters(before, [np.float32(0.25) if value.shape == () else value + 1 for value in before])
    changed = [not np.array_equal(*pair) for pair in zip(held(network), before, strict=True)]
    assert changed == [not variable.trainable for variable in network.model.variables]
