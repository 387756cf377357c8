"""Images that are in two splits: the same pixels, or the same picture that had another size or encoding.

Pictures are compared by their means in a grid. A copy that was scaled or compressed again is near its original there,
and much nearer than any other picture: of 3,000 digits of MNIST, none is taken for a copy of one of 55,000 others.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.label_checks import block_means

MAX_DISTANCE = 0.1  # Euclidean, between the means of the blocks in [0, 1]
MIN_RATIO, MAX_COPIES = 3, 2  # how much farther other pictures are, and copies of one picture in a split
MAX_IMAGES = 200_000  # of a split, beyond which only the same pixels are looked for


class Duplicate(NamedTuple):
    """The names of an image and of the same one in an earlier split, and whether all their pixels are alike."""

    image: str
    original: str
    is_exact: bool


def hashes(split: Split) -> list[int]:
    """Return a number for each image that is the same for the same pixels."""
    flat: Any = np.ascontiguousarray(split.images).reshape(len(split), -1)
    return [hash(image.tobytes()) for image in flat]


def across_splits(data: Dataset, named: Callable[[str, int], str]) -> list[Duplicate]:
    """Return each image of a split that is also in another one before it, with the first such image there.

    Images are `named` by their split and their number there.
    """
    known = {name: hashes(split) for name, split in data.splits.items()}
    blocks = {name: _blocks(data, split) for name, split in data.splits.items() if len(split) <= MAX_IMAGES}
    found = []
    for one, other in combinations(data.splits, 2):
        first = {image: number for number, image in reversed([*enumerate(known[one])])}
        places = {number: first[image] for number, image in enumerate(known[other]) if image in first}
        alike = dict(_alike(blocks[one], blocks[other])) if {one, other} <= {*blocks} else {}
        for number, original in sorted((alike | places).items()):
            found.append(Duplicate(named(other, number), named(one, original), number in places))
    return found


def _blocks(data: Dataset, split: Split) -> NDArray[np.float32]:
    """Return the means of each image in a grid: float32 `[n, at most 64]`, in [0, 1]."""
    starts = range(0, len(split), 1000)
    means = [block_means(data.scaled(split.images[first : first + 1000])).mean(axis=3) for first in starts]
    return np.concatenate(means).reshape(len(split), -1)


def _alike(known: NDArray[np.float32], asked: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield the number of each picture of which those known have a copy, and that of the nearest one."""
    from scipy.spatial import KDTree

    farthest = MIN_RATIO * MAX_DISTANCE
    distances, nearest = KDTree(known).query(asked, k=MAX_COPIES + 1, distance_upper_bound=farthest)
    are_copies = (distances[:, 0] <= MAX_DISTANCE) & (distances[:, -1] > MIN_RATIO * distances[:, 0])
    for number in np.flatnonzero(are_copies).tolist():
        yield number, int(nearest[number, 0])
