"""Images in a file that is mapped into memory, of which as much is resident as the machine has room for.

All processes of a machine share its pages: the array is pickled as the file's path, and mapped where it is unpickled.
"""

import fcntl
import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mnist_sweep.errors import DataError

Origin = tuple[str, tuple[int, ...], int, str]


class MappedImages(np.ndarray[Any, np.dtype[Any]]):
    """Read-only images in a file: uint8 or float32 `[n, height, width, channels]`; pickled as a path, as is a `part`.

    Attributes:
        origin: Arguments of `map_images` that give this array; None for other views of it.
    """

    origin: ClassVar[Origin | None] = None  # of an instance, if it has one

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return how to map the file again."""
        return (map_images, self.origin) if self.origin else np.asarray(self).__reduce_ex__(protocol)


def map_images(path: str, shape: Sequence[int], first: int = 0, dtype: str = "uint8") -> MappedImages:
    """Return images in a file as long as that, from one on; a lock tells other processes that the file is in use.

    Raises:
        DataError: The file is gone, or too short.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # until the map is closed, which has a copy of the descriptor
            content = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        flat = np.ndarray(shape, dtype, content, first * int(np.prod(shape[1:])) * np.dtype(dtype).itemsize)
    except (OSError, TypeError, ValueError) as error:  # the file is empty, or shorter than the array
        raise DataError(f"the cached images {path} cannot be read ({error}): run the same command again.") from error
    images = flat.view(MappedImages)
    vars(images)["origin"] = str(Path(path).absolute()), tuple(shape), first, dtype
    return images


def part(images: "np.ndarray[Any, np.dtype[np.uint8]]", first: int, last: int) -> Any:
    """Return the images from one on and before another one, which of a mapped file are in the same map."""
    found = images[first:last]
    if isinstance(images, MappedImages) and images.origin:
        path, _, start, dtype = images.origin
        vars(found)["origin"] = path, found.shape, start + first, dtype
    return found
