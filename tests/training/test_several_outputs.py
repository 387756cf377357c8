"""Laws of models with several outputs: a loss of one's own takes all of them, and one of them is judged."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, Adam, Digits, Local, LogLoss, Sweep, TrialConfig, from_flat, grid, run
from mnist_sweep.errors import ConfigError
from mnist_sweep.models import keras_file
from mnist_sweep.results import predictions
from mnist_sweep.results.merging import differences
from mnist_sweep.runners.trial import execute
from mnist_sweep.training.checks.models_to_check import check_model
from mnist_sweep.trials.row import Status

pytestmark = pytest.mark.usefixtures("tf")


@dataclass(frozen=True)
class TwoHeads:
    """A network for the digit, and for whether it is even."""

    units: int = 16
    as_list: bool = False

    def build(self, image_shape: Any, num_classes: int) -> Any:
        import keras

        images = keras.Input(image_shape)
        hidden = keras.layers.Dense(self.units, activation="relu")(keras.layers.Flatten()(images))
        digit, even = keras.layers.Dense(num_classes)(hidden), keras.layers.Dense(2)(hidden)
        return keras.Model(images, [digit, even] if self.as_list else {"digit": digit, "even": even})


@dataclass(frozen=True)
class Both:
    """The cross-entropy of the digit, and a share of that of whether it is even."""

    weight: float = 0.3
    main: Any = "digit"

    def per_example(self, labels: Any, outputs: Any) -> Any:
        import tensorflow as tf

        digit, even = outputs.values() if isinstance(outputs, dict) else outputs
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
        return entropy(labels, digit) + self.weight * entropy(labels % 2, even)


@dataclass(frozen=True)
class DigitAlone(Both):
    def per_example(self, labels: Any, outputs: Any) -> Any:
        import tensorflow as tf

        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs["digit"])


BASE = TrialConfig(
    model=TwoHeads(), loss=Both(), optimizer=Adam(learning_rate=0.01), num_steps=150, batch_size=50, evaluate_every=75
)


def test_a_network_with_two_heads_trains_resumes_its_bits_and_keeps_the_main_one(tmp_path: Path) -> None:
    trials = grid(replace(BASE, objective=LogLoss()), {"loss.weight": [0.0, 1.0]})
    outcome = run(Sweep(name="heads", trials=trials), results=tmp_path, runner=Local(in_process=True))
    assert outcome.best is not None
    for row in outcome.rows:
        assert (row.status, row.error, row.parameters) == (Status.OK, None, 64 * 16 + 16 + 17 * 12)
        assert row.test_accuracy is not None
        assert row.test_accuracy > 0.8
        assert differences(row, execute(from_flat(row.config))) == []  # as `replay` compares them
        kept = predictions.read(outcome.folder, row.trial_id)
        labels = predictions.read_labels(outcome.folder, predictions.data_id(row.config))
        assert (kept.test == labels.test).mean() == pytest.approx(row.test_accuracy)
    aside, more = (row.val_loss or 0.0 for row in outcome.rows)
    assert aside == pytest.approx(outcome.rows[0].val, rel=1e-5)
    assert more > (outcome.rows[1].val or 0.0)
    assert outcome.best.model is not None
    test, best = Digits().load().test, predictions.read(outcome.folder, outcome.best.trial_ids[0])
    shares = keras_file.probabilities(outcome.best.model, [image / np.float32(16) for image in test.images])
    assert np.array_equal(shares.argmax(axis=1), best.test)


def test_the_main_output_may_be_a_place_in_a_list() -> None:
    by_place = replace(BASE, model=TwoHeads(as_list=True), loss=Both(main=0))
    assert execute(by_place).val_loss == execute(BASE).val_loss


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"loss": "cross_entropy"}, "it has 2 outputs: return the logits alone, or give a loss a `main`"),
        ({"loss": Both(main="class")}, "it has the outputs ['digit', 'even']: the loss takes all of them, and `main`"),
        ({"loss": Both(main="even")}, "its outputs have the shape (batch, 2)"),
        ({"loss": Both(main=2), "model": TwoHeads(as_list=True)}, "it has the outputs [0, 1]: the loss takes all of"),
        ({"model": CNN(filters=(4,), units=8)}, "it is not a functional model with several outputs"),
        ({"loss": DigitAlone()}, "and float32 outputs (batch, 10) and (batch, 2), but it has no gradient of an output"),
    ],
)
def test_what_does_not_fit_the_outputs_is_refused(
    changed: dict[str, Any], says: str, refused: Callable[..., AbstractContextManager[None]]
) -> None:
    with refused(ConfigError, says):
        check_model(replace(BASE, **changed), Digits().load())
