"""Whether labels belong to their images, as far as neighbours tell: images alike should have the same label.

A label of an image is guessed from the images that it is most like, by three simple rules. Where none of them does
better than chance, labels and images may have been shuffled apart, or ordered differently. It is a hint, not a proof:
classes that differ in nothing that these rules see are possible.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.conversions import MAX_CLASSES
from mnist_sweep.data.dataset import Dataset, Split

Features = tuple[NDArray[np.float64], NDArray[np.float64]]

MAX_IMAGES = 1000  # of each side of a comparison
MIN_IMAGES = 100
BLOCKS = 8  # means of at most 8 x 8 blocks of pixels
SURE = 3.0  # standard deviations above chance, which one of 700 shuffled data sets reaches
MIN_OF_CLASS = 10
CLEAR, LOST = 0.6, 0.1  # shares guessed rightly of a class within train, and of the class in another split


def label_notes(data: Dataset) -> Iterator[str]:
    """Yield the splits whose labels look unrelated to their images, and classes that look exchanged."""
    images, labels = data.train.images, data.train.labels
    if len(labels) < MIN_IMAGES:
        return
    halves = [Split(images=images[start::2], labels=labels[start::2]) for start in (0, 1)]
    within = _guessed(*halves)
    if within is None:
        return
    if note := _unrelated("train", "its other half", halves[1], within):
        yield note
        return
    for name in ("val", "test"):
        split = _sample(getattr(data, name))
        guesses = _guessed(data.train, split)
        if guesses is None:
            continue
        if note := _unrelated(name, "train", split, guesses):
            yield note
        else:
            yield from _exchanged(name, split, guesses[0], _sample(halves[1]), within[0])


def number_notes(data: Dataset) -> Iterator[str]:
    """Yield a split whose numbers look unrelated to its images, since those of similar images are no more alike."""
    train = data.train
    if len(train) < 2 * MIN_IMAGES:
        return
    one, other = (Split(images=train.images[start::2], labels=train.labels[start::2]) for start in (0, 1))
    for name, known, asked in (("train", one, other), ("val", train, data.val), ("test", train, data.test)):
        known, asked = _sample(known), _sample(asked)
        pairs = zip(_features(known.images), _features(asked.images), strict=True)
        numbers = [known.labels[_nearest(*pair)] for pair in pairs], asked.labels
        guessed, right = (
            np.reshape(each, (-1, len(asked), np.size(asked.labels[0]))).astype(float) for each in numbers
        )
        a, b = (each - each.mean(axis=1, keepdims=True) for each in (guessed, right))
        sizes = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        best = ((a * b).sum(axis=1) / np.maximum(sizes, np.finfo(float).tiny)).max()
        if len(asked) >= MIN_IMAGES and best <= SURE / np.sqrt(len(asked)):
            cause = f"their correlation with those of similar images is {best:.2f}"
            yield f"the numbers of {name} look unrelated to its images: {cause}"
            return


def _sample(split: Split) -> Split:
    if len(split) <= MAX_IMAGES:
        return split
    drawn = np.random.default_rng(0).choice(len(split), MAX_IMAGES, replace=False)
    return Split(images=split.images[drawn], labels=split.labels[drawn])


def _guessed(known: Split, asked: Split) -> list[NDArray[np.uint8 | np.uint16]] | None:
    """Return the labels of `asked` as each rule guesses them from `known`; None if there are too few images."""
    known, asked = _sample(known), _sample(asked)
    if min(len(known), len(asked)) < MIN_IMAGES or len(np.unique(asked.labels)) < 2:
        return None
    ours, theirs = _features(known.images), _features(asked.images)
    guesses = [known.labels[_nearest(*pair)] for pair in zip(ours, theirs, strict=True)]
    classes = np.unique(known.labels)
    a, b = (np.concatenate(features, axis=1) for features in (ours, theirs))
    means, spread = np.stack([a[known.labels == one].mean(axis=0) for one in classes]), a.std(axis=0).clip(1e-9)
    return [*guesses, classes[_nearest(means / spread, b / spread)]]


def _features(images: NDArray[np.uint8 | np.float32]) -> Features:
    """Return the means of blocks of each image, and its mean, contrast and differences of neighbouring pixels."""
    pixels = images.astype(np.float32)
    axes, blocks = (1, 2), block_means(pixels)
    steps = [np.abs(np.diff(pixels, axis=axis)).sum(axis=axes) / pixels[0, ..., 0].size for axis in axes]
    others = [pixels.mean(axis=axes), pixels.std(axis=axes), *steps]
    return blocks.reshape(len(images), -1).astype(np.float64), np.concatenate(others, axis=1).astype(np.float64)


def block_means(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of at most 8 x 8 blocks of each image: float32 `[n, rows, columns, channels]`."""
    rows, columns = (np.array_split(np.arange(size), min(size, BLOCKS)) for size in pixels.shape[1:3])
    means = np.stack([pixels[:, part].mean(axis=1) for part in rows], axis=1)
    return np.stack([means[:, :, part].mean(axis=2) for part in columns], axis=2)


def _nearest(known: NDArray[np.float64], asked: NDArray[np.float64]) -> Any:
    """Return the index of the nearest of `known` for each of `asked`: intp `[len(asked)]`."""
    return ((known**2).sum(axis=1) - 2 * asked @ known.T).argmin(axis=1)


def _unrelated(name: str, source: str, split: Split, guesses: list[NDArray[np.uint8 | np.uint16]]) -> str | None:
    """Return a note if no rule guesses the labels of a split better than chance.

    The spread of chance is that of Cohen's kappa without agreement (Fleiss, Cohen, Everitt 1969, Psychological Bulletin
    72): where one class is rare, it is far below the binomial one.
    """
    labels = _sample(split).labels
    number, best = len(labels), 0.0
    likeliest = int(np.bincount(labels).max())
    if number - likeliest < MIN_OF_CLASS:
        return None
    for guess in guesses:
        one, other = (np.bincount(found, minlength=MAX_CLASSES) / number for found in (guess, labels))
        chance = float(one @ other)
        right = float((guess == labels).mean())
        best = max(best, right)
        variance = chance + chance**2 - float((one * other) @ (one + other))
        if right - chance > SURE * np.sqrt(max(variance, 0) / number):
            return None
    return (
        f"the labels of {name} look unrelated to its images: guessed from the nearest images of {source}, "
        f"{best:.1%} of {number:,} are right; the largest class alone has {likeliest / number:.1%}"
    )


def _exchanged(name: str, split: Split, guess: NDArray[Any], half: Split, within: NDArray[Any]) -> Iterator[str]:
    """Yield classes that are told apart well within train, and are others in a split."""
    for label in np.unique(split.labels):
        there, here = half.labels == label, split.labels == label
        if min(there.sum(), here.sum()) < MIN_OF_CLASS or (within[there] == label).mean() < CLEAR:
            continue
        if (guess[here] == label).mean() <= LOST:
            likely = int(np.bincount(guess[here]).argmax())
            number = int((guess[here] == likely).sum())
            images = f"{number:,} of {int(here.sum()):,} images"
            yield f"class {label} of {name} looks like class {likely} of train: {images}"
