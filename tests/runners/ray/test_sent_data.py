"""Laws of what the machines of a cluster are sent of a data set."""

import errno
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from mnist_sweep import Dataset, ImageFolder, Split
from mnist_sweep.data import loading
from mnist_sweep.data.files import preparation
from mnist_sweep.data.mapped_images import MappedImages, map_images
from mnist_sweep.errors import DataError, ResourceError
from mnist_sweep.runners.ray import sent_data
from mnist_sweep.runners.ray.sent_data import PreparedImages, received
from tests.conftest import Refused
from tests.faults.cluster import PREFIX, Cluster, environment, missing, wait

REASON = missing()
LABELS = np.arange(75, dtype=np.uint8) % 3


def write_pets(folder: Path) -> None:
    for number in range(100):
        path = folder / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(path)


def through_ray(content: Dataset | PreparedImages) -> Dataset:
    return received(pickle.loads(pickle.dumps(content)), "10.0.0.3")


def test_few_mapped_images_go_by_value_to_machines_that_may_join(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(bytes(range(200)) * 6)
    split = Split(images=map_images(str(tmp_path / "images"), (75, 4, 4, 1)), labels=np.arange(75, dtype=np.uint8) % 3)
    dataset = Dataset(train=split, val=split, test=split, num_classes=3)
    content = sent_data.sent(None, dataset)
    (tmp_path / "images").unlink()
    assert through_ray(content).digest() == dataset.digest()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_workers_of_a_ray_that_was_started_here_map_images_as_long_as_it_runs(dtype: Any) -> None:
    images = np.arange(75 * 16).reshape(75, 4, 4, 1) % 250
    split = Split(images=(images / 250).astype(dtype) if dtype is np.float32 else images.astype(dtype), labels=LABELS)
    ranges: dict[str, Any] = {"value_range": (0.0, 1.0)} if dtype is np.float32 else {}
    dataset = Dataset(train=split, val=split, test=split, num_classes=3, **ranges)
    with sent_data.handed_over({"source": dataset}, is_own_ray=True) as (given,):
        content = pickle.dumps(given)
        found = pickle.loads(content)
        assert len(content) < 3000
        assert found.train.images.dtype == dtype
        assert found.digest() == dataset.digest()
        np.testing.assert_array_equal(found.test.images, split.images)
    del found, given
    with pytest.raises(DataError, match="cannot be read"):
        pickle.loads(content)


def test_a_full_disk_for_temporary_files_is_one_line(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    class Full(np.ndarray[Any, Any]):
        def tofile(self, *_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    split = Split(images=np.zeros((75, 4, 4, 1), np.uint8), labels=LABELS)
    object.__setattr__(split, "images", split.images.view(Full))
    dataset = Dataset(train=split, val=split, test=split, num_classes=3)
    handing = sent_data.handed_over({"source": dataset}, is_own_ray=True)
    with refused(ResourceError, "images for workers cannot be written to", "No space left", "TMPDIR"), handing:
        pass


def test_many_prepared_images_are_mapped_or_prepared_on_the_other_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "MAX_PROCESSES", 1)
    monkeypatch.setattr(sent_data, "MAX_SENT_BYTES", 1000)
    monkeypatch.setenv("MNIST_SWEEP_CACHE", str(tmp_path / "cache"))
    write_pets(tmp_path / "here" / "pets")
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(tmp_path / "here"))
    dataset = loading.load(source := ImageFolder("pets"))
    content = sent_data.sent(source, dataset)
    assert len(pickle.dumps(content)) < 3000
    found = through_ray(content)
    assert isinstance(found.train.images, MappedImages)
    assert pickle.dumps(found.train.images) == pickle.dumps(dataset.train.images)
    (tmp_path / "here").rename(tmp_path / "there")
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"the node 10.0.0.3 cannot use its images at pets \(there is no pets in "):
        through_ray(content)
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(tmp_path / "there"))
    assert through_ray(content).digest() == dataset.digest()
    shutil.copy(tmp_path / "there" / "pets" / "0" / "2.png", tmp_path / "there" / "pets" / "0" / "4.png")
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(DataError, match=r"images at pets \(they differ from those of the driver\): put the same files"):
        through_ray(content)


SWEEP = """
import sys
from mnist_sweep import ImageFolder, RayTune, Softmax, Sweep, TrialConfig, repeat, run
from mnist_sweep.errors import SweepError
from mnist_sweep.runners.ray import sent_data
sent_data.MAX_SENT_BYTES = 1000
trial = TrialConfig(data=ImageFolder("pets"), model=Softmax(), num_steps=20, batch_size=20, evaluate_every=10)
try:
    outcome = run(Sweep(name="s", trials=repeat([trial], seeds=8)), runner=RayTune(address=sys.argv[1]))
    print(len(outcome.rows), *{f"{row.status.value} {row.data_digest}" for row in outcome.rows})
except SweepError as error:
    print(error)
"""


@pytest.mark.cluster
@pytest.mark.skipif(REASON is not None, reason=REASON or "")
@pytest.mark.parametrize("hidden", [["cache"], ["cache", "data"]], ids=" and ".join)
def test_a_machine_without_the_drivers_cache_prepares_or_says_what_it_lacks(
    hidden: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mnsw-"))  # tmp_path is too long for Ray's sockets
    write_pets(folder / "data" / "pets")
    (folder / "cache").mkdir()
    (folder / "driver.py").write_text(SWEEP)
    places = {"MNIST_SWEEP_CACHE": str(folder / "cache"), "MNIST_SWEEP_DATA": str(folder / "data")}
    for name, value in (environment() | places).items():
        monkeypatch.setenv(name, value)
    prepare = "".join(f"mount -t tmpfs none {folder / name} && " for name in hidden)
    lock = FileLock(Path(tempfile.gettempdir()) / f"{PREFIX}.lock")
    with lock, (folder / "log").open("w+") as log, Cluster(folder=folder) as cluster:
        cluster.add(1)
        cluster.add(2, prepare=prepare)
        driver = cluster.start(sys.executable, str(folder / "driver.py"), cluster.address, output=log)
        wait(lambda: driver.poll() is not None)
        log.seek(0)
        said = log.read()
    shutil.rmtree(folder)
    assert ("the node 10.213.7.2 cannot use its images at pets" if "data" in hidden else "\n8 ok ") in said
