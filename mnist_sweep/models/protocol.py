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
        """Return the untrained model.

        Args:
            image_shape: Height, width and channels of an image.
            num_classes: Number of logits.

        Returns:
            A model from float32 images in [0, 1] of shape `(batch, *image_shape)` to logits `(batch, num_classes)`.
        """
