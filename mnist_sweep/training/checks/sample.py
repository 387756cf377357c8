"""One small batch of a data set, on which models are tried."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.dataset import Dataset

NUM_IMAGES = 4  # of the training split, and as many of noise, which differ whatever the data


class Sample(NamedTuple):
    """Training images, spread over the split, and images of noise.

    Attributes:
        images: float32 `[n, height, width, channels]` in [0, 1].
        labels: int32 `[n]`.
        num_classes: Number of classes of the data set.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int32]
    num_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        _, height, width, channels = self.images.shape
        return height, width, channels


def draw(data: Dataset) -> Sample:
    """Return a sample of a data set, always the same."""
    places = np.linspace(0, len(data.train.labels) - 1, NUM_IMAGES).astype(int)
    noise = np.random.default_rng(0).random((NUM_IMAGES, *data.image_shape), np.float32)
    images = data.scaled(data.train.images[places])
    labels = np.append(data.train.labels[places], np.arange(NUM_IMAGES) % data.num_classes)
    return Sample(np.concatenate([images, noise]), labels.astype(np.int32), data.num_classes)
