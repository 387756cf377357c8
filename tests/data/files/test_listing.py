"""Which files of a folder are seen, and which split they belong to; links are tested with folders of images."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from mnist_sweep.data.files.listing import by_split, unused_notes, visible
from mnist_sweep.errors import DataError


def test_files_are_seen_in_natural_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b10", "b9", ".hidden", "Thumbs.db", "a"):
        (tmp_path / name).touch()
    assert [entry.name for entry in visible(tmp_path, tmp_path)] == ["a", "b9", "b10"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_order_of_files_is_that_of_composed_letters(tmp_path: Path, form: Literal["NFC", "NFD"]) -> None:
    names = ["e", "f", "\u00e9"]
    for name in names:
        (tmp_path / unicodedata.normalize(form, name)).touch()
    assert [unicodedata.normalize("NFC", entry.name) for entry in visible(tmp_path, tmp_path)] == names


def test_files_belong_to_the_splits_in_their_names(tmp_path: Path) -> None:
    names = ["train-1.csv", "train-0.csv", "TEST.CSV", "pets.csv", "valid.txt"]
    for name in names:
        (tmp_path / name).touch()
    found = {split: [Path(file).name for file in files] for split, files in by_split(tmp_path, (".csv",)).items()}
    assert found == {"train": ["pets.csv", "train-0.csv", "train-1.csv"], "test": ["TEST.CSV"]}
    assert by_split(tmp_path / "pets.csv", (".csv",)) == {"train": [str(tmp_path / "pets.csv")]}
    with pytest.raises(DataError, match=r"no file that ends in \.parquet"):
        by_split(tmp_path, (".parquet",))


def test_files_that_are_not_used_are_named() -> None:
    assert unused_notes([]) == ()
    assert unused_notes([f"a{number}" for number in range(7)]) == ("not used: a0, a1, a2, a3, a4, … (7 in all)",)
