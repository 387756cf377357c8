"""Softmax regression: one affine layer, as in the first of the classic TensorFlow tutorials."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mnist_sweep.models import shapes
from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.validation import coerce

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax:
    """Hyperparameters of softmax regression.

    Attributes:
        initializer: Initial weights; the classic tutorial's are zeros. Biases start from zero.
    """

    initializer: Literal["zeros", "glorot_uniform"] = "zeros"

    def __post_init__(self) -> None:
        coerce(self)

    def describe(self, image_shape: tuple[int, int, int], num_classes: int) -> list[LayerShape]:
        """Return the shape of the one layer for an image of this shape."""
        return [shapes.dense(image_shape, num_classes)]

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Return the untrained model, mapping `(batch, *image_shape)` to logits of shape `(batch, num_classes)`."""
        import keras

        images = keras.Input(image_shape, name="images")
        x = keras.layers.Flatten(name="flatten")(images)
        logits = keras.layers.Dense(num_classes, kernel_initializer=self.initializer, name="logits")(x)
        return keras.Model(images, logits, name="softmax")
