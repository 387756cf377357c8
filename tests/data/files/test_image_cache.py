"""Laws of the cache of images: found as they were put in or not at all, within its limit, and safe from other runs."""

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep.data.files.image_cache import ImageCache, image_cache
from mnist_sweep.errors import DataError
from tests.conftest import Refused
from tests.data.files.conftest import names

SHAPE = (10, 4, 5, 1)
SIZE = 200


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "decoded", 3 * SIZE)


def put(cache: ImageCache, key: str, value: int) -> Any:
    """Put images into the cache as `prepared` does."""
    with cache.unfinished(key) as file:
        cache.reserve(file, SIZE)
        file.write(bytes([value]) * SIZE)
        return cache.add(key, file, SHAPE)


def image_file(cache: ImageCache) -> Path:
    (found,) = (cache.folder / "images").iterdir()
    return found


def test_images_are_found_by_their_key(cache: ImageCache) -> None:
    assert cache.find("one") is None
    added = put(cache, "one", 7)
    found = cache.find("one")
    assert found is not None
    np.testing.assert_array_equal(found, added)
    assert (found.shape, int(found.min())) == (SHAPE, 7)
    assert cache.find("two") is None
    assert names(cache.folder / "unfinished") == []


def test_the_same_content_is_kept_once(cache: ImageCache) -> None:
    put(cache, "one", 7)
    put(cache, "two", 7)
    assert image_file(cache).name.endswith("-10x4x5x1")
    assert cache.find("one") is not None
    assert cache.find("two") is not None


def key(cache: ImageCache) -> Path:
    return cache.folder / "keys" / "one"


def renamed(cache: ImageCache) -> None:
    file = image_file(cache).rename(cache.folder / "images" / f"{'0' * 32}-10x4x5x1")
    key(cache).write_text(file.name)


DAMAGE: dict[str, Callable[[ImageCache], Any]] = {
    "cut": lambda cache: os.truncate(image_file(cache), SIZE - 1),
    "emptied": lambda cache: os.truncate(image_file(cache), 0),
    "lengthened": lambda cache: os.truncate(image_file(cache), SIZE + 1),
    "changed": lambda cache: image_file(cache).write_bytes(b"\7" * (SIZE - 1) + b"?"),
    "gone": lambda cache: image_file(cache).unlink(),
    "renamed": renamed,
    "reshaped": lambda cache: key(cache).write_text(image_file(cache).name.replace("-10x", "-11x")),
    "empty key": lambda cache: key(cache).write_bytes(b""),
    "no text": lambda cache: key(cache).write_bytes(b"\xff\0"),
    "another path": lambda cache: key(cache).write_bytes(b"../../secret"),
    "endless shape": lambda cache: key(cache).write_bytes(b"0" * 32 + b"-" + b"9" * 30 + b"x1x1x1"),
    "no shape": lambda cache: key(cache).write_bytes(b"0" * 32),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_is_damaged_is_not_found_and_replaced(case: str, cache: ImageCache) -> None:
    put(cache, "one", 7)
    DAMAGE[case](cache)
    assert cache.find("one") is None
    put(cache, "one", 7)
    found = cache.find("one")
    assert found is not None
    assert found.tobytes() == b"\7" * SIZE


def test_what_was_used_longest_ago_makes_room(cache: ImageCache) -> None:
    for number, key in enumerate("abc"):
        put(cache, key, number)
    for age, key in enumerate("bca"):  # used in this order
        assert cache.find(key) is not None
        for path in (cache.folder / "images").iterdir():
            if path.name == (cache.folder / "keys" / key).read_text():
                os.utime(path, ns=(0, age))
    put(cache, "d", 3)
    assert [key for key in "abcd" if cache.find(key) is not None] == ["a", "c", "d"]
    assert names(cache.folder / "keys") == ["a", "c", "d"]


def test_what_is_in_use_is_not_removed(cache: ImageCache, refused: Refused) -> None:
    held = [put(cache, key, number) for number, key in enumerate("abc")]
    with refused(
        DataError, "the images take 200 B", "of 600 B, of which 600 B are in use", "raise MNIST_SWEEP_CACHE_GB"
    ):
        put(cache, "d", 3)
    assert len(held) == len([key for key in "abc" if cache.find(key) is not None]) == 3
    assert names(cache.folder / "unfinished") == []
    held.pop(1)
    put(cache, "d", 3)
    assert cache.find("b") is None


def test_what_others_left_unfinished_makes_room_too(cache: ImageCache) -> None:
    for name in ("x", "y", "z"):
        with contextlib.suppress(KeyboardInterrupt), cache.unfinished(name) as file:
            cache.reserve(file, SIZE)
            (cache.folder / "unfinished" / f"{name}.done").touch()
            raise KeyboardInterrupt
    assert len(names(cache.folder / "unfinished")) == 6
    put(cache, "one", 1)
    assert len(names(cache.folder / "unfinished")) == 4


def test_images_larger_than_the_limit_are_refused(cache: ImageCache, refused: Refused) -> None:
    with refused(DataError, "the images take 601 B, which do not fit into the cache"), cache.unfinished("one") as file:
        cache.reserve(file, 3 * SIZE + 1)
    assert names(cache.folder / "unfinished") == []


def test_a_full_disk_is_noticed_before_anything_is_decoded(
    cache: ImageCache, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else modules imported meanwhile are kept cut off
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with refused(DataError, "cannot be written (File too large): make space, or name another folder"):
            put(cache, "one", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(cache.folder / "unfinished") == []


@pytest.mark.parametrize("name", [".", "images", "keys", "unfinished"])
def test_a_place_that_cannot_be_written_is_named(name: str, cache: ImageCache, refused: Refused) -> None:
    place = cache.folder / name
    place.parent.mkdir(exist_ok=True)
    place.touch()
    with refused(DataError, f"the cache {cache.folder} cannot be written", "another folder with MNIST_SWEEP_CACHE"):
        put(cache, "one", 1)


def test_a_key_that_is_a_folder_is_named(cache: ImageCache, refused: Refused) -> None:
    (cache.folder / "keys" / "one").mkdir(parents=True)
    with refused(DataError, f"the cache {cache.folder} cannot be read", "MNIST_SWEEP_CACHE"):
        cache.find("one")


def test_images_are_written_by_one_process_at_a_time(cache: ImageCache, capfd: pytest.CaptureFixture[str]) -> None:
    with cache.unfinished("one") as file:
        cache.reserve(file, SIZE)
        if (child := os.fork()) == 0:
            file.close()  # of which this process has a copy
            with cache.unfinished("one"):
                found = cache.find("one")
            os._exit(0 if found is not None and found.max() == 9 else 1)
        file.write(b"\t" * SIZE)
        deadline = time.monotonic() + 60
        while "waiting for another run" not in capfd.readouterr().err:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        cache.add("one", file, SHAPE)
    file.close()
    assert os.waitpid(child, 0)[1] == 0
    assert names(cache.folder / "unfinished") == []


def test_the_environment_names_folder_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_cache() == ImageCache(tmp_path / "cache" / "mnist_sweep" / "decoded", 50 * 10**9)
    monkeypatch.setenv("MNIST_SWEEP_CACHE", str(tmp_path / "there"))
    monkeypatch.setenv("MNIST_SWEEP_CACHE_GB", ".5")
    assert image_cache() == ImageCache(tmp_path / "there", 500_000_000)


@pytest.mark.parametrize("given", ["0", "0.0", "-1", "nan", "inf", "1e3", "20GB", " ", "."])
def test_a_limit_that_is_no_number_is_refused(given: str, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.setenv("MNIST_SWEEP_CACHE_GB", given)
    with refused(DataError, f"MNIST_SWEEP_CACHE_GB must be a number of gigabytes above 0, but is {given!r}."):
        image_cache()
