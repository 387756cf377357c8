"""How data sets get to workers: by value, or, with many prepared images, by where each machine finds or prepares them.

A Ray that is started here has images in files that all processes map. On a cluster, a machine that has not the same
file loads prepared images from the path of their source, into its own cache.
"""

import contextlib
import itertools
import pickle
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist_sweep.data import loading
from mnist_sweep.data.data_folders import FOLDERS_VARIABLE
from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.files.own_files import EncodedImages
from mnist_sweep.data.mapped_images import MappedImages, map_images
from mnist_sweep.errors import DataError, ResourceError

MAX_SENT_BYTES = 512 << 20  # of images, which are in the memory of each machine then


@dataclass(frozen=True, slots=True)
class PreparedImages:
    """A data set of prepared images, for a machine that has the driver's file of them, or their source.

    Attributes:
        source: The data source.
        digest: Digest of its data set.
        content: The data set, pickled with the path of the file.
        file: Inode and size of the file.
    """

    source: EncodedImages
    digest: str
    content: bytes
    file: tuple[int, int]


def sent(source: Any, dataset: Dataset) -> Dataset | PreparedImages:
    """Return what is sent of a data set to a cluster, which other machines may join at any time."""
    images = dataset.train.images
    if not isinstance(images, MappedImages):
        return dataset
    num_bytes = sum(split.images.nbytes for split in dataset.splits.values())
    if num_bytes > MAX_SENT_BYTES and type(source) in loading.DATASETS.values():
        return PreparedImages(source, dataset.digest(), pickle.dumps(dataset), _identity(images))
    splits: dict[str, Any] = {
        name: replace(split, images=np.asarray(split.images)) for name, split in dataset.splits.items()
    }
    return replace(dataset, **splits)


@contextlib.contextmanager
def handed_over(datasets: Mapping[Any, Dataset], *, is_own_ray: bool) -> Iterator[list[Any]]:
    """Give what workers get of each data set while the body runs: of a Ray that was started here, images in files.

    Otherwise they are in Ray's own store, whose native code ends the driver when a raylet that ends takes them along.

    Raises:
        ResourceError: The disk for temporary files is full.
    """
    import ray

    if not is_own_ray:
        yield [ray.put(sent(*one)) for one in datasets.items()]
        return
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as folder:
        numbers = itertools.count()

        def mapped(split: Split) -> Split:
            if isinstance(split.images, MappedImages) or not len(split):
                return split
            path = Path(folder) / str(next(numbers))
            try:
                split.images.tofile(path)
            except OSError as error:
                cause = f"images for workers cannot be written to {folder} ({error.strerror or error})"
                raise ResourceError(f"{cause}: make space there, or name another folder in TMPDIR.") from error
            images = map_images(str(path), split.images.shape, dtype=split.images.dtype.name)
            return replace(split, images=images)

        splits: list[dict[str, Any]] = [
            {name: mapped(split) for name, split in one.splits.items()} for one in datasets.values()
        ]
        yield [replace(one, **changed) for one, changed in zip(datasets.values(), splits, strict=True)]


def received(content: Dataset | PreparedImages, node: str) -> Dataset:
    """Return the data set that a worker on this node was sent.

    Raises:
        DataError: The node has neither the driver's file nor the same images at the path of their source.
    """
    if not isinstance(content, PreparedImages):
        return content
    with contextlib.suppress(DataError, OSError):  # the file is not there
        mapped: Dataset = pickle.loads(content.content)  # noqa: S301 # of this run's driver
        if _identity(mapped.train.images) == content.file:
            return mapped
    cause = "they differ from those of the driver"
    try:
        loaded = loading.load(content.source)
        if loaded.digest() == content.digest:
            return loaded
    except DataError as error:
        cause = str(error).rstrip(".")
    raise DataError(
        f"the node {node} cannot use its images at {content.source.path} ({cause}): put the same files there, or into "
        f"a folder that {FOLDERS_VARIABLE} names on it."
    )


def _identity(images: Any) -> tuple[int, int]:
    """Return what tells the file of mapped images from one at the same path of another machine."""
    status = Path(images.origin[0]).stat()
    return status.st_ino, status.st_size
