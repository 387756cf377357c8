"""Which losses of a user are refused before training, and how each refusal reads."""

from typing import Any

import pytest

from mnist_sweep import Digits
from mnist_sweep.errors import ConfigError
from mnist_sweep.training.checks import refused_losses, sample
from tests.conftest import Refused
from tests.optim.test_losses import Focal, squared

pytestmark = pytest.mark.usefixtures("tf")


def entropy(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def mean(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(entropy(labels, outputs))


def by_class(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return (outputs - tf.one_hot(labels, 10)) ** 2


def half(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.cast(entropy(labels, outputs), tf.float16)


def whole(labels: Any, outputs: Any) -> Any:
    return labels


def logarithm(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return -tf.math.log(tf.gather(outputs, labels, batch_dims=1))


def constant(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.cast(labels, tf.float32)


def root(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.sqrt(0 * outputs[:, 0])


def ranked(labels: Any, outputs: Any) -> Any:
    return entropy(labels, outputs - outputs[:1] / 2)


def noisy(labels: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return entropy(labels, outputs) + tf.random.uniform(labels.shape)


def in_numpy(labels: Any, outputs: Any) -> Any:
    return outputs.numpy()[:, 0]


def nothing(labels: Any, outputs: Any) -> Any:
    return None


def failing(labels: Any, outputs: Any) -> Any:
    raise KeyError("the key")


def one_argument(labels: Any) -> Any:
    return labels


@pytest.mark.parametrize("loss", [squared, Focal(), entropy])
def test_a_loss_for_each_example_is_accepted(loss: Any) -> None:
    refused_losses.check(loss, sample.draw(Digits().load()))


@pytest.mark.parametrize(
    ("loss", "finding"),
    [
        (mean, "returns the shape () for a batch of 8: leave the mean to the sweep"),
        (by_class, "returns the shape (8, 10)"),
        (half, "returns float16"),
        (whole, "returns int32"),
        (logarithm, "is not finite for normal outputs"),
        (constant, "has no gradient"),
        (root, "its gradient is not finite"),
        (ranked, "depends on the other examples"),
        (noisy, "two calls with the same batch differ"),
        (in_numpy, "it raises AttributeError in a graph: compute with TensorFlow's operations alone"),
        (nothing, "it raises ValueError in a graph"),
        (failing, "it raises KeyError: 'the key'"),
        (one_argument, "it raises TypeError"),
    ],
)
def test_a_loss_that_would_not_train_as_meant_is_refused_in_one_line(refused: Refused, loss: Any, finding: str) -> None:
    with refused(ConfigError, f"the loss {loss.__name__} must return a float32 loss for each example", finding):
        refused_losses.check(loss, sample.draw(Digits().load()))
