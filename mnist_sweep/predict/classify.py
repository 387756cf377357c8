"""Classification of images by a trial's kept model, or prediction of a number.

A model file is read as data: only layers of Keras itself are built from it, so a results folder from somebody else
cannot run any code here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mnist_sweep.errors import DataError, LedgerError, no_rows
from mnist_sweep.results import lookup, saved_race
from mnist_sweep.results.data_cards import DataCard
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.text.lines import shortened
from mnist_sweep.training import tensorflow_runtime
from mnist_sweep.trials import ranking
from mnist_sweep.trials.row import TrialRow

if TYPE_CHECKING:
    from mnist_sweep.predict.preprocessing import PreparedImage


class KeptModel(NamedTuple):
    """A `.keras` file, and in words what its trial is: the median seed of the selected config, or why it is not."""

    row: TrialRow
    file: Path
    role: str


class Classification(NamedTuple):
    """The class probabilities of one image, in the order of the labels; they add up to 1. Or a number, and none.

    `name` is the image's file, with its number if the file holds several, and `preprocessing` says what was done to it
    first; empty if nothing.
    """

    name: str
    preprocessing: str
    probabilities: tuple[float, ...] = ()
    number: float | tuple[float, ...] | None = None  # several of a model that predicts several

    def text(self, names: Sequence[str], top: int) -> str:
        """Return the number, or the most probable classes, at most `top`, by their names."""
        if self.number is not None:
            numbers = self.number if isinstance(self.number, tuple) else (self.number,)
            return ", ".join(f"{one:.6g}" for one in numbers)
        ranked = sorted(zip(self.probabilities, names, strict=True), key=lambda pair: -pair[0])[:top]
        return ", ".join(f"{name} {probability:.1%}" for probability, name in ranked)


def best_model(folder: Path, name: str | None = None) -> KeptModel:
    """Return the kept model of the selected config, of the trial that is nearest to its median seed.

    If none of its models is kept, that of the next best config is returned. A `name` of a trial or config, as
    `lookup.find` takes it, leaves no other to choose from.

    Raises:
        LedgerError: There are no rows or no such trial, or none of its models is kept.
    """
    ledger = Ledger(folder)
    rows, models = ledger.rows(with_history=False), ledger.models()
    if not rows:
        raise no_rows(folder)
    match = lookup.find(rows, name, folder) if name is not None else None
    configs = ranking.by_config(match.rows if match else rows.values()).values()
    ranked = ranking.selected_first(configs, () if match else saved_race.dropped(folder, rows.values()))
    found = ranking.representative(ranked, models)
    if not found:
        whose = f" of {match.name}" if match else ""
        kept = f", but {'those' if len(models) > 1 else 'that'} of {shortened(', '.join(models))}" if models else ""
        way_out = "run the sweep into another folder with `--keep-models all`, which keeps all"
        raise LedgerError(f"{folder} holds no model{whose}{kept}: {way_out}.")
    result, row = found
    role = f"validation {row.measure.title} {row.val:.4f}"
    if seed := result.role(row):
        role += f"; {seed} of {len(result.rows)}, whose mean is {result.val:.4f}"
    if result is not ranked[0]:
        best = f"{ranked[0].config_id} with {ranked[0].val:.4f}"
        role += f"; not the selected config, {best}, whose models are not kept"
    return KeptModel(row, models[row.trial_id], role)


def predict(model_file: Path, images: Sequence[Path], card: DataCard) -> list[Classification | DataError]:
    """Return the class probabilities, or numbers, of the images in image and IDX files, prepared as the model's data.

    An image that cannot be read has the reason in its place.

    Raises:
        LedgerError: The model file is damaged, or made of more than Keras' own layers.
    """
    from mnist_sweep.models import keras_file
    from mnist_sweep.predict import preprocessing

    image_shape = keras_file.image_shape(model_file)
    read = [image for path in images for image in preprocessing.read(path, image_shape, card)]
    pixels = [image.pixels for image in read if not isinstance(image, DataError)]
    if not pixels:
        return [image for image in read if isinstance(image, DataError)]
    tensorflow_runtime.configure(threads=1)
    ask = keras_file.outputs if card.is_regression else keras_file.probabilities
    answers = iter(ask(model_file, pixels).tolist())
    return [image if isinstance(image, DataError) else _answer(image, next(answers), card) for image in read]


def _answer(image: "PreparedImage", outputs: list[float], card: DataCard) -> Classification:
    probabilities = () if card.is_regression else tuple(outputs)
    number = (outputs[0] if len(outputs) == 1 else tuple(outputs)) if card.is_regression else None
    return Classification(image.name, image.preprocessing, probabilities, number)
