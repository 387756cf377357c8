import os
from pathlib import Path

import pytest

from mnist_sweep.data import data_folders
from mnist_sweep.errors import DataError


def test_named_folders_come_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_SWEEP_DATA", os.pathsep.join([str(tmp_path / "a"), "", str(tmp_path / "b")]))
    cache = tmp_path / "cache" / "mnist_sweep"
    assert data_folders.search_folders() == [tmp_path / "a", tmp_path / "b", cache]


def test_cache_lies_in_the_home_folder_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folders.search_folders() == [tmp_path / ".cache" / "mnist_sweep"]


def test_user_without_a_home_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(DataError, match=r"^~/\.cache needs a home folder, and there is none: set XDG"):
        data_folders.search_folders()


def test_found_is_the_first_file_folder_by_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_SWEEP_DATA", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    first, second = tmp_path / "a" / "mnist" / "plain", tmp_path / "b" / "mnist" / "plain.gz"
    assert data_folders.find("mnist", ["plain.gz", "plain"]) is None
    for path in (second, first):
        path.parent.mkdir(parents=True)
        path.touch()
        assert data_folders.find("mnist", ["plain.gz", "plain"]) == path
    assert data_folders.find("cifar10", ["plain.gz", "plain"]) is None


def test_folder_in_place_of_a_file_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(tmp_path))
    (tmp_path / "mnist" / "plain").mkdir(parents=True)
    assert data_folders.find("mnist", ["plain"]) is None
