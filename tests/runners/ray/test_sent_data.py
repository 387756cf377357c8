"""Laws of what the machines of a cluster are sent of a data set."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_sweep import Dataset, ImageFolder, Split
from mnist_sweep.data import loading
from mnist_sweep.data.files import preparation
from mnist_sweep.data.mapped_images import MappedImages, map_images
from mnist_sweep.errors import DataError
from mnist_sweep.runners.ray import sent_data
from mnist_sweep.runners.ray.sent_data import PreparedImages, received


def through_ray(content: Dataset | PreparedImages) -> Dataset:
    return received(pickle.loads(pickle.dumps(content)), "10.0.0.3")


def test_few_mapped_images_go_by_path_to_this_machine_and_by_value_to_others(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(bytes(range(200)) * 6)
    split = Split(images=map_images(str(tmp_path / "images"), (75, 4, 4, 1)), labels=np.arange(75, dtype=np.uint8) % 3)
    dataset = Dataset(train=split, val=split, test=split, num_classes=3)
    for num_nodes, is_mapped in ((1, True), (2, False)):
        found = through_ray(sent_data.sent(None, dataset, num_nodes))
        assert isinstance(found.train.images, MappedImages) is is_mapped
        assert found.digest() == dataset.digest()


def test_many_prepared_images_are_mapped_or_prepared_on_the_other_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "MAX_PROCESSES", 1)
    monkeypatch.setattr(sent_data, "MAX_SENT_BYTES", 1000)
    monkeypatch.setenv("MNIST_SWEEP_CACHE", str(tmp_path / "cache"))
    for number in range(100):
        path = tmp_path / "here" / "pets" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(path)
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(tmp_path / "here"))
    dataset = loading.load(source := ImageFolder("pets"))
    content = sent_data.sent(source, dataset, 2)
    assert len(pickle.dumps(content)) < 3000
    found = through_ray(content)
    assert isinstance(found.train.images, MappedImages)
    assert pickle.dumps(found.train.images) == pickle.dumps(dataset.train.images)
    (tmp_path / "here").rename(tmp_path / "there")
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"the node 10.0.0.3 cannot use its images at pets \(there is no pets, nor"):
        through_ray(content)
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(tmp_path / "there"))
    assert through_ray(content).digest() == dataset.digest()
    shutil.copy(tmp_path / "there" / "pets" / "0" / "2.png", tmp_path / "there" / "pets" / "0" / "4.png")
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(DataError, match=r"images at pets \(they differ from those of the driver\): put the same files"):
        through_ray(content)
