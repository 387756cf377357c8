"""Laws of mapped images: they are those of the file, go to other processes by its path, and are in use while mapped."""

import fcntl
import pickle
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep.data.mapped_images import MappedImages, map_images, part
from mnist_sweep.errors import DataError
from tests.conftest import Refused

SHAPE = (6, 4, 5, 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "images").write_bytes(bytes(range(180)) * 2)
    return tmp_path / "images"


def test_images_are_those_of_the_file_and_read_only(file: Path) -> None:
    images = map_images(str(file), SHAPE)
    assert images.tobytes() == file.read_bytes()
    assert images.shape == SHAPE
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_images_and_their_parts_are_pickled_as_a_path(file: Path) -> None:
    images = map_images(str(file), SHAPE)
    for found in (images, part(images, 2, 5), part(part(images, 1, 6), 1, 2)):
        content = pickle.dumps(found)
        again = pickle.loads(content)
        assert len(content) < 300 + len(str(file))
        assert isinstance(again, MappedImages)
        np.testing.assert_array_equal(again, found)


def test_slices_and_results_are_pickled_by_value(file: Path) -> None:
    images = map_images(str(file), SHAPE)
    for found in (images[1:3], images[:, :2], images.copy(), images + 1, images.mean(axis=0)):
        again = pickle.loads(pickle.dumps(found))
        assert type(again) is np.ndarray
        np.testing.assert_array_equal(again, found)


def test_parts_of_arrays_in_memory_are_slices() -> None:
    assert part(np.arange(10, dtype=np.uint8), 2, 4).tolist() == [2, 3]


def test_a_file_is_locked_while_its_images_are_there(file: Path) -> None:
    images = [part(map_images(str(file), SHAPE), 0, 2)]
    with file.open() as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        images.clear()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 359], ids=["gone", "empty", "cut"])
def test_a_file_that_is_not_whole_is_refused(file: Path, content: bytes | None, refused: Refused) -> None:
    pickled = pickle.dumps(map_images(str(file), SHAPE))
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with refused(DataError, f"the cached images {file} cannot be read", "run the same command again"):
        pickle.loads(pickled)
