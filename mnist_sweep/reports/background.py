"""Selection and effects of a large sweep, computed in a second process while this one reads and draws the rest.

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
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.system.machine import num_cpus

if TYPE_CHECKING:
    import pandas as pd

    from mnist_sweep.analysis.best_config_sentences import Selection
    from mnist_sweep.analysis.effects.effect import Effects

Analysis = tuple["Selection", "Effects"]
Submit = Callable[["pd.DataFrame"], Callable[[], Analysis]]

LARGE = 2000  # trials from which on a second process saves more time than it takes to start


def _num_files(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:  # whoever reads the rows says what is wrong
        return 0


def submit_here(trials: "pd.DataFrame") -> Callable[[], Analysis]:
    """Return a function that computes the selection and the effects of trials in this process."""
    return functools.partial(_analyse, trials)


@contextlib.contextmanager
def executor(folder: Path) -> Iterator[Submit]:
    """Yield a function that submits trials for analysis, and returns a function that waits for the result.

    A second process is started for a large sweep on more than one core. It is killed at the end; what it fails to
    answer is computed here.
    """
    if num_cpus() == 1 or _num_files(folder / "rows") < LARGE:
        yield submit_here
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
    for name in ("optuna", "pandas", "scipy.stats", "sklearn.ensemble"):
        importlib.import_module(name)
    gc.disable()  # as in rows_of
    connection.send(_analyse(connection.recv()))


def _analyse(trials: "pd.DataFrame") -> Analysis:
    from mnist_sweep.analysis.effects.estimation import effects
    from mnist_sweep.analysis.selection import select

    return select(trials), effects(trials)


def _submit(connection: "Connection[Any, Any]", trials: "pd.DataFrame") -> Callable[[], Analysis]:
    with contextlib.suppress(OSError):
        connection.send(trials)

    def result() -> Analysis:
        try:
            analysis: Analysis = connection.recv()
        except (EOFError, OSError):
            return _analyse(trials)
        return analysis

    return result
