"""Digits: 1,797 images of 8x8 grey pixels from scikit-learn's own files; nothing is downloaded.

The set is ordered by writer, so the splits are blocks rather than a shuffle: the blocks at both ends hold other writers
than the middle, and validation and test measure digits of writers that training has not seen.
Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.errors import DataError
from mnist_sweep.validation import coerce, require, require_at_least

NUM_IMAGES = 1797
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
WAY_OUT = "install scikit-learn again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """The digits of scikit-learn: 10 classes, image shape `(8, 8, 1)`, pixels from 0 to 16.

    Attributes:
        HANDWRITING: The images are light handwriting on dark, and `predict` prepares a picture accordingly.
        WRITING_SHARE: It fills the images from top to bottom.
        SPLITS_DIFFER: Why accuracies on the splits are not alike.
        val_size: Images in validation: the first of the set.
        test_size: Images in test: the last of the set; those in between are train.
    """

    image_shape: ClassVar[tuple[int, int, int]] = (8, 8, 1)
    num_classes: ClassVar[int] = 10
    HANDWRITING: ClassVar[bool] = True
    WRITING_SHARE: ClassVar[float] = 1.0
    SPLITS_DIFFER: ClassVar[str] = (
        "The images are ordered by writer: validation has the first, test the last, so each is by writers of its own."
    )

    val_size: int = 300
    test_size: int = 300

    def __post_init__(self) -> None:
        coerce(self)
        require_at_least(1, val_size=self.val_size, test_size=self.test_size)
        rule = f"val_size + test_size < {NUM_IMAGES}"
        require(self.val_size + self.test_size < NUM_IMAGES, rule, val_size=self.val_size, test_size=self.test_size)

    def load(self) -> Dataset:
        """Return the data set.

        Raises:
            DataError: The installed scikit-learn has other digits.
        """
        import numpy as np

        try:
            table = np.loadtxt(_file(), delimiter=",", dtype=np.uint8)
        except (OSError, EOFError, ValueError) as error:
            raise DataError(f"scikit-learn's digits cannot be read ({error}): {WAY_OUT}") from error
        images, labels = table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1]
        if (digest := hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()) != SHA256:
            raise DataError(f"SHA-256 of scikit-learn's digits is {digest}, expected {SHA256}: {WAY_OUT}")
        cuts = self.val_size, NUM_IMAGES - self.test_size
        parts = zip(np.split(images, cuts), np.split(labels, cuts), strict=True)
        val, train, test = (Split(images=part_images, labels=part_labels) for part_images, part_labels in parts)
        return Dataset(train=train, val=val, test=test, num_classes=self.num_classes, pixel_max=16)

    def files(self) -> dict[str, Path]:
        """Return the path of the one file, in the scikit-learn package."""
        return {"digits": _file()}


def _file() -> Path:
    """Return the path of the file without importing scikit-learn, which takes a second and a half."""
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise DataError("scikit-learn, which holds the digits, is not installed: pip install scikit-learn.")
    return Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
