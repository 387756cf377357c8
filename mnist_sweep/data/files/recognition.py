"""Recognition of data on the command line: the name of a built-in data set, or a path and what lies there."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnist_sweep.data.dataset import DataSource
from mnist_sweep.data.files.idx_folder import magic_number
from mnist_sweep.data.files.listing import visible
from mnist_sweep.data.files.own_files import OwnFiles, find
from mnist_sweep.data.idx import IMAGES_MAGIC, LABELS_MAGIC
from mnist_sweep.data.loading import DATASETS
from mnist_sweep.errors import ConfigError, DataError, UnknownNameError

GOES_WITH = {"image_size": "image files and tables", "value_range": ".npz and .npy files"}
ENDINGS = {".npz": "arrays", ".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet"}


def recognise(
    given: str,
    *,
    image_size: tuple[int, int] | None = None,
    value_range: tuple[float, float] | None = None,
) -> DataSource:
    """Return the data source that a name or path stands for.

    Args:
        given: Name of a built-in data set, or a path as in `OwnFiles`.
        image_size: Height and width to which images are scaled; None if they all have one size.
        value_range: Values of pixels that become 0 and 1, as in `Arrays`.

    Raises:
        UnknownNameError: It is neither.
        DataError: The format of what lies there is unknown.
        ConfigError: `image_size` or `value_range` is given for data that have none.
    """
    name = given
    options: dict[str, Any] = {"image_size": image_size, "value_range": value_range}
    options = {option: value for option, value in options.items() if value is not None}
    if given not in DATASETS or issubclass(DATASETS[given], OwnFiles):
        try:
            name = _format(find(given))
        except DataError as error:
            if not str(error).startswith("there is no"):
                raise
            known = [name for name, source in sorted(DATASETS.items()) if not issubclass(source, OwnFiles)]
            near = "".join(f" (did you mean {name}?)" for name in difflib.get_close_matches(given, known, 1))
            raise UnknownNameError(f"unknown data {given!r}: known are {', '.join(known)}{near}; {error}") from error
        options["path"] = given
    for option in options:
        if not hasattr(DATASETS[name], option):
            raise ConfigError(f"{option} goes with {GOES_WITH[option]} only: leave it out for {given}.")
    source: Callable[..., DataSource] = DATASETS[name]
    return source(**options)


def _format(path: Path) -> str:
    """Return the name of the format of a file or folder."""
    if path.is_dir():
        return _format_of_folder(path)
    for ending, name in ENDINGS.items():
        if path.name.lower().endswith(ending):
            return name
    if path.suffix == ".npy" or magic_number(str(path)) in (IMAGES_MAGIC, LABELS_MAGIC):
        raise DataError(f"{path} is one file of several: give the path of their folder.")
    raise DataError(f"{path} is of no known format: {', '.join(ENDINGS)}, or a folder.")


def _format_of_folder(path: Path) -> str:
    entries = visible(path, path.resolve())
    folder = path / "data"
    inner = visible(folder, path.resolve()) if folder.is_dir() else []
    suffixes = {Path(entry.name.lower().removesuffix(".gz")).suffix for entry in entries}
    found = {
        "parquet": any(entry.name.lower().endswith(".parquet") for entry in (*entries, *inner)),
        "image_folder": any(entry.is_dir() for entry in entries),
        "arrays": ".npy" in suffixes,
        "csv": ".csv" in suffixes,
        "idx": any(magic_number(entry.path) == IMAGES_MAGIC for entry in entries if entry.is_file()),
    }
    for name, is_there in found.items():
        if is_there:
            return name
    if ".npz" in suffixes:
        raise DataError(f"{path} holds an .npz file: give the path of the file.")
    raise DataError(f"{path} holds no data of a known format: folders named by class, .npy, IDX, CSV or Parquet files.")
