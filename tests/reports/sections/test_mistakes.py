"""Laws of mistakes: they are counted and shown as they were kept, and damaged files are named."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mnist_sweep.errors import LedgerError
from mnist_sweep.reports.blocks import Images, Section
from mnist_sweep.reports.report_data import Results
from mnist_sweep.reports.sections import mistakes
from tests.conftest import MakeRow, Refused
from tests.reports.conftest import MakeResults, blocks_of


def section_of(results: Results) -> Section:
    section = mistakes.section(results)
    assert section is not None
    return section


def path_of_mistakes(results: Results) -> Path:
    (results.folder / "predictions").mkdir(exist_ok=True)
    return results.folder / "predictions" / f"{results.good[0].trial_id}-mistakes.npz"


def test_without_what_is_needed_it_says_how_to_get_it(make_row: MakeRow, make_results: MakeResults) -> None:
    section = section_of(make_results([make_row()]))
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
    (gallery,) = blocks_of(mistakes.section(results), Images)
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
    assert "classifies every validation image correctly" in section_of(results).finding


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
