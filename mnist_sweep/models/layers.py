"""Dropout whose rate is a weight, so that trials can change it without a new graph, and a faster BatchNormalization.

Imported by `build` only, since it loads Keras.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="mnist_sweep")
class Dropout(keras.layers.Layer):  # type: ignore[misc]  # Keras brings no types
    """Keras' `Dropout` with the rate in a weight that is not trained.

    Zeroes each input with probability `rate` in training and scales the others by 1 / (1 - rate); otherwise the
    identity. (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".)

    Attributes:
        rate: Share of the inputs zeroed, in [0, 1): a float32 scalar.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.initial_rate = rate
        self.seed_generator = keras.random.SeedGenerator(0)
        self.rate = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(rate), dtype="float32", trainable=False, autocast=False
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, a share of them zeroed if `training`: same shape and dtype."""
        if not training:
            return inputs
        draws = keras.random.uniform(ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        scale = ops.where(draws < self.rate, 0.0, 1.0 / (1.0 - self.rate))
        return inputs * ops.cast(scale, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, which Keras saves."""
        return {**super().get_config(), "rate": self.initial_rate}


@keras.saving.register_keras_serializable(package="mnist_sweep")
class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras brings no types
    """Keras' `BatchNormalization` of images by TensorFlow's one fused kernel instead of a dozen operations.

    As in TensorFlow's official residual networks, the moving variance averages the unbiased variances of batches.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return `(batch, height, width, channels)` normalised by the batch if `training`, else by moving averages."""
        mean, variance = (None, None) if training else (self.moving_mean, self.moving_variance)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, mean, variance, epsilon=self.epsilon, is_training=training
        )
        if training:
            for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return outputs
