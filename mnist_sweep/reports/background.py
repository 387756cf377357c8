"""What a report can do beside other work: import its packages while trials run, and analyse a large sweep.

Selection and effects of a large sweep are computed in a second process while this one reads and draws the rest.

The second process imports optuna, scipy and scikit-learn, which takes seconds, while this one reads the rows. It is a
plain subprocess with a connection of `multiprocessing`: a pool would run the main script again, print a traceback on
Ctrl-C, and outlive a parent that is killed.
"""

import contextlib
import functools
import gc
import importlib
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mnist_sweep.reports.report_data import Analysis, Submit, analyse
from mnist_sweep.system.machine import num_cpus
from mnist_sweep.trials import events

if TYPE_CHECKING:
    import pandas as pd


PACKAGES = ("optuna.importance", "pandas", "scipy.stats", "sklearn.ensemble")  # of an analysis
SECONDS_TO_START = 0.5  # for the first trials, before packages are imported
LARGE = 2000  # trials from which on a second process saves more time than it takes to start


class Imports:
    """A listener that imports what the report needs soon after the workers of a run are ready, since it takes seconds.

    While it imports a package, no trial can be started.
    It is a context, after which no import goes on: the interpreter must not end within one of an extension.
    """

    def __init__(self) -> None:
        self._thread, self._has_ended = ThreadPoolExecutor(1), threading.Event()

    def on_event(self, event: events.Event) -> None:
        """Begin when the workers are ready; the report will raise what cannot be imported."""
        if isinstance(event, events.WorkersReady):
            self._thread.submit(self._has_ended.wait, SECONDS_TO_START)
            for name in (*PACKAGES, "plotly.graph_objs", "plotly.io", "mnist_sweep.reports.writer"):
                self._thread.submit(importlib.import_module, name)
            self._thread.submit(_pack_plotly)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        self._thread.shutdown(cancel_futures=True)


def _pack_plotly() -> None:
    from mnist_sweep.reports.html import packed_plotly

    packed_plotly()


@contextlib.contextmanager
def executor(folder: Path) -> Iterator[Submit]:
    """Yield a function that submits trials for analysis, and returns a function that waits for the result.

    A second process is started for a large sweep on more than one core. It is killed at the end; what it fails to
    answer is computed here.
    """
    if num_cpus() == 1 or len([*folder.glob("rows/*")]) < LARGE:
        yield lambda trials: functools.partial(analyse, trials)
        return
    ours, theirs = multiprocessing.Pipe()
    code = f"from mnist_sweep.reports import background; background.serve({theirs.fileno()})"
    with subprocess.Popen(  # noqa: S603 # the command is a constant but for a number
        [sys.executable, "-P", "-c", code],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for this process
    ) as process:
        theirs.close()
        try:
            yield functools.partial(_submit, ours)
        finally:
            process.kill()
            ours.close()


def serve(descriptor: int) -> None:
    """Receive trials from the connection with this file descriptor, and send their analysis."""
    connection: Connection[Any, Any] = Connection(descriptor)
    for name in PACKAGES:
        importlib.import_module(name)
    gc.disable()  # as in rows_of
    connection.send(analyse(connection.recv()))


def _submit(connection: "Connection[Any, Any]", trials: "pd.DataFrame") -> Callable[[], Analysis]:
    with contextlib.suppress(OSError):
        connection.send(trials)

    def result() -> Analysis:
        try:
            analysis: Analysis = connection.recv()
        except (EOFError, OSError):
            return analyse(trials)
        return analysis

    return result
