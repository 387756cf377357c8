"""The traced graphs of one network that no optimizer is part of: gradients of a batch, evaluation of a whole split.

Graphs are kept for later trials with the same signature, so nothing of a trial may live in them: weights are variables
that `set_weights` initialises, everything else comes in as arguments. Loops are `tf.while_loop`, since AutoGraph would
need this file's source text on the worker's disk. Name scopes end in a slash, which opens the same one again.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from mnist_sweep.models import inference
from mnist_sweep.optim import losses
from mnist_sweep.training import tensorflow_runtime

if TYPE_CHECKING:
    from mnist_sweep.data.dataset import Dataset
    from mnist_sweep.trials.config import TrialConfig


class Network:
    """A model with the graphs that no optimizer is part of.

    Attributes:
        pixel_range: Values of pixels that become 0 and 1.
        weights: Trainable variables of the model.
        constraints: What a user's layer projects each weight with after an update, or None.
        draws: State of each layer that draws random numbers in training.
        parameters: Number of values in the weights.
        scales_loss: Whether gradients are those of a scaled loss, as float16 needs.
        autograph: Whether AutoGraph converts the model's code, as one of the user's may need.
        gradients: Graph from images, labels and loss scale to the batch's mean loss, logits, and the gradients of the
            scaled loss, one for each weight.
        evaluate: Graph from images and labels of a split to what `inference.evaluate` returns.
    """

    def __init__(
        self,
        model: Any,
        data: "Dataset",
        loss: Any,
        *,
        batch_size: int,
        scales_loss: bool,
        autograph: bool,
        with_logits: bool = False,
    ) -> None:
        self.model, self.scales_loss, self.autograph, self._with_logits = model, scales_loss, autograph, with_logits
        self.pixel_range, self._smoothing = data.pixel_range, tf.Variable(0.0, trainable=False)
        self._main = losses.main_output(loss)
        self._losses = partial(losses.per_example, loss, label_smoothing=self._smoothing)
        self.weights = [variable.value for variable in model.trainable_variables]
        self.constraints = [getattr(variable, "constraint", None) for variable in model.trainable_variables]
        self.draws = [variable.value for variable in model.variables if variable.name == "seed_generator_state"]
        self.parameters = sum(int(np.prod(weight.shape)) for weight in self.weights)
        dtype = data.train.images.dtype
        self.images = tf.TensorSpec((None, *data.image_shape), dtype, "images")
        kind = tf.float32 if data.is_regression else tf.int32
        self.labels = tf.TensorSpec((None, *data.label_shape), kind, "labels")
        batch = tf.TensorSpec((batch_size, *data.image_shape), dtype)
        labels = tf.TensorSpec((batch_size, *data.label_shape), kind)
        graph = partial(tensorflow_runtime.traced, autograph=autograph)
        scale, xla = tf.TensorSpec((), tf.float32), tensorflow_runtime.configured().get("xla") or None
        self.gradients = graph(self._gradients, input_signature=[batch, labels, scale], jit_compile=xla)
        self.evaluate = graph(self._evaluate, input_signature=[self.images, self.labels])

    @property
    def judged_model(self) -> Any:
        """The model without outputs that only its loss takes."""
        return inference.judged(self.model, self._main)

    def set_weights(self, values: Sequence[Any]) -> None:
        """Set every variable of the model, in the order of `variables`."""
        for variable, value in zip(self.model.variables, values, strict=True):
            variable.value.assign(value)

    def set_hyperparameters(self, config: "TrialConfig") -> None:
        """Set the numbers of a trial that the loss takes."""
        self._smoothing.assign(losses.label_smoothing(config.loss))

    def update_hyperparameters(self, old: Sequence[Any], new: Sequence[Any]) -> None:
        """Set the variables that are not trained and whose initial value changes from `old` to `new`."""
        for variable, before, value in zip(self.model.variables, old, new, strict=True):
            if not variable.trainable and not np.array_equal(before, value):
                variable.value.assign(value)

    def state(self) -> dict[str, Any]:
        """Return every variable that training changes, by a unique name."""
        return {f"model/{number}": variable.value for number, variable in enumerate(self.model.variables)}

    def scaled_images(self, images: Any) -> Any:
        """Return images as float32 in [0, 1]."""
        return inference.scaled(images, self.pixel_range)

    def _gradients(self, images: Any, labels: Any, loss_scale: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = self.model(self.scaled_images(images), training=True)
            with tf.name_scope("cross_entropy/"):
                logits, given = inference.answers(outputs, labels, self._main)
                loss = tf.reduce_mean(self._losses(labels, given))
                objective = tf.add_n([loss, *self.model.losses])
                if self.scales_loss:
                    objective *= loss_scale
        with tf.name_scope("gradient_tape/"):  # where TensorFlow puts all else of a gradient
            gradients = tape.gradient(objective, self.weights)
            # The gradient of an embedding is sparse, and optimizers take dense ones.
            return loss, logits, [None if one is None else tf.convert_to_tensor(one) for one in gradients]

    def _evaluate(self, images: Any, labels: Any) -> Any:
        options = {"pixel_range": self.pixel_range, "with_logits": self._with_logits, "main": self._main}
        return inference.evaluate(self.model, images, labels, self._losses, **options)
