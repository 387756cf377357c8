"""What a number of images leaves open: by how much a difference for these images may differ from that for new ones.

Images are a sample, as seeds are. With any number of seeds, the difference of two settings is known for these images
alone; its standard error over images stays. A setting is worse for new images if it is worse for these by more than
that error's margin, so the smallest difference that the images can ever show is the margin.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.race_evidence import Array


class ImageSums:
    """What each image contributes to the value of each setting, over its runs: for an accuracy, how often it is right.

    Args:
        num_settings: Number of settings.
        num_images: Number of images.
    """

    def __init__(self, num_settings: int, num_images: int) -> None:
        self._sums, self._squares = np.zeros((2, num_settings, num_images))
        self._num_runs = np.zeros(num_settings)

    def add(self, setting: int, values: NDArray[Any]) -> None:
        """Add a run of a setting: which images it classified correctly, or what each contributes to its value."""
        self._sums[setting] += values
        self._squares[setting] += values.astype(np.float64) ** 2
        self._num_runs[setting] += 1

    def errors(self) -> tuple[Array, Array]:
        """Return the standard error over images of each two settings' difference: with these seeds, with any number.

        The first is no smaller, since the mean over few seeds differs more from image to image. Infinite for a setting
        without runs.
        """
        num_images = self._sums.shape[1]
        with np.errstate(invalid="ignore"):
            mean, squares = self._sums / self._num_runs[:, None], self._squares / self._num_runs[:, None]
        covariance = np.cov(mean)
        variance = np.diag(covariance)
        now = variance[:, None] + variance - 2 * covariance
        of_seeds = (squares - mean**2).mean(axis=1) / np.maximum(self._num_runs - 1, 1)
        ever = now - of_seeds[:, None] - of_seeds
        errors = (np.sqrt(np.maximum(one, 0) / num_images) for one in (now, ever))
        now, ever = (np.where(np.isnan(one), np.inf, one) for one in errors)
        return now, ever


def margin_factor(num_settings: int, num_images: int, error: float) -> float:
    """Return how many standard errors the differences between one setting and all others keep to, but for an error."""
    from scipy.special import stdtrit

    return float(stdtrit(num_images - 1, 1 - error / (2 * (num_settings - 1))))
