"""Loading of a user's own data sources in a process of its own, so that their code can do no harm to the caller's.

That process may exit, crash, import TensorFlow or fill its memory. It sends back arrays, not objects: nothing that it
sends is unpickled here. Built-in sources, whose files are verified, are loaded in the caller's process.
"""

import contextlib
import faulthandler
import json
import multiprocessing
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import FunctionType
from typing import Any, Self

from mnist_sweep.data import sources
from mnist_sweep.data.dataset import Dataset, DataSource, Split
from mnist_sweep.errors import DataError, SweepError
from mnist_sweep.text.lines import one_line

SPLITS = ("train", "val", "test")
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def is_built_in(source: object) -> bool:
    """Return whether a data source is one of `DATASETS`."""
    return type(source) in sources.DATASETS.values()


class Loader:
    """Loads data sources, those of the user's own in one process, which ends with this context."""

    def __init__(self) -> None:
        self._process: _Process | None = None

    def load(self, source: DataSource | Callable[[], Dataset]) -> Dataset:
        """Return the data set of a data source.

        Raises:
            DataError: The source failed, ended its process, or returned no data set; or as raised by the source itself.
        """
        if is_built_in(source):
            return sources.load(source)
        self._process = self._process or _Process()
        try:
            return self._process.load(source)
        except (EOFError, OSError) as error:
            cause = self._process.cause_of_death(source)
            self._stop()
            raise DataError(f"the data source {_name(source)} {cause}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process:
            self._process.stop()
        self._process = None


class _Process:
    """A process that loads data sources, and the connection to it."""

    def __init__(self) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._crashes = tempfile.TemporaryFile()  # noqa: SIM115 # it lasts as long as the process
        descriptors = theirs.fileno(), self._crashes.fileno()
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve{descriptors}"
        self._process = subprocess.Popen(  # noqa: S603 # the command holds no text of a user's but import paths
            [sys.executable, "-c", code],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the caller's process
        )
        theirs.close()

    def load(self, source: DataSource | Callable[[], Dataset]) -> Dataset:
        """Return the data set of a data source.

        Raises:
            DataError: The source raised an error.
            EOFError, OSError: The process has ended.
        """
        import numpy as np

        self._connection.send_bytes(_pickled(source))
        answer = json.loads(self._connection.recv_bytes())
        if error := answer.get("error"):
            raise DataError(error if f" {_name(source)} " in error else f"the data source {_name(source)}: {error}")
        splits = {}
        for name in SPLITS:
            content = (self._connection.recv_bytes() for _ in range(2))
            images, labels = (
                np.frombuffer(one, np.uint8).reshape(shape) for one, shape in zip(content, answer[name], strict=True)
            )
            splits[name] = Split(images=images, labels=labels)
        return Dataset(**splits, num_classes=answer["num_classes"], pixel_max=answer["pixel_max"])

    def cause_of_death(self, source: Any) -> str:
        """Return how the process ended while it loaded a data source, in words, with the user's line."""
        status = self._process.wait()
        self._crashes.seek(0)
        frames = FRAME.finditer(self._crashes.read().decode(errors="replace"))
        own = [f"{Path(one['file']).name}:{one['line']}" for one in frames if not _is_library(one["file"])]
        place = f"({[*own, _definition(source)][0]})"
        if status >= 0:
            return f"ended its process with status {status} {place}: it must return a Dataset, or raise an error."
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return f"was killed by {name} {place}{hint}."

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        self._crashes.close()


def load(source: DataSource | Callable[[], Dataset]) -> Dataset:
    """Return the data set of one data source; see `Loader.load`."""
    with Loader() as loader:
        return loader.load(source)


def serve(descriptor: int, crashes: int) -> None:
    """Receive data sources from the connection with a file descriptor, and send their arrays or errors.

    Where a signal ends this process is written to the file with the descriptor `crashes`.
    """
    faulthandler.enable(crashes, all_threads=False)
    connection: Connection[Any, Any] = Connection(descriptor)
    with contextlib.suppress(EOFError, OSError):  # the caller has ended
        while True:
            content = connection.recv_bytes()
            try:
                dataset = sources.load(pickle.loads(content))  # noqa: S301 # the caller's own objects
            except BaseException as error:  # a user's code may raise anything, also to exit
                connection.send_bytes(json.dumps({"error": _described(error)}).encode())
                continue
            finally:
                sys.stdout.flush()  # this process is killed in the end
            splits = {name: getattr(dataset, name) for name in SPLITS}
            shapes = {name: [split.images.shape, split.labels.shape] for name, split in splits.items()}
            numbers = {"num_classes": int(dataset.num_classes), "pixel_max": int(dataset.pixel_max)}
            connection.send_bytes(json.dumps(shapes | numbers).encode())
            for split in splits.values():
                for array in (split.images, split.labels):
                    connection.send_bytes(array.tobytes())


def _pickled(source: Any) -> bytes:
    thing = source if isinstance(source, FunctionType) else type(source)
    if thing.__module__ != "__main__":
        return pickle.dumps(source)
    try:  # a class of the script that runs, or of a notebook, goes by value
        import cloudpickle
    except ImportError:
        from ray import cloudpickle
    return bytes(cloudpickle.dumps(source))


def _name(source: Any) -> str:
    return getattr(source, "__qualname__", type(source).__name__)


def _definition(source: Any) -> str:
    """Return the file and the line where a data source is defined."""
    code = getattr(source if isinstance(source, FunctionType) else type(source).load, "__code__", None)
    return f"defined in {Path(code.co_filename).name}:{code.co_firstlineno}" if code else "of unknown origin"


def _described(error: BaseException) -> str:
    """Return one line on an exception: its message, its type unless it is ours, and the line of the user's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)]
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    if isinstance(error, SystemExit):
        return f"it ended its process by sys.exit({error.code!r}){place}: it must return a Dataset, or raise an error."
    name = "" if isinstance(error, SweepError) else f"{type(error).__name__}: "
    return f"{name}{one_line(error)}{place}"


def _is_library(filename: str) -> bool:
    package = str(Path(__file__).parents[1])
    return filename.startswith((package, sys.prefix, sys.base_prefix, "<")) or "site-packages" in filename
