"""Laws of images that are in two splits, alike or as another file of the same picture."""

import io

import numpy as np
from PIL import Image

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.digits import Digits
from mnist_sweep.data.duplicates import Duplicate, across_splits

RANDOM = np.random.default_rng(0)


def pictures(number: int) -> np.ndarray:
    """Return smooth pictures of 32x32 pixels in colour."""
    small = RANDOM.integers(0, 256, (number, 5, 5, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((32, 32))) for one in small])


def compressed(pixels: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def halved(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((16, 16)).resize((32, 32)))


def of(*parts: np.ndarray) -> Dataset:
    train, val, test = (Split(images=images, labels=np.zeros(len(images), np.uint8)) for images in parts)
    return Dataset(train=train, val=val, test=test, num_classes=2)


def test_a_copy_is_found_whatever_its_size_and_encoding() -> None:
    train, val, test = pictures(40), pictures(10), pictures(10)
    val[3], val[7], test[0], test[9] = train[5], compressed(train[6]), halved(train[7]), val[1]
    assert across_splits(of(train, val, test), "{} {}".format) == [
        Duplicate("val 3", "train 5", is_exact=True),
        Duplicate("val 7", "train 6", is_exact=False),
        Duplicate("test 0", "train 7", is_exact=False),
        Duplicate("test 9", "val 1", is_exact=True),
    ]


def test_pictures_that_are_alike_only_are_none() -> None:
    assert across_splits(Digits().load(), "{} {}".format) == []
    white, grey = (np.full((3, 8, 8, 1), level, np.uint8) for level in (255, 254))
    assert across_splits(of(white, grey, grey[:1] - 1), "{} {}".format) == []


def test_floats_are_compared_as_they_are_scaled() -> None:
    train, val, test = (pictures(10).astype(np.float32) / np.float32(127.5) - 1 for _ in range(3))
    val[3] = train[5]
    one, two, three = (Split(images=images, labels=np.zeros(10, np.uint8)) for images in (train, val, test))
    data = Dataset(train=one, val=two, test=three, num_classes=2, value_range=(-1, 1))
    assert across_splits(data, "{} {}".format) == [Duplicate("val 3", "train 5", is_exact=True)]
