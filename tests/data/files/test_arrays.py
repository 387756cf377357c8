"""Arrays of NumPy: their names, and what is refused."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Arrays
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.files import arrays
from mnist_sweep.errors import DataError
from tests.conftest import Refused
from tests.data.files.conftest import arrays_of

IMAGES, LABELS = np.arange(30 * 16).reshape(30, 4, 4).astype(np.uint8), np.arange(30) % 3


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_arrays_as_keras_names_them(tmp_path: Path, in_memory: Dataset, kind: Any) -> None:
    named: dict[str, Any] = {}
    for name, split in in_memory.splits.items():
        named |= {f"x_{name}": split.images[..., 0].astype(kind), f"y_{name}": split.labels.astype(kind)}
    np.savez(tmp_path / "digits.npz", **named)
    assert Arrays(tmp_path / "digits.npz").load().digest() == in_memory.digest()
    for name, array in named.items():
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "digits.npz").unlink()
    assert Arrays(tmp_path).load().digest() == in_memory.digest()


def test_without_splits_they_are_held_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.array(["c10", "c9", "b"])[LABELS], extra=IMAGES)
    loaded = Arrays(tmp_path / "a.npz").load()
    assert loaded.class_names == ("b", "c9", "c10")
    assert [len(split) for split in loaded.splits.values()] == [24, 3, 3]
    assert loaded.notes == (
        "val and test held out of train: 0.1 and 0.1 of each class, drawn with seed 0",
        "not used: extra (1 in all)",
    )


def test_colour_has_its_axis(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.repeat(IMAGES[..., None], 3, axis=3), y=LABELS)
    assert Arrays(tmp_path / "a.npz").load().image_shape == (4, 4, 3)


def bare(**named: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **named)
    return file.getvalue()


HUGE = (
    b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(117)
    + b"\n"
)
WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "File is not a zip file"),
    "text": (b"x,y\n1,2", "File is not a zip file"),
    "cut off": (bare(x=IMAGES, y=LABELS)[:-30], "File is not a zip file"),
    "no labels": (bare(x_train=IMAGES), "holds x_train, expected pairs such as x_train and y_train"),
    "no images": (bare(y_train=LABELS), "holds y_train, expected pairs"),
    "test without labels": (bare(x_train=IMAGES, y_train=LABELS, x_test=IMAGES), "expected pairs"),
    "no names": (bare(arr_0=IMAGES, arr_1=LABELS), "holds arr_0 and arr_1, expected pairs"),
    "two of a kind": (bare(x=IMAGES, images=IMAGES, y=LABELS), "two arrays of train images, one of them images"),
    "lengths": (bare(x=IMAGES, y=LABELS[:-1]), "train has 30 images and 29 labels"),
    "more labels": (bare(x=IMAGES[:-1], y=LABELS), "train has 29 images and 30 labels"),
    "floats": (
        bare(x=IMAGES / 255, y=LABELS),
        "train images are float64 from 0 to 1: state which values become 0 and 1",
    ),
    "large values": (bare(x=IMAGES.astype(int) * 9, y=LABELS), "`images.dtype == uint8 or float32` must hold"),
    "one-hot": (bare(x=IMAGES, y=np.eye(3)[LABELS]), "`train labels are classes or numbers` must hold"),
    "negative": (bare(x=IMAGES, y=LABELS - 1), "labels from -1 to 1"),
    "NaN as a label": (
        bare(x=IMAGES, y=np.full(30, np.nan)),
        "`train labels are finite` must hold, but got num_not_fi",
    ),
    "too large a number": (
        bare(x=IMAGES, y=np.full(30, 1e39)),
        "`train labels are finite` must hold, but got num_not_fi",
    ),
    "no axis": (bare(x=np.array(3), y=LABELS), "train has 0 images and 30 labels"),
    "several classes": (bare(x=IMAGES, y=np.ones((30, 2), int)), "(30, 2): several numbers to predict are floats"),
    "other numbers in val": (
        bare(x_train=IMAGES, y_train=np.ones((30, 2)) / 2, x_val=IMAGES, y_val=np.ones((30, 3)) / 2),
        "`val has as many numbers as train` must hold",
    ),
    "flat": (bare(x=IMAGES.reshape(30, 16), y=LABELS), "`images.ndim == 4` must hold"),
    "no train": (bare(x_test=IMAGES, y_test=LABELS), "has no train split, but only test"),
    "no image": (bare(x=IMAGES[:0], y=LABELS[:0]), "one label for each image"),
    "sizes": (
        bare(x_train=IMAGES, y_train=LABELS, x_val=IMAGES[:, :3], y_val=LABELS, x_test=IMAGES, y_test=LABELS),
        "val image_shape == train image_shape",
    ),
    "objects": (bare(x=np.array([None, 1], object), y=LABELS), "Object arrays cannot be loaded"),
}


def test_several_numbers_may_be_predicted_for_each_image(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(bare(x=IMAGES, y=np.linspace(0, 1, 60).reshape(30, 2)))
    assert Arrays(tmp_path / "a.npz").load().label_shape == (2,)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused(case: str, tmp_path: Path, refused: Refused) -> None:
    content, says = WRONG[case]
    (tmp_path / "a.npz").write_bytes(content)
    with refused(DataError, f"{tmp_path}/a.npz: ", says):
        Arrays(tmp_path / "a.npz").load()


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "x.npy cannot be read"), (HUGE, "x.npy"), (pickle.dumps([1]), "x.npy cannot be read")]
)
def test_a_wrong_file_in_a_folder_is_refused(content: bytes, says: str, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    np.save(tmp_path / "y.npy", LABELS)
    with refused(DataError, says):
        Arrays(tmp_path).load()
    (tmp_path / "x.npy").unlink()
    with refused(DataError, "holds y, expected pairs"):
        Arrays(tmp_path).load()
    (tmp_path / "y.npy").unlink()
    with refused(DataError, "holds no arrays, expected pairs"):
        Arrays(tmp_path).load()


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "MAX_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((30, 200, 200), np.uint8), y=LABELS)
    assert (tmp_path / "a.npz").stat().st_size < 4_000
    with refused(DataError, "unpacks to 1.2 MB, more than the 1 MB allowed"):
        Arrays(tmp_path / "a.npz").load()


def test_floats_of_a_stated_range_are_the_same_data(tmp_path: Path, in_memory: Dataset) -> None:
    for name, number in (("a", 1), ("b", 255)):
        arrays = arrays_of(in_memory)
        scaled = {key: value / 255 * number if "images" in key else value for key, value in arrays.items()}
        np.savez(tmp_path / f"{name}.npz", **scaled)
        loaded = Arrays(tmp_path / f"{name}.npz", value_range=(0, number)).load()
        assert loaded.train.images.dtype == np.float32
        assert loaded.digest() == in_memory.digest()


def test_whole_numbers_may_have_a_range_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=IMAGES.astype(np.int16) * 10 - 1000, y=LABELS)
    loaded = Arrays(tmp_path / "a.npz", value_range=(-1024, 3071)).load()
    assert (loaded.value_range, loaded.train.images.dtype.name) == ((-1024, 3071), "float32")
