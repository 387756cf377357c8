"""The interface of a model: frozen hyperparameters with a `build` method.

A field marked with `metadata=VARIABLE` is a number that the built model keeps in a weight rather than in its structure;
trials of a worker that differ only in such fields share one traced graph.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import keras

VARIABLE = MappingProxyType({"variable": True})


class Model(Protocol):
    """Hyperparameters of a network: any frozen dataclass with this method.

    A model may also have `check(image_shape, num_classes)`, which raises ConfigError for images that do not fit; it is
    called for every trial before the first one starts, and must not load TensorFlow. With `describe(image_shape,
    num_classes)`, which returns a LayerShape for each layer, `mnist-sweep plan` shows the model without building it.
    """

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Return a new, untrained model, which depends on nothing but the fields, the arguments and Keras' seed.

        It may be functional, sequential or subclassed, and may get its weights in its first call. The sweep trains it:
        what `compile` was given, `fit` and `train_step` are ignored; losses that layers add and constraints of weights
        are not. Before any trial trains, `training.model_candidates` holds it against this contract.

        Args:
            image_shape: Height, width and channels of an image.
            num_classes: Number of logits.

        Returns:
            A model from float32 images in [0, 1] of shape `(batch, *image_shape)`, of any number, to logits
            `(batch, num_classes)`, without a softmax or sigmoid. All its state is in variables of its layers, random
            numbers come from Keras' seed generators, and in evaluation (`training=False`) the logits of an image depend
            on that image and the variables alone.
        """
