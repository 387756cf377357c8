"""Laws of IDX files: sound ones are read, packed or not; each kind of bad one is told apart in one line."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep.data import idx
from mnist_sweep.errors import DataError

IMAGES = struct.pack(">4I", 2051, 2, 3, 4) + bytes(range(24))
LABELS = struct.pack(">2I", 2049, 5) + bytes([0, 9, 3, 1, 2])


def written(folder: Path, content: bytes, *, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_content_tells_whether_a_file_is_packed_and_its_name_does_not(tmp_path: Path, packed: bool, name: str) -> None:
    assert idx.read_bytes(written(tmp_path, gzip.compress(IMAGES) if packed else IMAGES, name=name)) == IMAGES


def test_arrays_are_the_values_behind_the_header_and_read_only(tmp_path: Path) -> None:
    images, labels = (idx.parse(*one) for one in ((IMAGES, tmp_path, 2051), (LABELS, tmp_path, 2049)))
    np.testing.assert_array_equal(images, np.arange(24, dtype=np.uint8).reshape(2, 3, 4), strict=True)
    np.testing.assert_array_equal(labels, np.array([0, 9, 3, 1, 2], np.uint8), strict=True)
    assert not images.flags.writeable
    assert not labels.flags.writeable


BAD_IMAGES = {
    "empty": (b"", "is empty, expected an IDX header of 16 bytes"),
    "empty when unpacked": (gzip.compress(b""), "is empty"),
    "labels": (LABELS, "has magic number 2049 .*, expected 2051"),
    "neither gzip nor IDX": (b"<!DOCTYPE html>", r"has magic number 1008813135 \(it starts with b'<!DO'\)"),
    "one byte": (b"\0", "has magic number 0"),
    "cut off in its header": (IMAGES[:10], "is cut off in its header: it holds 10 bytes, expected 16"),
    "header only": (IMAGES[:16], "is cut off: it holds 16 bytes, expected 40 for 2 x 3 x 4 values"),
    "a byte short": (IMAGES[:-1], "is cut off: it holds 39 bytes, expected 40 for 2 x 3 x 4 values"),
    "a byte long": (IMAGES + b"\0", "is too long: it holds 41 bytes, expected 40"),
    "other sizes": (struct.pack(">4I", 2051, 2, 3, 5) + bytes(24), "expected 46 for 2 x 3 x 5 values"),
    "huge sizes": (struct.pack(">4I", 2051, *[2**32 - 1] * 3) + bytes(24), "it holds 40 bytes, expected 79,228,"),
    "no images": (struct.pack(">4I", 2051, 0, 3, 4), "declares 0 x 3 x 4 values"),
    "truncated gzip": (gzip.compress(IMAGES)[:-9], "is cut off: its gzip stream does not end within the file's"),
    "truncated gzip header": (gzip.compress(IMAGES)[:5], "is cut off: .* the file's 5 bytes"),
    "flipped bit in gzip data": (gzip.compress(IMAGES)[:14] + b"\xff\xff" + gzip.compress(IMAGES)[16:], "damaged gzip"),
    "wrong gzip checksum": (gzip.compress(IMAGES)[:-8] + bytes(8), r"is a damaged gzip file \(CRC check failed"),
    "rubbish after gzip": (gzip.compress(IMAGES) + b"rubbish", "is a damaged gzip file"),
}


@pytest.mark.parametrize(("content", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_bad_file_of_images_is_one_line_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=message) as raised:
        idx.parse(idx.read_bytes(path), path, idx.IMAGES_MAGIC)
    assert str(raised.value).startswith(f"{path} ")
    assert "\n" not in str(raised.value)


BAD_LABELS = {
    "empty": (b"", "is empty"),
    "images": (IMAGES, "has magic number 2051 .*, expected 2049"),
    "no labels": (struct.pack(">2I", 2049, 0), "declares 0 values"),
    "a byte short": (LABELS[:-1], "it holds 12 bytes, expected 13 for 5 values"),
}


@pytest.mark.parametrize(("content", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_file_of_labels_is_one_line_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        idx.parse(content, tmp_path, idx.LABELS_MAGIC)
    assert str(raised.value).startswith(f"{tmp_path} ")
    assert "\n" not in str(raised.value)


def test_missing_file_and_folder_in_its_place_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(No such file or directory\)"):
        idx.read_bytes(tmp_path / "missing")
    with pytest.raises(DataError, match="cannot be read"):
        idx.read_bytes(tmp_path)


def test_unpacking_is_bounded(tmp_path: Path) -> None:
    bomb = written(tmp_path, gzip.compress(bytes(10_000_000)))
    with pytest.raises(DataError, match="holds more than 1,000,000 bytes"):
        idx.read_bytes(bomb, max_bytes=1_000_000)
