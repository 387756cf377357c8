"""The one preparation of encoded images: decoded into the cache by all cores, and read from there ever after.

Where a file has the size, times and inode that it had then, it counts as unchanged. What changes a file without a
trace in these is not seen: a file system whose clock is coarser than the time between preparation and change.
"""

import hashlib
import math
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import PIL
from numpy.typing import NDArray

from mnist_sweep.data.files.image_cache import JOURNAL, ImageCache, image_cache
from mnist_sweep.data.files.image_decoding import Report, Rules, Shape, Source, decoded, in_memory, name_of
from mnist_sweep.data.progress import progress
from mnist_sweep.errors import DataError, ProcessLostError
from mnist_sweep.system import machine
from mnist_sweep.system.child_process import ChildProcess

VERSION = 1  # of what `image_decoding` makes of a file
FEW = 64  # images, which take no longer than to start a process
MAX_PER_JOB, MAX_BYTES_PER_JOB = 256, 32 << 20
MAX_PROCESSES = 32


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


def run(job: Job) -> Report:
    """Decode images and write them into a file, in the process that calls it; return what was seen.

    Raises:
        DataError: The file cannot be written.
    """
    images, report = decoded(job.sources, job.rules, job.shape, job.first)
    report.digest = hashlib.sha256(images.data).hexdigest()
    if not job.path:
        return report
    try:
        with Path(job.path).open("r+b") as file:
            file.seek(job.first * images[0].nbytes)
            file.write(images.data)
    except OSError as error:
        raise DataError(f"{job.path} cannot be written ({error.strerror}).") from error
    return report


def prepared(sources: Sequence[Source], rules: Rules) -> NDArray[np.uint8]:
    """Return decoded images, in a file that is mapped into memory: uint8 `[n, height, width, channels]`.

    Raises:
        DataError: Images cannot be decoded or differ in size, or the cache cannot be used.
    """
    if len(sources) <= FEW:
        return in_memory(sources, rules)
    cache, key = image_cache(), _key(sources, rules)
    found = cache.find(key)
    if found is None:
        with cache.unfinished(key) as file:
            found = cache.find(key)  # of a process that was waited for
            if found is None:
                shape = _decode_all(file, sources, rules, cache)
                if _key(sources, rules) != key:
                    raise DataError("image files have changed while they were read: run the same command again.")
                found = cache.add(key, file, (len(sources), *shape))
    return found


def _key(sources: Sequence[Source], rules: Rules) -> str:
    """Return what stands for the present state of images, wherever their folder is, and the rules."""
    state = hashlib.sha256(repr((VERSION, PIL.__version__, rules)).encode())
    for source in sources:
        if isinstance(source, bytes):
            state.update(hashlib.sha256(source).digest())
    paths = [source for source in sources if isinstance(source, str)]
    for path, file in zip(paths, map(os.stat, paths), strict=True):
        fields = path.rpartition("/")[2], file.st_size, file.st_mtime_ns, file.st_ctime_ns, file.st_ino
        state.update(repr(fields).encode())
    return state.hexdigest()[:32]


def _decode_all(file: FileIO, sources: Sequence[Source], rules: Rules, cache: ImageCache) -> Shape:
    """Decode images into a file, continuing where a process has ended; return the shape of each."""
    line = f"preparing {len(sources):,} images, once: they are kept in {cache.folder}"
    with _Decoders() as decoders, progress(line, "preparing images", len(sources)) as advance:
        spread = sources[:: -(-len(sources) // FEW)]  # a few images tell the shape that nearly always fits all
        (seen,) = decoders.run([Job("", 0, spread, rules, (1, 1, 1))])
        shape = seen.shape()
        while True:
            stride = math.prod(shape)
            cache.reserve(file, len(sources) * stride)
            size = min(MAX_PER_JOB, max(1, MAX_BYTES_PER_JOB // stride))
            jobs = [
                Job(str(file.name), at, sources[at : at + size], rules, shape) for at in range(0, len(sources), size)
            ]
            total = Report()
            for report in _run_missing(jobs, decoders, cache):
                total.add(report)
                advance(sum(report.sizes.values()))
            total.check(len(sources))
            if total.fits(shape):
                return shape
            shape = total.shape()  # of an image that was not among those that were looked at


def _run_missing(jobs: Sequence[Job], decoders: "_Decoders", cache: ImageCache) -> Iterator[Report]:
    """Run jobs whose images are not in the file yet, as far as its journal says; yield a report on every job."""
    first = jobs[0]
    journal, header = Path(f"{first.path}{JOURNAL}"), f"{first.shape} {len(first.sources)}"
    lines = journal.read_text("utf-8", "replace").splitlines() if journal.exists() else []
    done = dict(line.split() for line in lines[1:] if re.fullmatch(r"\d+ [0-9a-f]{64}", line))
    missing = []
    for job in jobs:
        if lines[:1] == [header] and done.get(str(job.first)) == _digest(job):
            yield Report(sizes=Counter({job.shape[:2]: len(job.sources)}))
        else:
            missing.append(job)
    with cache.errors("written"), journal.open("a" if len(missing) < len(jobs) else "w") as file:
        file.write(f"{header}\n" * (len(missing) == len(jobs)))
        for job, report in zip(missing, decoders.run(missing), strict=True):
            if report.fits(job.shape):
                file.write(f"{job.first} {report.digest}\n")
                file.flush()
            yield report


def _digest(job: Job) -> str:
    """Return the SHA-256 of what a job's file holds in its place."""
    stride = math.prod(job.shape)
    with Path(job.path).open("rb") as file:
        file.seek(job.first * stride)
        return hashlib.sha256(file.read(len(job.sources) * stride)).hexdigest()


class _Decoders:
    """Threads with a process each that decodes, as many as there are CPUs; a context, at whose end they end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(min(MAX_PROCESSES, machine.num_cpus()))
        self._own = threading.local()
        self._children: list[ChildProcess] = []
        self._has_ended = False

    def run(self, jobs: Iterable[Job]) -> Iterator[Report]:
        """Run jobs at a time; yield their reports in order."""
        return self._threads.map(self._run, jobs)

    def _run(self, job: Job) -> Report:
        """Run a job; an image that ends the process is refused, and another process takes its place."""
        try:
            child = getattr(self._own, "child", None)
            if child is None or not child.is_alive:
                child = self._own.child = ChildProcess()
                self._children.append(child)
            report: Report = child.call(run, job)
        except ProcessLostError as lost:
            if self._has_ended:
                raise
            if len(job.sources) == 1:
                return Report(refused=[f"{name_of(job.sources[0], job.first)} cannot be decoded: {lost}"])
            half = len(job.sources) // 2
            report = self._run(job._replace(sources=job.sources[:half]))
            report.add(self._run(job._replace(sources=job.sources[half:], first=job.first + half)))
            report.digest = ""
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()
        self._threads.shutdown()
        for child in self._children:  # one of which was just starting
            child.kill()
