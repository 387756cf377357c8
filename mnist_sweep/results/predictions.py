"""The classes or numbers that trials predicted, the labels of those images, and which of them are correct.

A trial's predictions are in `predictions/<trial_id>.npz`, and the labels of a data set in
`predictions/labels-<data_id>.npz`: arrays `val` and `test`, in the order of the split's images. Under another objective
than accuracy, `val_values` and `test_values` are beside them: what each image contributes to its value. A file that
was not kept, is damaged, or cannot be written raises LedgerError.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_sweep.errors import DataError, IncomparableError, LedgerError
from mnist_sweep.system import npz
from mnist_sweep.system.atomic_files import make_folder, open_regular, write_atomically
from mnist_sweep.trials.ids import flat_id
from mnist_sweep.trials.row import TrialRow

FOLDER, LABELS, MISTAKES = "predictions", "labels-", "-mistakes"  # the beginning, and the end, of names of files
SPLITS, VALUES = ("val", "test"), ("val_values", "test_values")
ROUNDING = 1e-4  # of means of float32


class Predictions(NamedTuple):
    """A class, or a number if labels are numbers, for each image of the evaluated splits.

    Attributes:
        val: Classes of the validation images, `[num_val]`: uint8 when read, or uint16 if one is above 255; any integers
            when written. Numbers are float32, `[num_val, k]` if several are predicted for each image.
        test: Those of the test images, `[num_test]`, likewise.
        val_values: What each validation image contributes to the value that the trial is judged by, whose mean they
            are: float32 `[num_val]`; set by the sweep, None for accuracy and where it is unknown.
        test_values: The same of test images.
    """

    val: NDArray[Any]
    test: NDArray[Any]
    val_values: NDArray[np.floating[Any]] | None = None
    test_values: NDArray[np.floating[Any]] | None = None


class ImageValues(NamedTuple):
    """What each image contributes to the value of each trial, in the order of the trials and of the images.

    Attributes:
        val: Of the accuracy bool `[num_trials, num_val]`: which are classified correctly; else float64.
        test: The same `[num_trials, num_test]`.
    """

    val: NDArray[Any]
    test: NDArray[Any]


def data_id(flat_config: Mapping[str, Any]) -> str:
    """Return the id of a flat config's data set: the hash of `data` and its fields."""
    return flat_id({name: value for name, value in flat_config.items() if name == "data" or name.startswith("data.")})


def write(folder: Path, trial_id: str, predictions: Predictions) -> None:
    """Write the predictions of a trial into its results folder durably.

    Raises:
        DataError: The values are not classes.
        LedgerError: The disk is full or cannot be written.
    """
    path, content = path_of(folder, trial_id), _content(predictions)
    make_folder(path.parent, parents=False)
    write_atomically(path, content, "predictions")


def read(folder: Path, trial_id: str) -> Predictions:
    """Return the predictions of a trial."""
    path, row = path_of(folder, trial_id), folder / "rows" / f"{trial_id}.json"
    lacking = f"the predictions of trial {trial_id} are not kept in {path.parent}"
    return _read(path, f"{lacking}: move {row} away, and the next run makes both again.")


def write_labels(
    folder: Path, data_id: str, labels: Predictions, *, is_needed: Callable[[], bool] = lambda: True
) -> None:
    """Write the labels of a data set into a results folder durably, unless they are there already.

    `is_needed` returns whether a row was judged by those that are there; others are replaced.

    Raises:
        DataError: The values are not classes.
        LedgerError: The folder has other labels that are needed, or the disk is full or cannot be written.
    """
    path = path_of(folder, f"{LABELS}{data_id}")
    if path.exists() and equal(read_labels(folder, data_id), labels):
        return
    if path.exists() and is_needed():
        raise LedgerError(f"{path} holds other labels than the data set has now: use another --results for it.")
    write(folder, path.stem, labels)


def read_labels(folder: Path, data_id: str) -> Predictions:
    """Return the labels of a data set."""
    path = path_of(folder, f"{LABELS}{data_id}")
    return _read(path, f"there is no {path}: the next run that trains on this data set writes it.")


def path_of(folder: Path, trial_id: str) -> Path:
    """Return the path of a trial's predictions, which exists if they were kept."""
    return folder / FOLDER / f"{trial_id}.npz"


def are_kept(folder: Path, rows: Sequence[TrialRow]) -> bool:
    """Return whether a results folder has what each image contributes to the values of all these trials."""
    return _have_values(rows) and all(path_of(folder, row.trial_id).exists() for row in rows)


def image_values(folder: Path, rows: Sequence[TrialRow]) -> ImageValues:
    """Return what each image contributes to the values of some trials, all of one objective and on the same images.

    Raises:
        LedgerError: Predictions or labels were not kept, are damaged, or contradict the rows; the trials were evaluated
            on different images; or the images have no values of their own.
    """
    if not _have_values(rows):
        rule = f"two single trials are compared image by image, and no image has its own {rows[0].measure.title}"
        raise IncomparableError(f"{rule}: compare two configs, over the seeds that both have.")
    predicted = [read(folder, row.trial_id) for row in rows]
    labels = _shared_labels([(folder, row) for row in rows])
    values = [_values(folder, row, one, labels) for row, one in zip(rows, predicted, strict=True)]
    dtype = bool if rows[0].measure.is_accuracy else float
    return ImageValues(*(np.array(of_split, dtype) for of_split in zip(*values, strict=True)))


def paired_values(sides: Sequence[tuple[Path, Sequence[TrialRow]]]) -> list[ImageValues]:
    """Return `image_values` of each folder's trials; a LedgerError is also that the folders have different images."""
    if all(are_kept(*side) for side in sides):  # else `image_values` says what is lacking
        _shared_labels([(folder, row) for folder, rows in sides for row in rows])
    return [image_values(*side) for side in sides]


def _have_values(rows: Sequence[TrialRow]) -> bool:
    errors = [error for row in rows if row.objective for error in (row.val_objective_error, row.test_objective_error)]
    return None not in errors


def _shared_labels(trials: Sequence[tuple[Path, TrialRow]]) -> Predictions:
    """Return the labels of the images that all trials, each in a folder, were evaluated on."""
    ids = {(folder, data_id(row.config)): row.trial_id for folder, row in reversed(trials)}
    first, *others = [read_labels(*one) for one in ids]
    if not all(equal(first, other) for other in others):
        named = " and ".join(reversed(ids.values()))
        raise IncomparableError(f"{named} were evaluated on different images: they cannot be paired.")
    return first


def _values(folder: Path, row: TrialRow, predictions: Sequence[Any], labels: Sequence[Any]) -> list[NDArray[Any]]:
    """Return what each image contributes to a row's value, split by split; the mean must be that value."""
    found: list[Any] = []
    for place, value in enumerate((row.val, row.test)):
        predicted, true, values = predictions[place], labels[place], predictions[place + 2]
        tolerance = ROUNDING * max(1.0, abs(value or 0.0))
        if row.measure.is_accuracy:
            values, tolerance = predicted == true if len(predicted) == len(true) else None, 0.5 / len(true)
        is_whole = value is not None and values is not None and len(values) == len(true)
        if not (is_whole and abs(np.mean(values, dtype=float) - value) <= tolerance):
            raise LedgerError(
                f"{path_of(folder, row.trial_id)} does not give the {row.measure.title} of the trial's row: "
                f"move {folder / 'rows' / row.trial_id}.json away, and the next run makes both again."
            )
        found.append(values)
    return found


def _content(predictions: Predictions) -> bytes:
    arrays: dict[str, Any] = {name: _answers(given) for name, given in zip(SPLITS, predictions[:2], strict=True)}
    arrays |= {
        name: one.astype("float32") for name, one in zip(VALUES, predictions[2:], strict=True) if one is not None
    }
    return npz.to_bytes(arrays)


def _answers(given: ArrayLike) -> NDArray[Any]:
    """Return classes in the smallest dtype that holds them, or numbers."""
    classes = np.asarray(given)
    if classes.ndim in (1, 2) and classes.dtype == np.float32 and classes.size:
        return classes
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or not classes.size:
        raise DataError(f"classes must be integers, one for each image, but got {classes.dtype} {classes.shape}.")
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= 2**16:
        raise DataError(f"`0 <= class < 65536` must hold, but got classes from {low} to {high}.")
    return classes.astype(np.uint8 if high < 2**8 else np.uint16)


def _read(path: Path, lacking: str) -> Predictions:
    try:
        with open_regular(path, npz.MAX_BYTES, follow_links=False) as file:
            found = npz.read(file)
        if not {*SPLITS} <= found.keys():
            raise DataError("it lacks classes")
        arrays = {name: found[name] for name in Predictions._fields if name in found}
        for name, array in arrays.items():
            dtypes = ("uint8", "uint16", "float32") if name in SPLITS else ("float32",)
            rank = array.ndim - (name in SPLITS and array.ndim == 2 and array.dtype == np.float32)
            if rank != 1 or array.dtype.name not in dtypes or not array.size:
                raise DataError(f"it holds {array.dtype} of {array.shape}")
    except FileNotFoundError as error:
        raise IncomparableError(lacking) from error
    except (DataError, OSError) as error:
        cause = getattr(error, "strerror", error)
        raise LedgerError(f"{path} does not hold predictions ({cause}): it is damaged, move it away.") from error
    return Predictions(**arrays)


def equal(one: Predictions, other: Predictions) -> bool:
    """Return whether two have the same class or number for every image."""
    return all(np.array_equal(mine, its) for mine, its in zip(one[:2], other[:2], strict=True))
