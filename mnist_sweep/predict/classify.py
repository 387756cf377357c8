"""Classification of images by a trial's kept model.

A model file is read as data: only layers of Keras itself are built from it, so a results folder from somebody else
cannot run any code here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mnist_sweep.data.sources import DATASETS
from mnist_sweep.errors import LedgerError
from mnist_sweep.results import lookup
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.system.files import is_folder
from mnist_sweep.training import runtime
from mnist_sweep.trials.row import Status, TrialRow, rank


class Classification(NamedTuple):
    """The class probabilities of one image.

    Attributes:
        name: The image's file, and its number in it if the file holds several.
        preprocessing: What was done to the image first, in words; empty if nothing.
        probabilities: Probability of each class, in the order of the labels; they add up to 1.
    """

    name: str
    preprocessing: str
    probabilities: tuple[float, ...]


def best_model(folder: Path, name: str | None = None) -> tuple[TrialRow, Path]:
    """Return the row and the model file of the best trial whose model is kept.

    Args:
        folder: A sweep's results folder.
        name: The trial, or the config whose trials, to choose from, as `lookup.find` takes it; None means all.

    Raises:
        LedgerError: There is no such folder or trial, or none of its models is kept.
    """
    if not is_folder(folder):
        raise LedgerError(f"{folder} is not a folder: give a sweep's results folder, such as results/quickstart.")
    ledger = Ledger(folder)
    rows, models = ledger.rows(with_history=False), ledger.models()
    found = lookup.find(rows, name, folder) if name is not None else None
    named = found.rows if found else rows.values()
    candidates = [row for row in named if row.trial_id in models and row.status is Status.OK]
    if not candidates:
        kept = f": those of {', '.join(models)} are" if models else ""
        whose = f"the model of {found.name} is" if found else "models are"
        raise LedgerError(f"{whose} not kept in {folder}{kept}; a run with `--keep-models all` keeps all.")
    row = min(candidates, key=rank)
    return row, models[row.trial_id]


def predict(model_file: Path, images: Sequence[Path]) -> list[Classification]:
    """Return the class probabilities of the images in PNG, JPEG and IDX files.

    Raises:
        DataError: A file is not an image; nothing is classified then.
        LedgerError: The model file is damaged, or made of more than Keras' own layers.
    """
    from mnist_sweep.models import keras_file
    from mnist_sweep.predict import image_files

    image_shape = keras_file.image_shape(model_file)
    prepared = [image for path in images for image in image_files.read(path, image_shape)]
    runtime.configure(threads=1)
    probabilities = keras_file.probabilities(model_file, [image.pixels for image in prepared])
    return [
        Classification(image.name, image.preprocessing, tuple(map(float, one)))
        for image, one in zip(prepared, probabilities, strict=True)
    ]


def class_names(row: TrialRow, num_classes: int) -> Sequence[str]:
    """Return the names of the classes of a row's data set, which are the labels if it has no names."""
    source = DATASETS.get(row.config["data"])
    return getattr(source, "CLASSES", None) or [str(label) for label in range(num_classes)]
