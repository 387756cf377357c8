"""Every exception that mnist_sweep raises on purpose.

Each class also derives from the builtin that a caller would expect, and its message is one line: the rule, what came
instead, and the way out. The command line prints that line and exits with status 2.

    SweepError
    ├── ConfigError (ValueError)       a hyperparameter, an axis or a sweep breaks a rule
    │   └── UnknownNameError           no such data set, model, optimizer, schedule or field
    ├── DataError (ValueError)         a data file or data set is not what it should be
    │   └── DownloadError (OSError)    a data file could not be fetched
    ├── ScriptError (ImportError)      a sweep script, or what a row names by its import path, cannot be loaded
    ├── LedgerError (OSError)          the results folder cannot be used
    │   └── RowError (ValueError)      a file under rows/ is not a row
    │       └── NewerRowError          it is one of a newer version
    ├── CheckpointError (ValueError)   a trial cannot go on from its checkpoint
    ├── ResourceError (RuntimeError)   the machine or cluster lacks what a trial asks for
    └── TrackerError (ConnectionError)  a tracker such as MLflow cannot be used
"""

from pathlib import Path


class SweepError(Exception):
    """Base class of every error below."""


class ConfigError(SweepError, ValueError):
    """A hyperparameter, an axis or a sweep breaks a rule."""


class UnknownNameError(ConfigError):
    """A name that no registry, module or class knows; the message lists the known ones."""


class DataError(SweepError, ValueError):
    """A data file or data set is damaged, mislabelled or of the wrong kind."""


class DownloadError(DataError, OSError):
    """A data file could not be fetched, or what came is not the file."""


class ScriptError(SweepError, ImportError):
    """A sweep script, or code that a row names by its import path, cannot be loaded."""


class LedgerError(SweepError, OSError):
    """The results folder cannot be read or written."""


class RowError(LedgerError, ValueError):
    """A file under `rows/` is not a row."""


class CheckpointError(SweepError, ValueError):
    """A trial cannot go on from its checkpoint: it is damaged, or made with something else."""


class NewerRowError(RowError):
    """A row is whole, but a newer version of mnist_sweep made it, and this one cannot read it."""


class ResourceError(SweepError, RuntimeError):
    """The machine or cluster does not have what a trial asks for."""


class TrackerError(SweepError, ConnectionError):
    """A tracker such as MLflow cannot be reached, refuses a run, or its package is not installed."""


def no_rows(folder: Path) -> LedgerError:
    """Return the error of a folder that holds no rows."""
    return LedgerError(f"{folder} holds no rows: name a sweep's results folder, as in results/quickstart.")
