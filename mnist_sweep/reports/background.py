"""The selection and the effects of a report, which take half of its time, in a process of their own.

They need libraries whose imports take seconds; that process imports them while this one reads the rows. What it does
not answer, this process computes itself.
"""

import contextlib
import functools
import gc
import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from mnist_sweep.system.machine import num_cpus

if TYPE_CHECKING:
    import pandas as pd

    from mnist_sweep.analysis.effects.effect import Effects
    from mnist_sweep.analysis.selection_result import Selection

Findings = tuple["Selection", "Effects"]
Ask = Callable[["pd.DataFrame"], Callable[[], Findings]]
COMMAND = [sys.executable, "-P", "-c", "from mnist_sweep.reports import background; background.serve()"]


def here(trials: "pd.DataFrame") -> Callable[[], Findings]:
    """Return what computes the selection and the effects of trials, of which some ended well."""
    return functools.partial(_findings, trials)


@contextlib.contextmanager
def aside() -> Iterator[Ask]:
    """Start a process, and yield what has it compute meanwhile what `here` computes when it is asked for.

    On a single core there would be nothing to gain, and no process is started.
    """
    if num_cpus() == 1:
        yield here
        return
    pipe = subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 # our words
        COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True
    )
    with process:
        try:
            yield functools.partial(_ask, process)
        finally:
            process.kill()


def serve() -> None:
    """Read trials from the standard input, and write what is found to the standard output."""
    for name in ("optuna", "pandas", "scipy.stats", "sklearn.ensemble"):
        importlib.import_module(name)
    gc.disable()  # as in rows_of
    found = _findings(pickle.load(sys.stdin.buffer))  # noqa: S301 # of the process that started this one
    pickle.dump(found, sys.stdout.buffer)


def _findings(trials: "pd.DataFrame") -> Findings:
    from mnist_sweep.analysis.effects.estimation import effects
    from mnist_sweep.analysis.selection import select

    return select(trials), effects(trials)


def _ask(process: "subprocess.Popen[bytes]", trials: "pd.DataFrame") -> Callable[[], Findings]:
    stdin, stdout = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
    with contextlib.suppress(BrokenPipeError), stdin:
        pickle.dump(trials, stdin)

    def answer() -> Findings:
        try:
            found: Findings = pickle.load(stdout)  # noqa: S301 # of the process that was started here
        except (EOFError, pickle.UnpicklingError):
            return _findings(trials)
        return found

    return answer
