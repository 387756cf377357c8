"""Parquet files of encoded images: their columns, and what is refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from mnist_sweep import Parquet
from mnist_sweep.errors import DataError
from tests.conftest import Refused


def png(value: int, side: int = 4) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side), value).save(file, "PNG")
    return file.getvalue()


PNGS = [png(number) for number in range(30)]
LABELS: list[Any] = [number % 3 for number in range(30)]


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    def load(columns: dict[str, Any] | bytes, **options: Any) -> Any:
        path = tmp_path / "a.parquet"
        if isinstance(columns, bytes):
            path.write_bytes(columns)
        else:
            parquet.write_table(pa.table(columns), path)
        return Parquet(path, **options).load()

    return load


def test_columns_have_the_names_that_people_give_them(load: Callable[..., Any]) -> None:
    first = load({"image": [{"bytes": image, "path": None} for image in PNGS], "label": LABELS})
    assert (len(first.train), first.image_shape, first.class_names) == (24, (4, 4, 1), ())
    assert load({"img": PNGS, "fine_label": LABELS, "coarse_label": LABELS}).digest() == first.digest()
    mood = load({"img": PNGS, "mood": LABELS, "split": ["test"] * 30}, label="mood")
    assert (mood.digest(), mood.notes[-1]) == (first.digest(), "not used: column split (1 in all)")
    named = load({"image": PNGS, "label": [f"c{label}" for label in LABELS]})
    assert (named.digest(), named.class_names) == (first.digest(), ("c0", "c1", "c2"))


def test_images_are_scaled_as_those_of_folders(load: Callable[..., Any]) -> None:
    columns = {"image": [*PNGS[1:], png(0, side=9)], "label": LABELS}
    assert load(columns, image_size=8, color="rgb").image_shape == (8, 8, 3)


def test_several_numbers_are_a_column_of_lists_or_several_columns(load: Callable[..., Any], refused: Refused) -> None:
    numbers = [[number / 2, number / 4] for number in range(30)]
    listed = load({"image": PNGS, "label": numbers})
    x, y = zip(*numbers, strict=True)
    columns = load({"image": PNGS, "x": x, "y": y}, label=("x", "y"))
    assert (listed.label_shape, listed.digest()) == ((2,), columns.digest())
    with refused(DataError, "is no Parquet file of images and labels"):
        load({"image": PNGS, "label": [*numbers[1:], [1.0]]})


def described(columns: dict[str, Any], *names: str) -> Any:
    """Return a table that describes its classes as Hugging Face does."""
    features = {"label": {"names": names}}
    return pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def test_files_name_the_same_classes(tmp_path: Path, refused: Refused) -> None:
    columns = {"image": PNGS, "label": LABELS}
    for train, test in (("abc", ""), ("", "abc"), ("abc", "abc")):
        for name, classes in (("train", train), ("test", test)):
            parquet.write_table(described(columns, *classes), tmp_path / f"{name}.parquet")
        assert Parquet(tmp_path).load().class_names == ("a", "b", "c")
    parquet.write_table(described(columns, "c", "b", "a"), tmp_path / "test.parquet")
    with refused(DataError, "names the classes a, b, c, but another file c, b, a: make them alike"):
        Parquet(tmp_path).load()


def test_names_of_classes_are_a_list(tmp_path: Path) -> None:
    features = {"label": {"names": {"0": "a", "1": "b", "2": "c"}}}
    table = pa.table({"image": PNGS, "label": LABELS})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert Parquet(tmp_path).load().class_names == ()


def test_a_label_is_one_of_the_named_classes(tmp_path: Path, refused: Refused) -> None:
    table = described({"image": PNGS, "label": ["a", "b", "z"] * 10}, "a", "b")
    parquet.write_table(table, tmp_path / "a.parquet")
    with refused(DataError, "has the label 'z', but names the classes a, b"):
        Parquet(tmp_path).load()


WRONG: dict[str, tuple[dict[str, Any] | bytes, str]] = {
    "empty": (b"", "is no Parquet file"),
    "text": (b"label,pixel0\n1,2\n" * 9, "is no Parquet file"),
    "no images": ({"label": LABELS}, "must have one column named image or img, but has label"),
    "no labels": ({"image": PNGS}, "must have one column named label or labels or fine_label, but has image"),
    "two labels": ({"image": PNGS, "label": LABELS, "labels": LABELS}, "but has image, label, labels"),
    "paths": (
        {"image": [{"bytes": None, "path": "a.png"}] * 30, "label": LABELS},
        "lacks the bytes of 30 of 30",
    ),
    "numbers": ({"image": LABELS, "label": LABELS}, "lacks the bytes of 30 of 30"),
    "other fields": ({"image": [{"content": b"1"}] * 30, "label": LABELS}, "is no Parquet file of images"),
    "damaged": ({"image": [*PNGS[:-1], b"?"], "label": LABELS}, "1 of 30 images cannot be used: image "),
    "missing labels": ({"image": PNGS, "label": [*LABELS[:-1], None]}, "lacks values in column label"),
    "lists": ({"image": PNGS, "label": [[0, 1]] * 30}, "one label for each image, but got labels of shape (30, 2)"),
    "no rows": ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "one label for each image"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused(case: str, load: Callable[..., Any], tmp_path: Path, refused: Refused) -> None:
    columns, says = WRONG[case]
    with refused(DataError, str(tmp_path / "a.parquet"), says):
        load(columns)


def test_a_file_that_is_cut_off_is_refused(load: Callable[..., Any], tmp_path: Path, refused: Refused) -> None:
    load({"image": PNGS, "label": LABELS})
    content = (tmp_path / "a.parquet").read_bytes()
    for share in (0.2, 0.7, 0.99):
        with refused(DataError, str(tmp_path / "a.parquet")):
            load(content[: int(len(content) * share)])
    spoiled = bytearray(content)
    spoiled[10:300] = np.random.default_rng(0).integers(0, 256, 290, np.uint8).tobytes()
    with refused(DataError, str(tmp_path / "a.parquet")):
        load(bytes(spoiled))
