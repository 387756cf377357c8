"""Every exception that mnist_sweep raises on purpose.

Each class also derives from the builtin that a caller would expect, and its message is one line: the rule, the value
that breaks it, and the way out. The command line prints that line and exits with status 2.

    SweepError
    ├── ConfigError (ValueError)       a hyperparameter, an axis or a sweep breaks a rule
    │   └── UnknownNameError           no data set, model, optimizer, schedule, loss or field has this name
    ├── DataError (ValueError)         a data file or data set is damaged or of the wrong kind
    │   └── DownloadError (OSError)    a data file could not be downloaded
    ├── ScriptError (ImportError)      a sweep script, or code that a row names by its import path, cannot be loaded
    ├── LedgerError (OSError)          the results folder cannot be read or written
    │   ├── IncomparableError          no difference of two trials or configs can be computed from their rows
    │   ├── StaleRowsError             rows were trained with other data or code than the sweep has now
    │   └── RowError (ValueError)      a file under rows/ is not a row
    │       └── NewerRowError          a newer version of mnist_sweep made the row
    ├── CheckpointError (ValueError)   a trial cannot resume from its checkpoint
    ├── ResourceError (RuntimeError)   the machine or cluster lacks what a trial needs
    ├── ProcessLostError (RuntimeError)  a process ended before the user code that it ran
    └── TrackerError (ConnectionError)  a tracker such as MLflow cannot be used
"""

import difflib
from pathlib import Path


class SweepError(Exception):
    """Base class of every error below."""


class ConfigError(SweepError, ValueError):
    """A hyperparameter, an axis or a sweep breaks a rule."""


class UnknownNameError(ConfigError):
    """A name is unknown; the message lists the known ones."""


class DataError(SweepError, ValueError):
    """A data file or data set is damaged, mislabelled or of the wrong kind."""


class DownloadError(DataError, OSError):
    """A data file could not be downloaded, or the download is not that file."""


class ScriptError(SweepError, ImportError):
    """A sweep script, or code that a row names by its import path, cannot be loaded."""


class LedgerError(SweepError, OSError):
    """The results folder cannot be read or written."""


class IncomparableError(LedgerError):
    """Two trials or configs are there, but their rows allow no comparison."""


class StaleRowsError(LedgerError):
    """Rows of the results folder were trained with other data or code than the sweep has now."""


class RowError(LedgerError, ValueError):
    """A file under `rows/` is not a row."""


class CheckpointError(SweepError, ValueError):
    """A trial cannot resume from its checkpoint, which is damaged or was made by another trial, version or machine."""


class NewerRowError(RowError):
    """A row is intact, but a newer version of mnist_sweep made it, which this one cannot read."""


class ResourceError(SweepError, RuntimeError):
    """The machine or cluster lacks what a trial, or a page to watch, needs."""


class ProcessLostError(SweepError, RuntimeError):
    """A process ended before the user code that it ran.

    Args:
        cause: What ended it, in one line.
        is_own_doing: Whether that was the code itself, which would do so again, rather than the system.
        trace: The stack at its end, or None.
    """

    def __init__(self, cause: str, *, is_own_doing: bool = False, trace: str | None = None) -> None:
        super().__init__(cause)
        self.is_own_doing, self.trace = is_own_doing, trace


class TrackerError(SweepError, ConnectionError):
    """A tracker such as MLflow cannot be reached or refuses a run, or its package is not installed."""


def no_rows(folder: Path) -> LedgerError:
    """Return the error for a folder without rows; it proposes one with rows, in the folder or beside it."""
    inside, beside = ([path.parent for path in place.glob("*/rows")] for place in (folder, folder.parent))
    names = sorted(path.name for path in beside if path != folder)
    near = difflib.get_close_matches(folder.name, names, 1) + names
    example = next(iter(sorted(inside) + [folder.with_name(name) for name in near]), "results/quickstart")
    return LedgerError(f"{folder} holds no rows: pass the folder of a sweep with finished trials, such as {example}.")
