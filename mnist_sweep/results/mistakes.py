"""The misclassified validation images about which a trained model is most confident.

They are in `predictions/<trial_id>-mistakes.npz`, for each trial whose model is kept. A file that cannot be written, or
is damaged, raises LedgerError.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import DataError, LedgerError
from mnist_sweep.models import inference
from mnist_sweep.results import predictions
from mnist_sweep.system import npz
from mnist_sweep.system.atomic_files import make_folder, open_regular, write_atomically

MAX_MISTAKES = 24
PICTURE_CHANNELS = (1, 3)


class Mistakes(NamedTuple):
    """Misclassified images, the most confident mistake first.

    Attributes:
        images: uint8 `[k, height, width, 1 or 3]`; the mean over the channels for images with another number of them.
        labels: True classes, integers `[k]`.
        predicted: Predicted classes, integers `[k]`.
        confidence: Probability of the predicted class, float32 `[k]`, in [0, 1].
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    predicted: NDArray[np.integer]
    confidence: NDArray[np.float32]


def find(model: Any, dataset: Dataset, predicted: NDArray[np.integer]) -> Mistakes:
    """Return the most confident mistakes of a Keras model, at most 24, given its predictions: integers `[num_val]`."""
    import tensorflow as tf

    images, labels = dataset.val.images, dataset.val.labels
    wrong = np.flatnonzero(predicted != labels)
    confidence = np.empty(len(wrong), np.float32)
    for start in range(0, len(wrong), inference.BATCH_SIZE):  # of 65,536 classes, all are GB
        part = slice(start, start + inference.BATCH_SIZE)
        logits = inference.logits(model, images[wrong[part]], pixel_range=dataset.pixel_range)
        shares = tf.nn.softmax(logits).numpy()
        confidence[part] = shares[np.arange(len(shares)), predicted[wrong[part]]]
    number = min(MAX_MISTAKES, npz.MAX_BYTES // (2 * images[0].nbytes))  # more bytes are not read back
    surest = np.argsort(-confidence, kind="stable")[:number]
    kept = wrong[surest]
    shown = dataset.as_picture(images[kept])
    if shown.shape[3] not in PICTURE_CHANNELS:
        shown = shown.mean(axis=3, keepdims=True).astype(np.uint8)
    return Mistakes(shown, labels[kept], predicted[kept], confidence[surest])


def to_bytes(mistakes: Mistakes) -> bytes:
    """Return mistakes as the content of an `.npz` file."""
    return npz.to_bytes(mistakes._asdict())


def path_of(folder: Path, trial_id: str) -> Path:
    """Return the path of a trial's mistakes, which exists if they were kept."""
    return predictions.path_of(folder, f"{trial_id}{predictions.MISTAKES}")


def write(folder: Path, trial_id: str, content: bytes) -> None:
    """Write the content of a trial's mistakes file into its results folder durably."""
    path = path_of(folder, trial_id)
    make_folder(path.parent, parents=False)
    write_atomically(path, content, "mistakes")


def read(path: Path) -> Mistakes:
    """Return the mistakes in a file."""
    try:
        with open_regular(path, npz.MAX_BYTES) as file:
            arrays = npz.read(file, Mistakes._fields)
    except (OSError, DataError) as error:
        cause = getattr(error, "strerror", error)
        raise LedgerError(f"{path} is damaged ({cause}): delete it, and the report omits it.") from error
    found = Mistakes(**{name: np.atleast_1d(array)[:MAX_MISTAKES] for name, array in arrays.items()})
    if not _is_whole(found):
        raise LedgerError(f"{path} does not hold images and their classes: delete it, and the report omits it.")
    return found


def _is_whole(found: Mistakes) -> bool:
    images, *others = found
    are_pictures = images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] in PICTURE_CHANNELS
    kinds = zip(others, ("iu", "iu", "f"), strict=True)
    return are_pictures and all(one.dtype.kind in kind and one.shape == images.shape[:1] for one, kind in kinds)
