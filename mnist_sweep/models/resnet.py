"""The residual network for CIFAR-10 (He et al. 2015, arXiv 1512.03385, section 4.2), of any depth 6n+2."""

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mnist_sweep.models import shapes
from mnist_sweep.models.shapes import LayerShape
from mnist_sweep.validation import coerce, require, require_at_least

if TYPE_CHECKING:
    import keras

DEPTHS = range(8, 111, 6)
BATCH_NORM_MOMENTUM = 0.997
BATCH_NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNet:
    """Hyperparameters of the residual network for small images.

    A 3x3 convolution, three stages of n blocks of two 3x3 convolutions each, the average over the image, and one dense
    layer; every convolution is followed by batch normalisation. The second and third stage halve the image's sides and
    double the channels. Shortcuts have no weights: they skip every other pixel and add channels of zeros (option A).
    Images are first standardised one by one. Weights are initialised as in He et al. 2015 (arXiv 1502.01852); the
    constants of batch normalisation are those of TensorFlow's official model for CIFAR-10.

    Attributes:
        depth: Layers with weights: 6n+2 for n blocks a stage, from 8 to 110.
        filters: Channels of the first stage.
    """

    depth: int = 20
    filters: int = 16

    def __post_init__(self) -> None:
        coerce(self)
        require(self.depth in DEPTHS, "depth == 6n+2, from 8 to 110", depth=self.depth)
        require_at_least(1, filters=self.filters)

    def describe(self, image_shape: tuple[int, int, int], num_classes: int) -> list[LayerShape]:
        """Return the shape of each layer with weights, and of the average before the last one."""
        convolution = functools.partial(shapes.convolution, kernel_size=3, normalized=True)
        layers = [convolution(image_shape, self.filters)]
        for filters, strides in self._blocks():
            layers.append(convolution(layers[-1].output, filters, strides=strides))
            layers.append(convolution(layers[-1].output, filters))
        channels = layers[-1].output[-1:]
        return [*layers, LayerShape("average", channels, 0, 0), shapes.dense(channels, num_classes)]

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Return the untrained model, mapping `(batch, *image_shape)` to logits of shape `(batch, num_classes)`."""
        import keras

        layers = keras.layers
        images = keras.Input(image_shape, name="images")
        x = layers.ReLU(name="relu")(_convolution(standardized(images), self.filters, name="conv"))
        for number, (filters, strides) in enumerate(self._blocks(), start=1):
            name = f"block{number}"
            y = _convolution(x, filters, strides, name=f"{name}_conv1")
            y = _convolution(layers.ReLU(name=f"{name}_relu1")(y), filters, name=f"{name}_conv2")
            y = layers.Add(name=f"{name}_add")([y, _shortcut(x, filters, strides, name=f"{name}_shortcut")])
            x = layers.ReLU(name=f"{name}_relu2")(y)
        x = layers.GlobalAveragePooling2D(name="average")(x)
        logits = layers.Dense(num_classes, kernel_initializer="he_normal", name="logits")(x)
        return keras.Model(images, logits, name="resnet")

    def _blocks(self) -> list[tuple[int, int]]:
        blocks = range((self.depth - 2) // 6)
        return [(self.filters * 2**stage, 2 if stage and not block else 1) for stage in range(3) for block in blocks]


def standardized(images: Any) -> Any:
    """Return images minus their means over their standard deviations, as `tf.image.per_image_standardization`.

    The deviation of pixels up to 255 is at least 1 / sqrt(values of an image): an image of one colour becomes zeros.
    """
    from keras import ops

    pixels = images * 255.0
    axes, floor = (1, 2, 3), math.prod(images.shape[1:]) ** -0.5
    mean, deviation = ops.mean(pixels, axis=axes, keepdims=True), ops.std(pixels, axis=axes, keepdims=True)
    return (pixels - mean) / ops.maximum(deviation, floor)


def _convolution(x: Any, filters: int, strides: int = 1, *, name: str) -> Any:
    """Return a 3x3 convolution without biases, batch-normalised."""
    from keras import layers

    from mnist_sweep.models.layers import BatchNormalization

    options = {"strides": strides, "padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(filters, 3, name=name, **options)(x)
    return BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=f"{name}_normalization")(x)


def _shortcut(x: Any, filters: int, strides: int, *, name: str) -> Any:
    """Return every `strides`-th row and column, padded with channels of zeros."""
    from keras import layers, ops

    missing = filters - x.shape[-1]
    kept = layers.AveragePooling2D(1, strides=strides, name=name)(x) if strides > 1 else x
    return ops.pad(kept, [[0, 0], [0, 0], [0, 0], [0, missing]]) if missing else kept
