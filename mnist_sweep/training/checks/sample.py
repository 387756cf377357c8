"""One small batch of a data set, on which models are tried."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.optim.losses import CrossEntropy, MeanSquaredError
from mnist_sweep.optim.regression import is_of_numbers

NUM_IMAGES = 4  # of the training split, and as many of noise, which differ whatever the data


class Sample(NamedTuple):
    """Training images, spread over the split, and images of noise.

    Attributes:
        images: float32 `[n, height, width, channels]` in [0, 1].
        labels: int32 `[n]`, or float32 `[n]` or `[n, k]` if they are numbers.
        num_classes: Number of classes of the data set, or of the numbers of an image.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int32 | np.float32]
    num_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    @property
    def loss(self) -> CrossEntropy | MeanSquaredError:
        """A loss for such labels."""
        return MeanSquaredError() if is_of_numbers(self.labels) else CrossEntropy()


def draw(data: Dataset) -> Sample:
    """Return a sample of a data set, always the same."""
    places = np.linspace(0, len(data.train.labels) - 1, NUM_IMAGES).astype(int)
    noise = np.random.default_rng(0).random((NUM_IMAGES, *data.image_shape), np.float32)
    images = data.scaled(data.train.images[places])
    known = data.train.labels[places]
    labels = np.concatenate([known, known if data.is_regression else np.arange(NUM_IMAGES) % data.num_classes])
    kind = np.float32 if data.is_regression else np.int32
    return Sample(np.concatenate([images, noise]), labels.astype(kind), data.num_classes)
