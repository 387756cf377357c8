"""The end of a program on a mistake of its user: one line on standard error, and status 2.

A sweep script makes its trials before it calls `main`, so a mistake in them is raised where only Python's hook for
uncaught exceptions sees it: `python script.py` ends as `mnist-sweep run script.py` does.
"""

import shlex
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from mnist_sweep.cli.answer import print_error
from mnist_sweep.cli.exit_status import ExitStatus, status_of_signal
from mnist_sweep.cli.streams import echo
from mnist_sweep.errors import SweepError
from mnist_sweep.text.lines import one_line

TRACEBACK = "--traceback"


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an uncaught exception: a hook for `sys.excepthook`.

    An error of this package, and any exception of a sweep script, also Ctrl-C before it calls `main`, is one line; the
    rest is left to Python.
    """
    from mnist_sweep.sweep.script import COMMAND, is_sweep_script, located

    program = Path(getattr(sys.modules["__main__"], "__file__", COMMAND))
    is_prompt = hasattr(sys, "ps1") or bool(sys.flags.interactive)
    is_script = is_sweep_script(program)
    if is_script and isinstance(error, KeyboardInterrupt):
        echo(f"interrupted: to start again, run: {shlex.join(['python', *sys.argv])}", err=True)
        sys.exit(status_of_signal(signal.SIGINT))
    if is_prompt or not (isinstance(error, SweepError) or (isinstance(error, Exception) and is_script)):
        sys.__excepthook__(kind, error, trace)
        return
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    fail(str(located(error, program)), error, as_json=is_script)


def fail(message: str, error: BaseException | None = None, *, as_json: bool = True) -> NoReturn:
    """Print one line, after the traceback of an exception if `--traceback` asks for it, and exit with status 2.

    With `as_json`, the error's object is printed as well if the command line asks for JSON.
    """
    if error is not None and TRACEBACK in sys.argv:
        traceback.print_exception(error)
    echo(f"error: {one_line(message)}", err=True)
    if as_json:
        print_error(one_line(message), error, ExitStatus.REFUSED)
    sys.exit(ExitStatus.REFUSED)
