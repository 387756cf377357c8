"""The confusion matrix, and the images that a kept model misclassifies with the highest confidence."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_sweep.predict.classify import class_names
from mnist_sweep.reports.blocks import Block, Image, Images, Paragraph, Section
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import confusion_matrix
from mnist_sweep.reports.sections.confusion_matrix import best_with_file
from mnist_sweep.results import mistakes
from mnist_sweep.results.mistakes import Mistakes
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import TrialRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = "-mistakes.npz"
NO_PREDICTIONS = (
    "There is no confusion matrix because no predictions were kept. Runs keep them unless given `--no-predictions`."
)
KEY, TITLE = "mistakes", "Misclassified images"
NONE_KEPT = (
    "No misclassified images were kept. Runs keep those of the validation split unless given `--keep-models none`."
)


def section(results: Results) -> Section:
    """Return the confusion matrix of the best trial, and the most confident mistakes of the best kept model.

    Raises:
        LedgerError: One of their files is damaged; the message names it.
    """
    matrix = confusion_matrix.plot(results)
    blocks: list[Block] = [matrix] if matrix else [Paragraph(text=NO_PREDICTIONS)]
    row = best_with_file(results, SUFFIX)
    if row is None:
        return Section(key=KEY, title=TITLE, finding=NONE_KEPT, blocks=blocks)
    images = _images(row, mistakes.read(mistakes.path_of(results.folder, row.trial_id)))
    if not images:
        finding = f"The model of {row.trial_id} classifies every validation image correctly."
        return Section(key=KEY, title=TITLE, finding=finding, blocks=blocks)
    number = counted(len(images), "validation image")
    finding = f"Shown below: {number} that the model of {row.trial_id} misclassifies with the highest confidence."
    blocks.append(Images(caption="Most confident mistakes on validation", images=images))
    return Section(key=KEY, title=TITLE, finding=finding, blocks=blocks)


def _images(row: TrialRow, found: Mistakes) -> list[Image]:
    highest = max([*found.labels.tolist(), *found.predicted.tolist()], default=0)
    names = class_names(row, highest + 1)
    classes = zip(found.labels.tolist(), found.predicted.tolist(), found.confidence.tolist(), strict=True)
    captions = [
        f"{_name(names, true)} classified as {_name(names, predicted)}, {confidence:.1%} confidence"
        for true, predicted, confidence in classes
    ]
    return [Image(png=_png(image), caption=text) for image, text in zip(found.images, captions, strict=True)]


def _png(image: "NDArray[np.uint8]") -> bytes:
    """Return the PNG file of an image, uint8 `[height, width, 1 or 3]`."""
    import PIL.Image

    file = io.BytesIO()
    PIL.Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, "PNG", optimize=True)
    return file.getvalue()


def _name(names: Sequence[str], label: int) -> str:
    return names[label] if 0 <= label < len(names) else str(label)
