"""Files of arrays: what was written comes back, and anything else is refused, whatever it is."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest

from mnist_sweep.errors import DataError
from mnist_sweep.system import npz
from tests.conftest import Refused


def packed(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(member: bytes, *, name: str = "a.npy", packing: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr(name, member)
    return file.getvalue()


def array_of(header: str) -> bytes:
    """Return an array file whose header is a text."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def with_method(number: int, *, name: str = "a.npy") -> bytes:
    """Return an archive whose member claims another packing."""
    content = bytearray(zipped(b"a", name=name))
    content[8] = content[content.index(b"PK\x01\x02") + 10] = number
    return bytes(content)


def encrypted(*, name: str = "a.npy") -> bytes:
    content = bytearray(zipped(b"a", name=name))
    content[6] = content[content.index(b"PK\x01\x02") + 8] = 1
    return bytes(content)


def damaged(packing: int) -> bytes:
    content = bytearray(zipped(bytes(range(256)), packing=packing))
    content[44:60] = bytes(16)
    return bytes(content)


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_back_by_name(compressed: bool) -> None:
    content = npz.to_bytes({"a": np.arange(3), "b": np.zeros((2, 0), np.float32)}, compressed=compressed)
    found = npz.read(io.BytesIO(content))
    assert found["a"].tolist() == [0, 1, 2]
    assert {name: (array.dtype.name, array.shape) for name, array in found.items()} == {
        "a": ("int64", (3,)),
        "b": ("float32", (2, 0)),
    }


def test_only_the_arrays_of_these_names_are_read() -> None:
    content = npz.to_bytes({"a": np.arange(3), "b": np.arange(2)})
    assert list(npz.read(io.BytesIO(content), ["b"])) == ["b"]
    with pytest.raises(DataError):
        npz.read(io.BytesIO(content), ["c"])


def test_python_objects_are_never_written() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        npz.to_bytes({"a": np.array([{}], object)})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a zip"),
        (b"PK\x03\x04 cut", "not a zip"),
        (array_of("{'descr': '|u1', 'fortran_order': False, 'shape': ()}") + b"a", "not a zip"),
        (packed(a=np.array([{}], object)), "allow_pickle"),
        (zipped(b"no array"), "'a' is not an array"),
        (zipped(array_of("{'descr': (")), "multi-line statement"),
        (zipped(array_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000000,)}")), "allocate"),
        (zipped(array_of("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "9" * 40 + ",)}")), "int"),
        (encrypted(), "encrypted"),
        (with_method(99), "another method"),
        (damaged(zipfile.ZIP_DEFLATED), "Bad CRC-32"),
        (zipped(b"a", packing=zipfile.ZIP_LZMA), "another method"),
        (zipped(b"a", packing=zipfile.ZIP_BZIP2), "another method"),
    ],
)
def test_what_is_no_archive_of_arrays_is_refused_in_one_line(refused: Refused, content: bytes, says: str) -> None:
    with refused(DataError, says):
        npz.read(io.BytesIO(content))


def test_archive_that_unpacks_to_too_much_is_refused_before_it_does(refused: Refused) -> None:
    content = npz.to_bytes({"a": np.zeros(npz.MAX_BYTES + 1, np.uint8)})
    assert len(content) < 100_000
    with refused(DataError, "it unpacks to 67 MB, more than the 67 MB allowed"):
        npz.read(io.BytesIO(content), ["b"])
    with refused(DataError, "more than the 99 B allowed"):
        npz.read(io.BytesIO(npz.to_bytes({"a": np.zeros(100, np.uint8)})), max_bytes=99)
