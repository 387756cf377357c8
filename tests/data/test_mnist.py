"""Laws of MNIST: the real files give the known figures, and no others are taken for them."""

import gzip
import hashlib
import os
import shutil
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep import TrialConfig, to_flat, trial_id
from mnist_sweep.data import mnist
from mnist_sweep.data.mnist import KMNIST, MNIST, FashionMNIST
from mnist_sweep.errors import DataError, DownloadError

HEADERS = {
    "train-images-idx3-ubyte": (2051, 60_000, 28, 28),
    "train-labels-idx1-ubyte": (2049, 60_000),
    "t10k-images-idx3-ubyte": (2051, 10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (2049, 10_000),
}
SMALL = "t10k-labels-idx1-ubyte"


@pytest.fixture
def copied(real_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of links to the real files, in which data is looked for."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for path in real_mnist.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder.parent))
    return folder


@pytest.fixture
def blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files with the right structure and only zeros in them; sparse, so that they take no room."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, header in HEADERS.items():
        write_blank(folder / name, header)
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder.parent))
    return folder


def write_blank(path: Path, header: tuple[int, ...]) -> None:
    path.write_bytes(struct.pack(f">{len(header)}I", *header))
    os.truncate(path, 4 * len(header) + int(np.prod(header[1:])))


@pytest.mark.usefixtures("real_mnist")
def test_real_files_give_the_known_figures() -> None:
    dataset = MNIST().load()
    labels = np.concatenate([dataset.val.labels, dataset.train.labels])
    images = np.concatenate([dataset.val.images, dataset.train.images])
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (images.sum(dtype=np.int64), dataset.test.images.sum(dtype=np.int64)) == (1_567_298_545, 264_923_200)
    mean, square = images.mean() / 255, np.square(images, dtype=np.uint16).mean() / 255**2
    assert (round(mean, 4), round((square - mean**2) ** 0.5, 4)) == (0.1307, 0.3081)
    assert (dataset.image_shape, dataset.num_classes, dataset.pixel_max) == ((28, 28, 1), 10, 255)


@pytest.mark.usefixtures("real_mnist")
def test_val_is_the_start_of_training_images_and_train_follows() -> None:
    whole, part = MNIST().load(), MNIST(train_size=100, val_size=50, test_size=20).load()
    assert [len(split) for split in (whole.train, whole.val, whole.test)] == [55_000, 5_000, 10_000]
    assert [len(split) for split in (part.train, part.val, part.test)] == [100, 50, 20]
    np.testing.assert_array_equal(part.val.images, whole.val.images[:50])
    np.testing.assert_array_equal(part.train.images, whole.val.images[50:150])
    np.testing.assert_array_equal(part.train.labels, whole.val.labels[50:150])
    np.testing.assert_array_equal(part.test.labels, whole.test.labels[:20])
    assert whole.val.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


def test_loading_takes_little_more_time_than_unpacking(real_mnist: Path) -> None:
    started = time.process_time()
    for path in real_mnist.glob("*.gz"):
        gzip.decompress(path.read_bytes())
    unpacked = time.process_time()
    MNIST().load()
    assert time.process_time() - unpacked < 5 * (unpacked - started)


@pytest.mark.parametrize("name", [SMALL, "t10k-labels.idx1-ubyte", "t10k-labels.idx1-ubyte.gz"])
def test_files_are_known_under_each_of_their_names(copied: Path, name: str) -> None:
    with gzip.open(copied / f"{SMALL}.gz") as file:
        content = file.read()
    (copied / f"{SMALL}.gz").unlink()
    (copied / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    assert MNIST().files()["test labels"] == copied / name


BAD_LABELS = {
    "other labels": (struct.pack(">2I", 2049, 10_000) + bytes(10_000), r"SHA-256 \w{64}, expected ff7bcf"),
    "truncated gzip": (gzip.compress(bytes(10_008))[:-4], "its gzip stream does not end"),
    "empty": (b"", "SHA-256 e3b0c442"),
    "not gzip": (b"<html>not found</html>", "SHA-256"),
}


@pytest.mark.parametrize(("content", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_file_is_one_line_with_the_way_out(copied: Path, content: bytes, message: str) -> None:
    path = copied / f"{SMALL}.gz"
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        MNIST().load()
    assert str(raised.value).startswith(f"{path} ")
    assert str(raised.value).endswith("Replace it, or delete it and run `mnist-sweep data mnist`.")
    assert "\n" not in str(raised.value)


def test_a_damaged_file_is_named_before_missing_ones_are_downloaded(copied: Path) -> None:
    (copied / "train-images-idx3-ubyte.gz").unlink()
    (copied / f"{SMALL}.gz").unlink()
    (copied / SMALL).write_bytes(b"")
    with pytest.raises(DataError, match=f"^{copied / SMALL} has content of SHA-256"):
        MNIST().load()


def test_missing_files_are_downloaded_into_the_cache(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    shutil.move(copied / f"{SMALL}.gz", mirror)
    monkeypatch.setenv("MNIST_SWEEP_MNIST_URL", mirror.as_uri())
    cached = tmp_path / "cache" / "mnist_sweep" / "mnist" / f"{SMALL}.gz"
    assert MNIST().files()["test labels"] == cached
    (mirror / f"{SMALL}.gz").unlink()
    assert MNIST().files()["test labels"] == cached
    assert len(MNIST().load().test) == 10_000


def test_file_that_is_nowhere_is_a_download_error(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"train-images-idx3-ubyte.gz could not be downloaded from file://"):
        MNIST().load()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("name", "cls"), [("fashion_mnist", FashionMNIST), ("kmnist", KMNIST)])
def test_its_successors_are_verified_as_they_are_distributed(
    name: str, cls: type[MNIST], blank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = blank.rename(blank.with_name(name))
    with pytest.raises(DownloadError, match=r"train-images-idx3-ubyte.gz could not be downloaded"):
        cls().load()  # of files that are not compressed, no checksum is known
    for path in folder.iterdir():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    with pytest.raises(DataError, match=r"has content of SHA-256 \w{64}, expected (3aede38d|51467d22)"):
        cls().load()
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.gz")}
    known = {part: digests[f"{file}.gz"] for part, file in mnist.FILES.items()}
    monkeypatch.setattr(cls, "_checksums", known)
    loaded = cls(val_size=1_000).load()
    assert (len(loaded.train), len(loaded.val), len(loaded.test)) == (55_000, 1_000, 10_000)


def test_its_successors_are_other_trials_of_the_same_fields() -> None:
    sources = [MNIST(), FashionMNIST(), KMNIST()]
    assert len({*sources}) == len({trial_id(TrialConfig(data=source)) for source in sources}) == 3
    assert [to_flat(TrialConfig(data=source))["data"] for source in sources] == ["mnist", "fashion_mnist", "kmnist"]
    assert [len(getattr(source, "CLASSES", ())) for source in sources] == [0, 10, 10]
    assert [source.HANDWRITING for source in sources] == [True, False, False]
