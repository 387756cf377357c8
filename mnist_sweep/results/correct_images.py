"""Which images trials classify correctly: their predictions compared with the labels, and with their own rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.errors import LedgerError
from mnist_sweep.results import predictions
from mnist_sweep.trials.row import TrialRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CorrectImages(NamedTuple):
    """Which images are classified correctly, in the order of the trials and of the images.

    Attributes:
        val: bool `[num_trials, num_val]`.
        test: bool `[num_trials, num_test]`.
    """

    val: "NDArray[np.bool_]"
    test: "NDArray[np.bool_]"


def are_kept(folder: Path, rows: Sequence[TrialRow]) -> bool:
    """Return whether a results folder has the predictions of all these trials."""
    return all(predictions.path_of(folder, row.trial_id).exists() for row in rows)


def read(folder: Path, rows: Sequence[TrialRow]) -> CorrectImages:
    """Return which images some trials of a results folder, all evaluated on the same ones, classify correctly.

    Raises:
        LedgerError: Predictions or labels were not kept, are damaged, or contradict the rows; or the trials were
            evaluated on different images.
    """
    import numpy as np

    predicted = [predictions.read(folder, row.trial_id) for row in rows]
    labels = _labels(folder, rows)
    for row, mine in zip(rows, predicted, strict=True):
        _check(folder, row, mine, labels)
    return CorrectImages(*(np.array([mine[place] for mine in predicted]) == labels[place] for place in range(2)))


def _labels(folder: Path, rows: Sequence[TrialRow]) -> predictions.Predictions:
    """Return the labels of the images that all these trials were evaluated on."""
    ids = {predictions.data_id(row.config): row.trial_id for row in rows}
    first, *others = [predictions.read_labels(folder, data_id) for data_id in ids]
    if not all(predictions.equal(first, other) for other in others):
        raise LedgerError(f"{' and '.join(ids.values())} were evaluated on different images: they cannot be paired.")
    return first


def _check(folder: Path, row: TrialRow, mine: predictions.Predictions, labels: predictions.Predictions) -> None:
    """Validate that predictions give the accuracies of their row."""
    for predicted, true, accuracy in zip(mine, labels, (row.val_accuracy, row.test_accuracy), strict=True):
        if (
            len(predicted) != len(true)
            or accuracy is None
            or abs((predicted == true).sum() - accuracy * len(true)) > 0.5
        ):
            raise LedgerError(
                f"{predictions.path_of(folder, row.trial_id)} does not give the accuracies of the trial's row: "
                f"move {folder / 'rows' / row.trial_id}.json away, and the next run makes both again."
            )
