"""The confusion matrix, and the images that a kept model misclassifies with the highest confidence."""

import io
from collections.abc import Sequence

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mnist_sweep.reports.blocks import Block, Image, Images, Paragraph, Section
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import confusion_matrix
from mnist_sweep.reports.sections.confusion_matrix import ids_with_file
from mnist_sweep.results import data_cards, mistakes, predictions
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.mistakes import Mistakes

NO_PREDICTIONS = (
    "There is no confusion matrix because no predictions were kept. Runs keep them unless given `--no-predictions`."
)
KEY, TITLE = "mistakes", "Which images are misclassified?"
NONE_KEPT = (
    "No misclassified images were kept. Runs keep those of the validation split unless given `--keep-models none`."
)


def section(results: Results) -> Section | None:
    """Return the confusion matrix of the selected config, and the most confident mistakes of its kept model.

    None if the trials predict numbers.

    Raises:
        LedgerError: One of their files is damaged; the message names it.
    """
    if any(data_cards.read(results.folder, row.config).is_regression for row in results.rows[:1]):
        return None
    matrix = confusion_matrix.plot(results)
    blocks: list[Block] = [matrix] if matrix else [Paragraph(text=NO_PREDICTIONS)]
    kept = results.best_of(ids_with_file(results, f"{predictions.MISTAKES}.npz"))
    if kept is None:
        return Section(key=KEY, title=TITLE, finding=NONE_KEPT, blocks=blocks)
    row, role = kept
    model = f"the model of {row.trial_id}, {role},"
    found = mistakes.read(mistakes.path_of(results.folder, row.trial_id))
    images = _images(found, data_cards.read(results.folder, row.config))
    if not images:
        finding = f"{model[0].upper()}{model[1:]} classifies every validation image correctly."
        return Section(key=KEY, title=TITLE, finding=finding, blocks=blocks)
    shown = f"{len(images):,} validation images below are" if len(images) > 1 else "validation image below is"
    finding = f"The {shown} misclassified by {model.rstrip(',')}, with the highest confidence."
    blocks.append(Images(caption="Most confident mistakes on validation", images=images))
    return Section(key=KEY, title=TITLE, finding=finding, blocks=blocks)


def _images(found: Mistakes, card: DataCard) -> list[Image]:
    names = card.names(len(card.class_names))
    classes = zip(found.labels.tolist(), found.predicted.tolist(), found.confidence.tolist(), strict=True)
    captions = [
        f"{_name(names, true)} classified as {_name(names, predicted)}, {confidence:.1%} confidence"
        for true, predicted, confidence in classes
    ]
    return [Image(png=_png(image), caption=text) for image, text in zip(found.images, captions, strict=True)]


def _png(image: NDArray[np.uint8]) -> bytes:
    """Return the PNG file of an image, uint8 `[height, width, 1 or 3]`."""
    file = io.BytesIO()
    PIL.Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, "PNG", optimize=True)
    return file.getvalue()


def _name(names: Sequence[str], label: int) -> str:
    return names[label] if 0 <= label < len(names) else str(label)
