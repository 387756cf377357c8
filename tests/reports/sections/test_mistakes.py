"""Laws of mistakes: they are counted and shown as they were kept, and damaged files are named."""

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mnist_sweep import TrialConfig
from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.blocks import Images
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import confusion_matrix, mistakes
from mnist_sweep.results import predictions
from mnist_sweep.results.predictions import Predictions
from mnist_sweep.trials.row import TrialRow

MakeRow = Callable[..., TrialRow]
MakeResults = Callable[[Sequence[TrialRow]], Results]
Refused = Callable[..., AbstractContextManager[None]]
LABELS = Predictions(np.arange(20, dtype=np.uint8) % 10, np.arange(30, dtype=np.uint8) % 10)


def keep(results: Results, row: TrialRow, labels: Predictions, test: Any) -> None:
    """Write the labels of a row's data, and what its trial predicted on test."""
    predictions.write_labels(results.folder, predictions.data_id(row.config), labels)
    predictions.write(results.folder, row.trial_id, Predictions(labels.val, test))


def path_of_mistakes(results: Results) -> Path:
    (results.folder / "predictions").mkdir(exist_ok=True)
    return results.folder / "predictions" / f"{results.good[0].trial_id}-mistakes.npz"


def test_confusions_are_counted_and_named(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    test = LABELS.test.copy()
    test[[4, 14]] = 9
    keep(results, results.good[0], LABELS, test)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert plot.finding == "2 of 30 test images (6.67%) are misclassified, most often 4 as 9 (2)."
    assert [line[1:] for line in plot.table.rows][4] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 2]
    drawn = np.array(plot.figure.data[0].z, float)
    assert np.nansum(drawn) == drawn[4, 9] == 2
    assert np.isnan(np.diag(drawn)).all()


def test_matrix_is_of_the_best_trial_that_has_predictions(make_row: MakeRow, make_results: MakeResults) -> None:
    rows = [make_row(TrialConfig(seed=seed), val_accuracy=0.9 - seed / 10) for seed in range(3)]
    results = make_results(rows)
    for row in results.good[1:]:
        keep(results, row, LABELS, LABELS.test)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert results.good[1].trial_id in plot.title
    assert plot.finding == "All 30 test images are classified correctly."


def test_many_classes_are_a_list_of_confusions(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    labels = Predictions(np.arange(100, dtype=np.uint8), np.arange(100, dtype=np.uint8))
    test = labels.test.copy()
    test[7] = 99
    keep(results, results.good[0], labels, test)
    plot = confusion_matrix.plot(results)
    assert plot is not None
    assert plot.table.rows == [["7", "99", 1]]


def test_predictions_of_other_images_are_refused(
    make_row: MakeRow, make_results: MakeResults, refused: Refused
) -> None:
    results = make_results([make_row()])
    keep(results, results.good[0], LABELS, LABELS.test[:7])
    with refused(LedgerError, results.good[0].trial_id, "7 predictions of 30 test images", "move it away"):
        confusion_matrix.plot(results)


def test_without_what_is_needed_it_says_how_to_get_it(make_row: MakeRow, make_results: MakeResults) -> None:
    section = mistakes.section(make_results([make_row()]))
    assert section.finding == mistakes.NONE_KEPT
    assert "--keep-models" in section.finding


@pytest.mark.parametrize("channels", [1, 3])
def test_mistakes_are_images_with_both_classes_in_words(
    make_row: MakeRow, make_results: MakeResults, channels: int
) -> None:
    results = make_results([make_row()])
    images = np.random.default_rng(0).integers(0, 255, (3, 8, 6, channels)).astype(np.uint8)
    confidence = np.array([0.999, 0.8, 0.5], np.float32)
    np.savez(path_of_mistakes(results), images=images, labels=[4, 5, 6], predicted=[9, 3, 0], confidence=confidence)
    (gallery,) = [block for block in mistakes.section(results).blocks if isinstance(block, Images)]
    assert [picture.caption for picture in gallery.images] == [
        "4 classified as 9, 99.9% confidence",
        "5 classified as 3, 80.0% confidence",
        "6 classified as 0, 50.0% confidence",
    ]
    with PIL.Image.open(io.BytesIO(gallery.images[2].png)) as picture:
        assert np.array_equal(np.asarray(picture).reshape(8, 6, channels), images[2])


def test_model_without_mistakes_is_said_to_be_right(make_row: MakeRow, make_results: MakeResults) -> None:
    results = make_results([make_row()])
    none = np.zeros(0, int)
    images, confidence = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.float32)
    np.savez(path_of_mistakes(results), images=images, labels=none, predicted=none, confidence=confidence)
    assert "classifies every validation image correctly" in mistakes.section(results).finding


@pytest.mark.parametrize("damage", ["torn", "garbage", "pickle", "missing", "shapes", "floats", "empty", "flipped"])
def test_damaged_file_is_named(make_row: MakeRow, make_results: MakeResults, refused: Refused, damage: str) -> None:
    results = make_results([make_row()])
    path = path_of_mistakes(results)
    arrays: dict[str, Any] = {"images": np.zeros((2, 8, 8, 1), np.uint8), "labels": [1, 2], "predicted": [2, 1]}
    arrays["confidence"] = np.array([0.5, 0.5], np.float32)
    changes: dict[str, dict[str, Any]] = {
        "pickle": {"labels": np.array([{}, {}], object)},
        "shapes": {"labels": [1, 2, 3]},
        "floats": {"images": np.zeros((2, 8, 8, 1))},
    }
    if damage == "missing":
        del arrays["labels"]
    np.savez_compressed(path, allow_pickle=True, **arrays | changes.get(damage, {}))
    whole = path.read_bytes()
    flipped = whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]
    content = {"torn": whole[:200], "garbage": b"garbage", "empty": b"", "flipped": flipped}.get(damage)
    if content is not None:
        path.write_bytes(content)
    with refused(LedgerError, str(path), "delete it"):
        mistakes.section(results)
