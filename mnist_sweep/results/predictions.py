"""The classes that trials predicted, at one byte an image, the labels of those images, and which of them are correct.

A trial's predictions are in `predictions/<trial_id>.npz`, and the labels of a data set in
`predictions/labels-<data_id>.npz`: arrays `val` and `test`, in the order of the split's images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_sweep.errors import DataError, IncomparableError, LedgerError
from mnist_sweep.system import npz
from mnist_sweep.system.files import make_folder, open_regular, write_atomically
from mnist_sweep.trials.row import TrialRow, flat_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

FOLDER = "predictions"


class Predictions(NamedTuple):
    """A class for each image of the evaluated splits.

    Attributes:
        val: Classes of the validation images, `[num_val]`: uint8 when read, or uint16 if one is above 255; any integers
            when written.
        test: Classes of the test images, `[num_test]`, likewise.
    """

    val: "NDArray[np.integer[Any]]"
    test: "NDArray[np.integer[Any]]"


class CorrectImages(NamedTuple):
    """Which images each trial classifies correctly, in the order of the trials and of the images.

    Attributes:
        val: bool `[num_trials, num_val]`.
        test: bool `[num_trials, num_test]`.
    """

    val: "NDArray[np.bool_]"
    test: "NDArray[np.bool_]"


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
    path, row = path_of(folder, trial_id), folder / "rows" / f"{trial_id}.json"
    lacking = f"the predictions of trial {trial_id} are not kept in {path.parent}"
    return _read(path, f"{lacking}: move {row} away, and the next run makes both again.")


def write_labels(folder: Path, data_id: str, labels: Predictions) -> None:
    """Write the labels of a data set into a results folder durably, unless they are there already.

    Raises:
        DataError: The values are not classes.
        LedgerError: The folder has other labels, or the disk is full or cannot be written.
    """
    path, content = path_of(folder, f"labels-{data_id}"), _content(labels)
    if not path.exists():
        _write(path, content)
    elif not equal(read_labels(folder, data_id), labels):
        raise LedgerError(f"{path} holds other labels than the data set has now: use another --results for it.")


def read_labels(folder: Path, data_id: str) -> Predictions:
    """Return the labels of a data set.

    Raises:
        LedgerError: They were not kept, or the file is damaged.
    """
    path = path_of(folder, f"labels-{data_id}")
    return _read(path, f"there is no {path}: the next run that trains on this data set writes it.")


def path_of(folder: Path, trial_id: str) -> Path:
    """Return the path of a trial's predictions, which exists if they were kept."""
    return folder / FOLDER / f"{trial_id}.npz"


def are_kept(folder: Path, rows: Sequence[TrialRow]) -> bool:
    """Return whether a results folder has the predictions of all these trials."""
    return all(path_of(folder, row.trial_id).exists() for row in rows)


def correct_images(folder: Path, rows: Sequence[TrialRow]) -> CorrectImages:
    """Return which images some trials of a results folder, all evaluated on the same ones, classify correctly.

    Raises:
        LedgerError: Predictions or labels were not kept, are damaged, or contradict the rows; or the trials were
            evaluated on different images.
    """
    import numpy as np

    predicted = [read(folder, row.trial_id) for row in rows]
    labels = _labels_of_all(folder, rows)
    for row, mine in zip(rows, predicted, strict=True):
        _check(folder, row, mine, labels)
    return CorrectImages(*(np.array([mine[place] for mine in predicted]) == labels[place] for place in range(2)))


def _labels_of_all(folder: Path, rows: Sequence[TrialRow]) -> Predictions:
    ids = {data_id(row.config): row.trial_id for row in rows}
    first, *others = [read_labels(folder, data_id) for data_id in ids]
    if not all(equal(first, other) for other in others):
        named = " and ".join(ids.values())
        raise IncomparableError(f"{named} were evaluated on different images: they cannot be paired.")
    return first


def _check(folder: Path, row: TrialRow, predictions: Predictions, labels: Predictions) -> None:
    """Validate that predictions give the accuracies of their row."""
    for predicted, true, share in zip(predictions, labels, (row.val_accuracy, row.test_accuracy), strict=True):
        if share is None or len(predicted) != len(true) or abs((predicted == true).sum() - share * len(true)) > 0.5:
            raise LedgerError(
                f"{path_of(folder, row.trial_id)} does not give the accuracies of the trial's row: "
                f"move {folder / 'rows' / row.trial_id}.json away, and the next run makes both again."
            )


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


def _read(path: Path, lacking: str) -> Predictions:
    try:
        with open_regular(path, npz.MAX_BYTES) as file:
            arrays = npz.read(file, Predictions._fields)
        for array in arrays.values():
            if array.ndim != 1 or array.dtype.name not in ("uint8", "uint16") or not array.size:
                raise DataError(f"it holds {array.dtype} of {array.shape}")
    except FileNotFoundError as error:
        raise IncomparableError(lacking) from error
    except (DataError, OSError) as error:
        cause = getattr(error, "strerror", error)
        raise LedgerError(f"{path} does not hold predictions ({cause}): it is damaged, move it away.") from error
    return Predictions(**arrays)


def equal(one: Predictions, other: Predictions) -> bool:
    """Return whether two have the same class for every image."""
    import numpy as np

    return all(np.array_equal(mine, its) for mine, its in zip(one, other, strict=True))
