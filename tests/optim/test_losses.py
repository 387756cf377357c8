"""Laws of the losses, against Keras' own and scikit-learn's weights."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CrossEntropy, TrialConfig, from_flat, to_flat, trial_id
from mnist_sweep.errors import ConfigError, UnknownNameError
from mnist_sweep.optim import losses
from tests.conftest import Refused

LABELS = np.array([0, 2, 1, 2, 2, 0], np.int32)
LOGITS = np.random.default_rng(0).normal(0, 3, (6, 3)).astype(np.float32)
NAN, INFINITY = float("nan"), float("inf")


def squared(labels: Any, outputs: Any) -> Any:
    """Return the squared distance of the probabilities from the label (Brier 1950)."""
    import tensorflow as tf

    return tf.reduce_sum((tf.nn.softmax(outputs) - tf.one_hot(labels, outputs.shape[-1])) ** 2, axis=-1)


@dataclass(frozen=True)
class Focal:
    """A user's loss (Lin et al. 2017)."""

    gamma: float = 2.0

    def per_example(self, labels: Any, outputs: Any) -> Any:
        import tensorflow as tf

        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)
        return (1 - tf.exp(-entropy)) ** self.gamma * entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled(CrossEntropy):
    """A user's loss that extends a built-in one."""

    def per_example(self, labels: Any, outputs: Any) -> Any:  # type: ignore[override]  # a graph of its own for each
        return 2 * CrossEntropy.per_example(self, labels, outputs)


def of(loss: Any) -> Any:
    return losses.per_example(loss, LABELS, LOGITS).numpy()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 0.99])
def test_smoothed_cross_entropy_is_that_of_keras(tf: Any, smoothing: float) -> None:
    theirs = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    expected = theirs(tf.one_hot(LABELS, 3), LOGITS).numpy()
    np.testing.assert_allclose(of(CrossEntropy(label_smoothing=smoothing)), expected, rtol=1e-5)


def test_without_options_it_is_tensorflows_kernel_bit_for_bit(tf: Any) -> None:
    expected = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, LOGITS).numpy()
    np.testing.assert_array_equal(of(CrossEntropy()), expected)


@pytest.mark.usefixtures("tf")
def test_class_weights_multiply_the_losses_of_their_class() -> None:
    weighted = of(CrossEntropy(label_smoothing=0.1, class_weights=(1, 0, 2.5)))
    np.testing.assert_allclose(weighted, of(CrossEntropy(label_smoothing=0.1)) * np.array([1, 0, 2.5])[LABELS])


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    found = CrossEntropy(class_weights="balanced").fitted(LABELS, 3).class_weights
    assert found == tuple(compute_class_weight("balanced", classes=np.arange(3), y=LABELS).tolist())


@pytest.mark.parametrize(
    "loss", [CrossEntropy(label_smoothing=0.1), CrossEntropy(class_weights=(1, 2, 3)), squared, Focal(gamma=1.0)]
)
def test_a_row_makes_the_same_loss_again(loss: Any) -> None:
    config = TrialConfig(loss=loss)
    assert from_flat(to_flat(config)) == config
    assert trial_id(config) != trial_id(TrialConfig())


def test_the_default_loss_is_not_part_of_an_id() -> None:
    assert trial_id(from_flat({"loss": "cross_entropy"})) == trial_id(TrialConfig()) == "44136fa355b3-0"


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, NAN, INFINITY, "0.1", None])
def test_smoothing_outside_its_range_is_refused(refused: Refused, smoothing: Any) -> None:
    with refused(ConfigError, "label_smoothing"):
        CrossEntropy(label_smoothing=smoothing)


@pytest.mark.parametrize(
    "weights",
    [(), (0, 0, 0), (1, -1, 1), (1, NAN, 1), (1, INFINITY, 1), (1, "2", 3), (True, 1, 1), "balance", 2.0, {0: 1.0}],
    ids=str,
)
def test_weights_that_are_none_are_refused(refused: Refused, weights: Any) -> None:
    with refused(ConfigError, "class_weights"):
        CrossEntropy(class_weights=weights)


def test_equal_weights_have_one_id() -> None:
    ids = {trial_id(TrialConfig(loss=CrossEntropy(class_weights=(1, zero)))) for zero in (0, 0.0, -0.0)}
    assert len(ids) == 1


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0,) * 4])
def test_weights_of_another_number_of_classes_are_refused(refused: Refused, weights: Any) -> None:
    with refused(ConfigError, "len(class_weights) == num_classes", "num_classes=3"):
        losses.fitted(CrossEntropy(class_weights=weights), LABELS, 3)


def test_a_class_without_images_cannot_be_balanced(refused: Refused) -> None:
    with refused(ConfigError, "class 3 of 4 has none"):
        losses.fitted(CrossEntropy(class_weights="balanced"), LABELS, 4)


@pytest.mark.parametrize(
    ("given", "error"), [("hinge", UnknownNameError), (CrossEntropy, ConfigError), (1, ConfigError)]
)
def test_what_is_no_loss_is_refused(refused: Refused, given: Any, error: type[Exception]) -> None:
    with refused(error, "loss"):
        TrialConfig(loss=given)


def test_a_lambda_has_no_name_that_a_row_could_store(refused: Refused) -> None:
    with refused(ConfigError, "top level of a module"):
        trial_id(TrialConfig(loss=lambda labels, outputs: outputs[:, 0]))


def test_a_subclass_has_its_own_label_smoothing_and_the_weights_of_its_data() -> None:
    loss = Doubled(label_smoothing=0.1, class_weights="balanced")
    fitted, plain = (losses.fitted(one, LABELS, 3) for one in (loss, CrossEntropy(**asdict(loss))))
    assert fitted == Doubled(label_smoothing=0.1, class_weights=plain.class_weights)
    np.testing.assert_allclose(of(fitted), 2 * of(plain), rtol=1e-6)
    assert losses.signature(fitted) == fitted
