"""Jobs of decoding some hundred images into a part of a file, in whatever process."""

import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

from mnist_sweep.data.files.decoding import Report, Rules, Shape, Source, decoded
from mnist_sweep.errors import DataError


class Job(NamedTuple):
    """Images to decode into a file.

    Attributes:
        path: The file; empty if the images are only to be looked at.
        first: Place of the first of these images in it.
        sources: The images.
        rules: How they are scaled and coloured.
        shape: Shape of every image in the file.
    """

    path: str
    first: int
    sources: Sequence[Source]
    rules: Rules
    shape: Shape


def run(job: Job) -> Generator[None, None, Report]:
    """Decode images and write them into a file, in the process that this generator runs in.

    Raises:
        DataError: The file cannot be written.
    """
    yield from ()
    images, report = decoded(job.sources, job.rules, job.shape, job.first)
    report.digest = hashlib.sha256(images.data).hexdigest()
    if not job.path:
        return report
    try:
        with Path(job.path).open("r+b", buffering=0) as file:
            file.seek(job.first * images[0].nbytes)
            if (written := file.write(images.data)) != images.nbytes:
                raise DataError(f"{job.path} holds only {written} of {images.nbytes} bytes: make space on the disk.")
    except OSError as error:
        raise DataError(f"{job.path} cannot be written ({error.strerror}).") from error
    return report
