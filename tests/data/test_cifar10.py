"""Laws of CIFAR-10: the real files give the known figures, and no others are taken for them."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from mnist_sweep.data import cifar10
from mnist_sweep.data.cifar10 import CIFAR10, parse_records
from mnist_sweep.errors import DataError, DownloadError
from tests.conftest import Refused

PART = CIFAR10(train_size=9_000, val_size=1_000)


@pytest.fixture
def copied(real_cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of links to the real files, in which data is looked for."""
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    for path in real_cifar10.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(folder.parent))
    return folder


@pytest.mark.usefixtures("real_cifar10")
def test_real_files_give_the_known_figures() -> None:
    dataset = PART.load()
    labels = np.concatenate([dataset.val.labels, dataset.train.labels])
    assert np.bincount(labels).tolist() == [1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981]
    assert np.bincount(dataset.test.labels).tolist() == [1000] * 10
    assert (dataset.image_shape, dataset.num_classes, dataset.pixel_max) == ((32, 32, 3), 10, 255)
    images = np.concatenate([dataset.val.images, dataset.train.images]) / 255
    np.testing.assert_allclose(images.mean(axis=(0, 1, 2)), [0.4914, 0.4822, 0.4465], atol=0.005)
    np.testing.assert_allclose(images.std(axis=(0, 1, 2)), [0.2470, 0.2435, 0.2616], atol=0.005)


@pytest.mark.usefixtures("real_cifar10")
def test_val_is_the_start_of_the_training_records_and_train_follows() -> None:
    part = CIFAR10(train_size=30, val_size=20, test_size=10).load()
    assert [len(split) for split in (part.train, part.val, part.test)] == [30, 20, 10]
    np.testing.assert_array_equal(part.train.labels, np.concatenate([PART.load().val.labels])[20:50])


def test_a_record_is_a_label_and_three_planes() -> None:
    planes = np.arange(2 * 3 * 1024, dtype=np.uint64).astype(np.uint8).reshape(2, 3, 32, 32)
    content = b"".join(bytes([label]) + record.tobytes() for label, record in zip((7, 2), planes, strict=True))
    images, labels = parse_records(content)
    assert labels.tolist() == [7, 2]
    for channel in range(3):
        np.testing.assert_array_equal(images[..., channel], planes[:, channel], strict=True)


def test_packed_or_not_makes_no_difference(copied: Path) -> None:
    packed = PART.load()
    for path in list(copied.glob("*.gz")):
        (copied / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    np.testing.assert_array_equal(packed.train.images, PART.load().train.images)


def test_a_file_that_is_not_the_real_one_is_refused(copied: Path, refused: Refused) -> None:
    name = "data_batch_1.bin"
    content = bytearray(gzip.decompress((copied / f"{name}.gz").read_bytes()))
    content[5] ^= 0xC8
    for damaged in (content, content[:-100]):
        (copied / name).write_bytes(damaged)
        with refused(DataError, f"{copied / name} has content of SHA-256", "`mnist-sweep data cifar10`"):
            PART.load()


def test_a_damaged_file_is_named_before_missing_ones_are_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    path = tmp_path / "data" / "cifar10" / "data_batch_1.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(3073))
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(path.parents[1]))
    for ask in (CIFAR10().load, CIFAR10().files):
        with refused(DataError, f"{path} has content of SHA-256", "`mnist-sweep data cifar10`"):
            ask()
    path.unlink()
    with refused(DownloadError, "cifar-10-binary.tar.gz"):
        CIFAR10().load()
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("copied")
def test_files_that_are_missing_are_asked_for_by_name(refused: Refused) -> None:
    with refused(DownloadError, "cifar-10-binary.tar.gz", "MNIST_SWEEP_DATA", "MNIST_SWEEP_CIFAR10_URL"):
        CIFAR10().load()


def test_only_the_files_that_the_splits_need_are_looked_for(copied: Path) -> None:
    assert list(PART.files()) == ["data_batch_1.bin", "test_batch.bin"]
    assert all(path.parent == copied for path in PART.files().values())


def archive_of(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def archive(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive like the official one, of the files there are, in place of those files."""
    files = {path.stem: gzip.decompress(path.read_bytes()) for path in copied.glob("*.gz")}
    for path in copied.glob("*.gz"):
        path.unlink()
    archive_of(copied / cifar10.ARCHIVE, files)
    digest = hashlib.sha256((copied / cifar10.ARCHIVE).read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10, "SHA256", {name: cifar10.SHA256[name] for name in sorted(files)})
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", digest)
    return copied / cifar10.ARCHIVE


def test_an_archive_that_lies_there_is_unpacked_into_the_cache(archive: Path, tmp_path: Path) -> None:
    assert len(PART.load().train) == 9_000
    archive.unlink()
    assert all(path.parent == tmp_path / "cache/mnist_sweep/cifar10" for path in PART.files().values())


def test_another_archive_is_refused_with_a_way_out_and_changes_nothing(
    archive: Path, tmp_path: Path, refused: Refused
) -> None:
    content = archive.read_bytes()
    for other in (b"", content[:-9], content + b"x"):
        archive.write_bytes(other)
        with refused(DataError, f"{archive} has SHA-256", "`mnist-sweep data cifar10`"):
            PART.load()
    assert not (tmp_path / "cache").exists()
