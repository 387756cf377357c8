"""The classes that trials predicted, at one byte an image, and the labels to compare them with.

A trial's predictions are in `predictions/<trial_id>.npz`, and the labels of a data set in
`predictions/labels-<data_id>.npz`: arrays `val` and `test`, in the order of the split's images.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_sweep.errors import DataError, LedgerError
from mnist_sweep.system import npz
from mnist_sweep.system.files import make_folder, write_atomically
from mnist_sweep.trials.row import flat_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

FOLDER = "predictions"
DTYPES = ("uint8", "uint16")


class Predictions(NamedTuple):
    """A class for each image of the evaluated splits.

    Attributes:
        val: Classes of the validation images, `[num_val]`: uint8 when read, or uint16 if one is above 255; any integers
            when written.
        test: Classes of the test images, `[num_test]`, likewise.
    """

    val: "NDArray[np.integer[Any]]"
    test: "NDArray[np.integer[Any]]"


def data_id(flat_config: Mapping[str, Any]) -> str:
    """Return the id of a flat config's data set: the hash of `data` and its fields."""
    return flat_id({name: value for name, value in flat_config.items() if name == "data" or name.startswith("data.")})


def write(folder: Path, trial_id: str, predictions: Predictions) -> None:
    """Write the predictions of a trial into its results folder durably.

    Raises:
        DataError: The values are not classes.
        LedgerError: The disk is full or cannot be written.
    """
    _write(path_of(folder, trial_id), _content(predictions))


def read(folder: Path, trial_id: str) -> Predictions:
    """Return the predictions of a trial.

    Raises:
        LedgerError: They were not kept, or the file is damaged.
    """
    path = path_of(folder, trial_id)
    try:
        return _read(path)
    except FileNotFoundError as error:
        raise LedgerError(
            f"the predictions of trial {trial_id} are not kept in {path.parent}: "
            f"move {folder / 'rows' / trial_id}.json away, and the next run makes both again."
        ) from error


def write_labels(folder: Path, data_id: str, labels: Predictions) -> None:
    """Write the labels of a data set into a results folder durably, unless they are there already.

    Raises:
        DataError: The values are not classes.
        LedgerError: The folder has other labels, or the disk is full or cannot be written.
    """
    path, content = _labels_path(folder, data_id), _content(labels)
    if not path.exists():
        _write(path, content)
    elif not equal(_read(path), labels):
        raise LedgerError(f"{path} holds other labels than the data set has now: use another --results for it.")


def read_labels(folder: Path, data_id: str) -> Predictions:
    """Return the labels of a data set.

    Raises:
        LedgerError: They were not kept, or the file is damaged.
    """
    path = _labels_path(folder, data_id)
    try:
        return _read(path)
    except FileNotFoundError as error:
        raise LedgerError(f"there is no {path}: the next run that trains on this data set writes it.") from error


def path_of(folder: Path, trial_id: str) -> Path:
    """Return the path of a trial's predictions, which exists if they were kept."""
    return folder / FOLDER / f"{trial_id}.npz"


def _labels_path(folder: Path, data_id: str) -> Path:
    return folder / FOLDER / f"labels-{data_id}.npz"


def _content(predictions: Predictions) -> bytes:
    return npz.to_bytes({name: _classes(classes) for name, classes in predictions._asdict().items()})


def _classes(given: "ArrayLike") -> "NDArray[np.unsignedinteger[Any]]":
    """Return classes in the smallest dtype that holds them."""
    import numpy as np

    classes = np.asarray(given)
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or not classes.size:
        raise DataError(f"classes must be integers, one for each image, but got {classes.dtype} {classes.shape}.")
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= 2**16:
        raise DataError(f"`0 <= class < 65536` must hold, but got classes from {low} to {high}.")
    return classes.astype(np.uint8 if high < 2**8 else np.uint16)


def _write(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    write_atomically(path, content, "predictions")


def _read(path: Path) -> Predictions:
    try:
        with path.open("rb") as file:
            arrays = npz.read(file, Predictions._fields)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _damaged(path, str(error.strerror)) from error
    except DataError as error:
        raise _damaged(path, str(error)) from error
    for array in arrays.values():
        if array.ndim != 1 or array.dtype.name not in DTYPES or not array.size:
            raise _damaged(path, f"it holds {array.dtype} of {array.shape}")
    return Predictions(**arrays)


def _damaged(path: Path, cause: str) -> LedgerError:
    return LedgerError(f"{path} does not hold predictions ({cause}): it is damaged, move it away.")


def equal(one: Predictions, other: Predictions) -> bool:
    """Return whether two have the same class for every image."""
    import numpy as np

    return all(np.array_equal(mine, its) for mine, its in zip(one, other, strict=True))
