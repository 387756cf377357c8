"""The plain convolutional network of the Deep MNIST and tf.layers tutorials, with every size a field."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mnist_sweep.errors import ConfigError
from mnist_sweep.models import shapes
from mnist_sweep.models.protocol import VARIABLE
from mnist_sweep.models.shapes import LayerShape, Volume
from mnist_sweep.validation import coerce, require, require_at_least

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True, kw_only=True)
class CNN:
    """Hyperparameters of the plain convolutional network.

    Blocks of convolution (stride 1, zero padding to the same size), ReLU and max-pooling (stride `pool_size`, windows
    padded at the border); then a dense layer with ReLU, dropout and the logits. Blocks that do not fit an image raise
    ConfigError.

    Attributes:
        filters: Channels of each block, first to last; each block divides the image's sides by `pool_size`.
        kernel_size: Side of the convolutions' windows, in pixels.
        pool_size: Side and stride of the pooling windows, in pixels; 1 means no pooling.
        units: Width of the dense layer.
        dropout: Share of dense activations zeroed in training, in [0, 1).
        initializer: `glorot_uniform` with zero biases, as in tf.layers; `truncated_normal` of standard deviation 0.1
            with biases of 0.1, as in Deep MNIST; or `lecun_uniform` with zero biases, which is the uniform unit scaling
            (Sussillo and Abbott 2014, arXiv 1412.6558) that TensorFlow's variables started with before Glorot's.
    """

    filters: tuple[int, ...] = (32, 64)
    kernel_size: int = 5
    pool_size: int = 2
    units: int = 1024
    dropout: float = field(default=0.0, metadata=VARIABLE)
    initializer: Literal["glorot_uniform", "truncated_normal", "lecun_uniform"] = "glorot_uniform"

    def __post_init__(self) -> None:
        coerce(self)
        require(len(self.filters) >= 1 and min(self.filters) >= 1, "filters >= 1 in every block", filters=self.filters)
        require_at_least(1, kernel_size=self.kernel_size, pool_size=self.pool_size, units=self.units)
        require(0 <= self.dropout < 1, "0 <= dropout < 1", dropout=self.dropout)

    def check(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        """Validate that the blocks fit images of this shape.

        Raises:
            ConfigError: A block would pool an image that is smaller than its window.
        """
        self.describe(image_shape, num_classes)

    def describe(self, image_shape: tuple[int, int, int], num_classes: int) -> list[LayerShape]:
        """Return the shape of each layer for an image of this shape; dropout changes no shape and is left out."""
        layers: list[LayerShape] = []
        volume: Volume = image_shape
        for block, filters in enumerate(self.filters, start=1):
            if min(volume[:2]) < self.pool_size:
                got = f"pool_size={self.pool_size} and height={volume[0]}, width={volume[1]} in block {block}"
                where = f"of filters={self.filters} on a {image_shape[0]}x{image_shape[1]} image"
                rule = f"`pool_size <= height, width` must hold in every block, but got {got} {where}"
                raise ConfigError(f"{rule}: use fewer blocks or a smaller pool_size.")
            layers.append(shapes.convolution(volume, filters, kernel_size=self.kernel_size))
            layers.append(shapes.pooling(layers[-1].output, pool_size=self.pool_size))
            volume = layers[-1].output
        layers.append(shapes.dense(volume, self.units))
        return [*layers, shapes.dense((self.units,), num_classes)]

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> "keras.Model":
        """Return the untrained model, mapping `(batch, *image_shape)` to logits of shape `(batch, num_classes)`."""
        import keras

        from mnist_sweep.models.layers import Dropout

        self.check(image_shape, num_classes)
        layers = keras.layers
        images = x = keras.Input(image_shape, name="images")
        for block, filters in enumerate(self.filters, start=1):
            options = {"padding": "same", "activation": "relu", "name": f"conv{block}", **self._initializers()}
            x = layers.Conv2D(filters, self.kernel_size, **options)(x)
            x = layers.MaxPooling2D(self.pool_size, padding="same", name=f"pool{block}")(x)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(self.units, activation="relu", name="hidden", **self._initializers())(x)
        x = Dropout(self.dropout, name="dropout")(x)
        logits = layers.Dense(num_classes, name="logits", **self._initializers())(x)
        return keras.Model(images, logits, name="cnn")

    def _initializers(self) -> dict[str, Any]:
        import keras

        kernel, bias = self.initializer, "zeros"
        if self.initializer == "truncated_normal":
            kernel, bias = keras.initializers.TruncatedNormal(stddev=0.1), keras.initializers.Constant(0.1)
        return {"kernel_initializer": kernel, "bias_initializer": bias}
