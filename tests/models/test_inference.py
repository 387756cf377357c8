"""Evaluation in batches against one pass of NumPy or Keras over all images."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_sweep import CNN, CrossEntropy
from mnist_sweep.models import inference
from mnist_sweep.training import tensorflow_runtime

IMAGES = np.random.default_rng(0).integers(0, 17, (1197, 8, 8, 1), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 10, 1197, np.int32)


@pytest.fixture
def model(tf: Any) -> Any:
    tensorflow_runtime.seed_everything(0)
    return CNN(filters=(4,), kernel_size=3, units=8, dropout=0.5).build((8, 8, 1), 10)


def test_evaluation_covers_every_image_once(tf: Any, model: Any) -> None:
    assert len(IMAGES) > inference.BATCH_SIZE
    assert len(IMAGES) % inference.BATCH_SIZE
    evaluate: Callable[..., Any] = tf.function(inference.evaluate, autograph=False)
    loss_sum, num_correct, classes = evaluate(
        model, tf.constant(IMAGES), tf.constant(LABELS), CrossEntropy().per_example, pixel_range=(0.0, 16.0)
    )
    logits = model.predict(IMAGES / np.float32(16), verbose=0).astype("float64")
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(LABELS)), LABELS]
    assert float(loss_sum) == pytest.approx(losses.sum(), rel=1e-5)
    assert int(num_correct) == (logits.argmax(axis=1) == LABELS).sum()
    assert classes.numpy().tolist() == logits.argmax(axis=1).tolist()


@pytest.mark.parametrize("num_images", [1, 500, 1197])
def test_logits_are_those_of_all_images_in_their_order(model: Any, num_images: int) -> None:
    images = IMAGES[:num_images]
    logits = inference.logits(model, images, pixel_range=(0.0, 16.0))
    assert (str(logits.dtype), logits.shape) == ("float32", (num_images, 10))
    np.testing.assert_allclose(logits, model(images / np.float32(16)).numpy(), atol=1e-6)
    np.testing.assert_array_equal(inference.logits(model, images / np.float32(16)), logits)
