"""Folders of IDX files: how they are recognised, and what is refused."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_sweep import Idx
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.data.files.idx_folder import magic_number
from mnist_sweep.errors import DataError
from tests.conftest import Refused


@pytest.fixture
def copied(written: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(written["idx"], tmp_path / "idx")


def test_names_do_not_matter_beyond_their_split(copied: Path, in_memory: Dataset) -> None:
    (copied / "train-images-idx3-ubyte.gz").rename(copied / "emnist-letters-train.a")
    (copied / "train-labels-idx1-ubyte").rename(copied / "emnist-letters-train.b")
    (copied / "readme.md").write_text("Letters.")
    loaded = Idx(copied).load()
    assert loaded.digest() == in_memory.digest()
    assert loaded.notes == ("not used: readme.md (1 in all)",)


def test_both_forms_of_a_file_may_be_there(copied: Path, in_memory: Dataset) -> None:
    packed = copied / "train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    assert Idx(copied).load().digest() == in_memory.digest()


def test_the_magic_number_is_read_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"\0\0\x08\x03")
    os.truncate(path, 1 << 40)
    assert magic_number(str(path)) == 2051
    for content in (b"", b"\x1f\x8b", b"\x1f\x8b\x08" + bytes(20), b"\0\0\x08"):
        path.write_bytes(content)
        assert magic_number(str(path)) not in (2049, 2051)
    assert magic_number(str(tmp_path / "none")) == 0


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no labels": (remove("val-labels-idx1-ubyte"), "of images: test, train, val, of labels: test, train."),
    "no images": (remove("t10k-images-idx3-ubyte.gz"), "of images: train, val, of labels: test, train, val"),
    "cut off": (put("val-labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x09\x01"), "val-labels-idx1-ubyte is cut off"),
    "twice": (put("train-labels-2", b"\0\0\x08\x01\0\0\0\x01\x01"), "holds two files of train labels"),
    "other lengths": (put("val-labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x01\x01"), "val has 150 images and 1 labels"),
    "a link": (lambda folder: (folder / "link").symlink_to("/etc/passwd"), "link is a link to /etc/passwd"),
    "nothing": (clear, "of images: none, of labels: none"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_folder_is_refused(case: str, copied: Path, refused: Refused) -> None:
    change, says = WRONG[case]
    change(copied)
    with refused(DataError, str(copied), says):
        Idx(copied).load()


def test_a_file_is_no_folder(copied: Path, refused: Refused) -> None:
    with refused(DataError, "must be a folder"):
        Idx(copied / "train-labels-idx1-ubyte").load()
