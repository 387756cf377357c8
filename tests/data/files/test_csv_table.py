"""Tables of pixels: their columns, and what is refused."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Csv
from mnist_sweep.errors import DataError
from tests.conftest import Refused

TABLE = np.arange(30 * 4).reshape(30, 4) % 250
HEADER = "label,pixel0,pixel1,pixel2,pixel3"


def text(header: str = HEADER, *, labels: Any = None, table: Any = TABLE, join: str = ",") -> str:
    labels = np.arange(len(table)) % 3 if labels is None else labels
    lines = [join.join(map(str, [label, *row])) for label, row in zip(labels, table, strict=True)]
    return "\n".join([*([header.replace(",", join)] if header else []), *lines]) + "\n"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    def load(content: str | bytes, **options: Any) -> Any:
        path = tmp_path / "a.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Csv(path, **options).load()

    return load


def test_lines_of_names_and_separators_may_differ(load: Callable[..., Any]) -> None:
    first = load(text())
    assert first.image_shape == (2, 2, 1)
    assert sorted(first.train.images[:, 0, 0, 0]) != sorted(first.train.images[:, 1, 1, 0])
    for other in (
        text("digit,1x1,1x2,2x1,2x2"),
        text(""),
        text(join=";"),
        text(HEADER.replace(",", " , ")),
        text(join="\t"),
        "\ufeff" + text().replace("\n", "\r\n"),
        "\r\n\n" + text().replace("\n", "\n\n"),
        text("label,pixel0,pixel2,pixel1,pixel3", table=TABLE[:, [0, 2, 1, 3]]),
    ):
        assert load(other).digest() == first.digest()
    assert load(gzip.compress(text().encode())).digest() == first.digest()
    assert load(text("mood,pixel0,pixel1,pixel2,pixel3"), label="mood").digest() == first.digest()


def test_labels_may_be_names_and_other_columns_are_named(load: Callable[..., Any]) -> None:
    names = np.array(["ship", "cat", "dog"])[np.arange(30) % 3]
    loaded = load(
        text("label,usage,p1,px1,px2,px3,px4".replace("p1,", ""), labels=names, table=np.insert(TABLE, 0, 7, axis=1))
    )
    assert loaded.class_names == ("cat", "dog", "ship")
    assert loaded.notes[-1] == "not used: column usage (1 in all)"


def test_several_columns_are_numbers_to_predict(load: Callable[..., Any], refused: Refused) -> None:
    lines = text("x,y,pixel0,pixel1,pixel2,pixel3", labels=np.arange(30) % 3, table=np.insert(TABLE, 0, 7, axis=1))
    loaded = load(lines, label=("y", "x"))
    assert (loaded.train.labels.dtype, loaded.label_shape, loaded.num_classes) == (np.float32, (2,), 2)
    assert {*map(tuple, loaded.train.labels.tolist())} == {(7, 0), (7, 1), (7, 2)}
    with refused(DataError, "must have 2 columns of labels, x, z, but has 1 among x, y, pixel0"):
        load(lines, label=("x", "z"))
    with refused(DataError, "could not convert string to float: 'ship'"):
        load(lines.replace("\n0,7", "\nship,7"), label=("x", "y"))


def test_pixels_of_other_shapes_need_a_size(load: Callable[..., Any], refused: Refused) -> None:
    names = ",".join(["label", *(f"pixel{number}" for number in range(6))])
    table = np.arange(180).reshape(30, 6)
    assert load(text(names, table=table), image_size=(1, 2)).image_shape == (1, 2, 3)
    assert load(text(names, table=table), image_size=(2, 3)).image_shape == (2, 3, 1)
    for size in (None, (2, 2)):
        with refused(DataError, "has 6 columns of pixels, which make no", " image", "--image-size"):
            load(text(names, table=table), image_size=size)


def test_column_numbers_are_no_image(load: Callable[..., Any], refused: Refused) -> None:
    numbered = text("0,1,2,3,4")  # as pandas writes a table without names
    assert load(numbered, label="0").digest() == load(text()).digest()
    with refused(DataError, "must have one column of labels", "but has 0 among 0, 1, 2, 3, 4"):
        load(numbered)


WRONG: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": ("\n\n", "is empty"),
    "no label": (text("kind,pixel0,pixel1,pixel2,pixel3"), "must have one column of labels, named label"),
    "two labels": (text("label,y,pixel1,pixel2,pixel3"), "but has 2 among label, y, pixel1"),
    "twice": (text("label,pixel0,pixel0,pixel1,pixel2"), "names a column twice"),
    "no pixels": ("label,a\n1,2\n", "has no columns of pixels, named by numbers such as"),
    "above 255": (text(table=TABLE + 200), "CSV conversion error to uint8: invalid value"),
    "negative": (text(table=TABLE - 1), "invalid value '-1'"),
    "floats": (text(table=TABLE / 255), "CSV conversion error to uint8"),
    "words": (text(table=np.full((30, 4), "dark")), "invalid value 'dark'"),
    "a value missing": (text().replace(",7\n", ",\n"), "lacks values in column pixel3"),
    "a label missing": (text().replace("\n0,", "\n,"), "lacks values in column label"),
    "short lines": (text() + "1,2\n", "Expected 5 columns, got 2"),
    "no lines": (HEADER + "\n", "train must have one label for each image"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\xfe\xfd", "is not UTF-8 text"),
    "not UTF-8": (text().replace("label", "größe").encode("latin-1"), "is not UTF-8 text: save it as CSV in UTF-8"),
    "a pixel missing": (text(HEADER.replace("3", "4")), "lacks columns of pixels between pixel0 and pixel4"),
    "a place missing": (text("label,1x1,1x2,2x1,3x2"), "lacks columns of pixels between 1x1 and 3x2"),
    "cut off": (gzip.compress(text().encode())[:-20], "is cut off"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused(case: str, load: Callable[..., Any], tmp_path: Path, refused: Refused) -> None:
    content, says = WRONG[case]
    with refused(DataError, str(tmp_path / "a.csv"), says):
        load(content)


def test_a_wrong_folder_is_refused(tmp_path: Path, refused: Refused) -> None:
    with refused(DataError, "holds no file that ends in .csv or .csv.gz"):
        Csv(tmp_path).load()
    (tmp_path / "train.csv").write_text(text())
    (tmp_path / "test.csv").write_text(text("pixel0,pixel1,pixel2,pixel3", table=TABLE[:, :3]))
    with refused(
        DataError, "test.csv must have one column of labels", "keep files without labels in another folder"
    ):  # as Kaggle's
        Csv(tmp_path).load()
    (tmp_path / "test.csv").write_text(text("label,pixel0", table=TABLE[:, :1]))
    with refused(DataError, "files with different numbers of pixels"):
        Csv(tmp_path).load()
    os.mkfifo(tmp_path / "pipe.csv")
    with refused(DataError, "is neither a file nor a folder"):
        Csv(tmp_path / "pipe.csv").load()


def test_a_file_without_a_row_changes_no_labels(tmp_path: Path, refused: Refused) -> None:
    for name, content in {"train_1": text(), "train_2": f"{HEADER}\n", "test": text()}.items():
        (tmp_path / f"{name}.csv").write_text(content)
    loaded = Csv(tmp_path).load()
    assert (loaded.num_classes, loaded.class_names, len(loaded.test)) == (3, (), 30)
    (tmp_path / "test.csv").write_text(f"{HEADER}\n")
    with refused(DataError, "test must have one label for each image"):
        Csv(tmp_path).load()
