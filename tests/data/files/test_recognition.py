"""Which data a name or a path on the command line stands for."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep import CIFAR10, MNIST, Arrays, Csv, Digits, Idx, ImageFolder, Parquet
from mnist_sweep.data.files.recognition import recognise
from mnist_sweep.errors import ConfigError, DataError, SweepError, UnknownNameError
from tests.conftest import Refused


def test_every_format_is_recognised(written: dict[str, Path]) -> None:
    classes = {"arrays": Arrays, "csv": Csv, "idx": Idx, "image_folder": ImageFolder, "parquet": Parquet}
    for name, cls in classes.items():
        assert recognise(str(written[name])) == cls(written[name])
    one = next((written["parquet"] / "data").iterdir())
    assert recognise(str(one)) == Parquet(one)
    assert recognise(str(written["parquet"] / "data")) == Parquet(written["parquet"] / "data")
    assert recognise(str(written["csv"] / "train.csv")) == Csv(written["csv"] / "train.csv")


def test_names_are_those_of_built_in_data() -> None:
    assert [recognise(name) for name in ("digits", "mnist", "cifar10")] == [Digits(), MNIST(), CIFAR10()]


def test_a_size_is_that_of_images(written: dict[str, Path], refused: Refused) -> None:
    pets = str(written["image_folder"])
    assert recognise(pets, image_size=(4, 5)) == ImageFolder(pets, image_size=(4, 5))
    for given in ("mnist", str(written["idx"]), str(written["arrays"])):
        with refused(ConfigError, "image_size goes with image files and tables only: leave it out for", given):
            recognise(given, image_size=(4, 5))


def test_arrays_compressed_tables_and_others_in_a_folder(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(3))
    assert recognise(str(tmp_path)) == Arrays(tmp_path)
    (tmp_path / "x.npy").unlink()
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(b"label,pixel0"))
    assert recognise(str(tmp_path)) == Csv(tmp_path)
    (tmp_path / "train").mkdir()
    assert recognise(str(tmp_path)) == ImageFolder(tmp_path)


def test_what_is_no_data_is_refused(written: dict[str, Path], tmp_path: Path, refused: Refused) -> None:
    with refused(UnknownNameError, "unknown data 'letters': known are cifar10, digits, fashion_mnist, kmnist, mnist"):
        recognise("letters")
    with refused(UnknownNameError, "fashion_mnist, kmnist, mnist (did you mean mnist?); there is no mnits in "):
        recognise("mnits")
    with refused(UnknownNameError, "unknown data 'csv'"):
        recognise("csv")
    (tmp_path / "empty").mkdir()
    with refused(DataError, "holds no data of a known format: folders named by class, .npy"):
        recognise(str(tmp_path / "empty"))
    shutil.copy(written["arrays"], tmp_path / "empty")
    with refused(DataError, "holds an .npz file: give the path of the file"):
        recognise(str(tmp_path / "empty"))
    with refused(DataError, "is one file of several: give the path of their folder"):
        recognise(str(written["idx"] / "train-labels-idx1-ubyte"))
    for name in ("a.zip", "a.txt", "a"):
        (tmp_path / name).write_bytes(b"PK\3\4")
        with refused(DataError, f"{name} is of no known format: .npz, .csv"):
            recognise(str(tmp_path / name))
    os.mkfifo(tmp_path / "pipe")
    with refused(DataError, "pipe is of no known format"):
        recognise(str(tmp_path / "pipe"))
    for given in ("", "a\0b"):
        with pytest.raises(SweepError):
            recognise(given)
