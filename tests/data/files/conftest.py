"""One real data set, the digits in full grey levels and sorted by class, as files of every format hold it."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from mnist_sweep.data.dataset import Dataset, Split
from mnist_sweep.data.digits import Digits


@pytest.fixture(scope="session")
def in_memory() -> Dataset:
    """Return 700 digits with grey levels up to 240, each split sorted by class."""
    digits = Digits().load()
    parts = []
    for split, number in ((digits.train, 400), (digits.val, 150), (digits.test, 150)):
        order = np.argsort(split.labels[:number], kind="stable")
        parts.append(Split(images=split.images[:number][order] * 15, labels=split.labels[:number][order]))
    train, val, test = parts
    return Dataset(train=train, val=val, test=test, num_classes=10)


def write_folder(folder: Path, dataset: Dataset, *, suffix: str = "png") -> Path:
    """Write a data set as a folder of images."""
    for name, split in dataset.splits.items():
        for number, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
            path = folder / name / str(label) / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
    return folder


@pytest.fixture(scope="session")
def folder(in_memory: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of PNG files, train/, val/ and test/; tests must not change it."""
    return write_folder(tmp_path_factory.mktemp("png") / "digits", in_memory)


def arrays_of(dataset: Dataset) -> dict[str, Any]:
    """Return the arrays of a data set as MedMNIST names them."""
    found: dict[str, Any] = {}
    for name, split in dataset.splits.items():
        found[f"{name}_images"], found[f"{name}_labels"] = split.images[..., 0], split.labels[:, None]
    return found


def write_idx(folder: Path, dataset: Dataset) -> Path:
    """Write a data set as the IDX files of MNIST, one of them compressed."""
    folder.mkdir(parents=True)
    for name, split in dataset.splits.items():
        word = "t10k" if name == "test" else name
        images = np.array([2051, *split.images.shape[:3]], ">u4").tobytes() + split.images.tobytes()
        labels = np.array([2049, len(split)], ">u4").tobytes() + split.labels.tobytes()
        (folder / f"{word}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{word}-labels-idx1-ubyte").write_bytes(labels)
    return folder


def write_csv(folder: Path, dataset: Dataset) -> Path:
    """Write a data set as CSV files like Kaggle's digits."""
    folder.mkdir(parents=True)
    for name, split in dataset.splits.items():
        flat = split.images.reshape(len(split), -1)
        header = ",".join(["label", *(f"pixel{number}" for number in range(flat.shape[1]))])
        table = np.column_stack([split.labels, flat])
        np.savetxt(folder / f"{name}.csv", table, "%d", delimiter=",", header=header, comments="")
    return folder


def write_parquet(folder: Path, dataset: Dataset, names: tuple[str, ...] = tuple("0123456789")) -> Path:
    """Write a data set as Parquet files like Hugging Face's, the training split in two."""
    (folder / "data").mkdir(parents=True)
    features = {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    described = json.dumps({"info": {"features": features}})
    for name, split in dataset.splits.items():
        parts = np.array_split(np.arange(len(split)), 2 if name == "train" else 1)
        for number, part in enumerate(parts):
            images = [{"bytes": png(split.images[place, ..., 0]), "path": f"{place}.png"} for place in part]
            table = pa.table({"image": images, "label": split.labels[part].astype(np.int64)})
            table = table.replace_schema_metadata({"huggingface": described})
            parquet.write_table(table, folder / "data" / f"{name}-{number:05}-of-{len(parts):05}.parquet")
    return folder


def png(pixels: Any) -> bytes:
    """Return the content of a PNG file with these pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def written(in_memory: Dataset, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return where each format of the data set lies, by the name of its source; tests must not change them."""
    place = tmp_path_factory.mktemp("formats")
    np.savez_compressed(place / "digits.npz", **arrays_of(in_memory))
    return {
        "image_folder": folder,
        "arrays": place / "digits.npz",
        "idx": write_idx(place / "idx", in_memory),
        "csv": write_csv(place / "csv", in_memory),
        "parquet": write_parquet(place / "parquet", in_memory),
    }


def names(folder: Path) -> list[str]:
    """Return the names of what is in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())
