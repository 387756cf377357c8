"""What is shown of a data set before anything trains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_sweep import Digits, Split
from mnist_sweep.data.overview import MAX_CLASSES, SIDE, TEXT_WIDTH, example_sheet, overview, write_sheet
from mnist_sweep.errors import DataError
from tests.optim.test_regression import ink

DATA = Digits().load()


def test_everything_is_counted() -> None:
    found = overview("digits", DATA, is_verified=True)
    assert found.sizes == {"train": 1197, "val": 300, "test": 300}
    assert sum(found.counts["train"]) == 1197
    assert found.counts["val"][3] == int((DATA.val.labels == 3).sum())
    assert found.pixels["train"] == (0, 16, round(float(DATA.train.images.mean()), 3))
    assert (found.class_names, found.digest, found.notes) == (tuple("0123456789"), DATA.digest(), ())


def test_numbers_have_quantiles_in_place_of_classes() -> None:
    data = ink()
    found = overview("ink", data)
    assert (found.num_classes, found.class_names, found.counts["val"]) == (0, (), ())
    expected = [*np.quantile(data.val.labels, [0, 0.25, 0.5, 0.75, 1]), data.val.labels.mean()]
    assert found.numbers["val"] == pytest.approx(expected, rel=1e-5)
    assert overview("digits", DATA, is_verified=True).numbers == {}
    assert np.asarray(example_sheet(data, ())).shape[0] == 10 * (SIDE + 2)


def test_names_and_notes_are_those_of_the_data() -> None:
    named = replace(DATA, class_names=("\x1b[2J", *"bcdefghij"), notes=("from a folder",), val=DATA.train)
    found = overview("mine", named)
    assert found.class_names[:2] == ("\\x1b[2J", "b")
    assert found.notes[0] == "data mine: from a folder"
    assert any("val images (100%) are in train, too" in note for note in found.notes)


def test_one_class_is_refused() -> None:
    alike = Split(images=DATA.train.images, labels=np.zeros_like(DATA.train.labels))
    with pytest.raises(DataError, match="has only images of class 0 in train"):
        overview("mine", replace(DATA, train=alike))


def test_a_sheet_has_a_line_of_examples_for_each_class(tmp_path: Path) -> None:
    sheet = np.asarray(example_sheet(DATA, tuple("0123456789")))
    assert sheet.shape == (10 * (SIDE + 2), TEXT_WIDTH + 12 * (SIDE + 2), 3)
    third = DATA.train.images[DATA.train.labels == 3][1, ..., 0]
    line, column = 3 * (SIDE + 2), TEXT_WIDTH + SIDE + 2
    shown = sheet[line : line + SIDE : 8, column : column + SIDE : 8, 0]
    np.testing.assert_array_equal(shown, third.astype(int) * 255 // 16)
    write_sheet(tmp_path / "a.png", DATA, tuple("日123456789"))
    with Image.open(tmp_path / "a.png") as written:
        assert written.size == sheet.shape[1::-1]
    with pytest.raises(DataError, match="cannot be written"):
        write_sheet(tmp_path / "none" / "a.png", DATA, tuple("0123456789"))


def test_a_sheet_is_not_longer_than_people_read() -> None:
    labels = np.arange(len(DATA.train.labels), dtype=np.uint16) % 200
    many = replace(DATA, train=Split(images=DATA.train.images, labels=labels.astype(np.uint8)), num_classes=200)
    assert example_sheet(many, tuple(map(str, range(200)))).height == MAX_CLASSES * (SIDE + 2)
