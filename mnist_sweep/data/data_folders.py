"""The folders of data files on this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

from mnist_sweep.errors import DataError

FOLDERS_VARIABLE = "MNIST_SWEEP_DATA"


def search_folders() -> list[Path]:
    """Return the folders to search for data, in order: those of `MNIST_SWEEP_DATA`, then the cache."""
    named = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return [*(expanded(Path(name)) for name in named if name), cache_folder()]


def cache_folder() -> Path:
    """Return the folder for downloads: `$XDG_CACHE_HOME/mnist_sweep`, or else `~/.cache/mnist_sweep`.

    Raises:
        DataError: The user has no home folder.
    """
    return expanded(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "mnist_sweep"


def find(subfolder: str, names: Sequence[str]) -> Path | None:
    """Return the first file `<folder>/<subfolder>/<name>` that exists, folder by folder, or None if there is none."""
    candidates = (folder / subfolder / name for folder in search_folders() for name in names)
    # Before Python 3.14, Path.is_file raises an error for a folder that the user may not enter; os.access does not.
    return next((path for path in candidates if os.access(path, os.F_OK) and path.is_file()), None)


def expanded(path: Path) -> Path:
    """Return a path with the user's home folder for a leading `~`; it is a DataError if there is none."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise DataError(f"{path} needs a home folder, and there is none: set XDG_CACHE_HOME or HOME.") from error
