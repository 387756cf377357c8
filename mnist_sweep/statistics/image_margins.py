"""What a number of images leaves open: by how much a difference for these images may differ from that for new ones.

Images are a sample, as seeds are. With any number of seeds, the difference of two settings is known for these images
alone; its standard error over images stays. A setting is worse for new images if it is worse for these by more than
that error's margin, so the smallest difference that the images can ever show is the margin.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.statistics.pair_evidence import Array


class ImageCounts:
    """How often each setting classified each image correctly.

    Args:
        num_settings: Number of settings.
        num_images: Number of images.
    """

    def __init__(self, num_settings: int, num_images: int) -> None:
        self._correct, self._num_runs = np.zeros((num_settings, num_images)), np.zeros(num_settings)

    def add(self, setting: int, correct: NDArray[np.bool_]) -> None:
        """Add a run of a setting: which images it classified correctly."""
        self._correct[setting] += correct
        self._num_runs[setting] += 1

    def errors(self) -> tuple[Array, Array]:
        """Return the standard error over images of each two settings' difference: with these seeds, with any number.

        The first is no smaller, since the mean over few seeds differs more from image to image. Infinite for a setting
        without runs.
        """
        num_images = self._correct.shape[1]
        with np.errstate(invalid="ignore"):
            share = self._correct / self._num_runs[:, None]
        covariance = np.cov(share)
        variance = np.diag(covariance)
        now = variance[:, None] + variance - 2 * covariance
        of_seeds = (share * (1 - share)).mean(axis=1) / np.maximum(self._num_runs - 1, 1)
        ever = now - of_seeds[:, None] - of_seeds
        errors = (np.sqrt(np.maximum(one, 0) / num_images) for one in (now, ever))
        now, ever = (np.where(np.isnan(one), np.inf, one) for one in errors)
        return now, ever


def margin_factor(num_settings: int, num_images: int, error: float) -> float:
    """Return how many standard errors the differences between one setting and all others keep to, but for an error."""
    from scipy.special import stdtrit

    return float(stdtrit(num_images - 1, 1 - error / (2 * (num_settings - 1))))
