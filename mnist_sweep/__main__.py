"""The console command, also as `python -m mnist_sweep`.

Its process ends without the teardown of modules, which takes up to a second after a run; all exit handlers have run.
"""

import atexit
import contextlib
import os
import sys
from collections.abc import Callable


def console() -> None:
    """Run the command line, and exit with its status."""
    statuses: list[int] = []
    atexit.register(_end, statuses, os._exit)  # the first to be registered runs last
    from mnist_sweep.cli.app import main

    try:
        main()
    except SystemExit as ended:
        statuses += [int(ended.code)] if isinstance(ended.code, int) else []
        raise


def _end(statuses: list[int], end: Callable[[int], object]) -> None:
    for status in statuses:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):  # it is None, full or closed
                stream.flush()
        end(status)


if __name__ == "__main__":
    console()
