"""One data set in files of every format: the same digest, the same names, and the same rows, bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_sweep import Arrays, Local, Softmax, Sweep, TrialConfig, run
from mnist_sweep.data import loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.testing import check_data_source
from tests.data.files.conftest import arrays_of

FORMATS = ["arrays", "csv", "idx", "image_folder", "parquet"]


HELD: list[Dataset] = []


def in_code() -> Dataset:
    """Return the data set from memory, as a function of a user's own does."""
    return HELD[0]


def source_of(name: str, path: Path) -> Any:
    made: Any = loading.DATASETS[name]
    return made(path)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_data(name: str, written: dict[str, Path], in_memory: Dataset) -> None:
    loaded = loading.load(source_of(name, written[name]))
    assert loaded.digest() == in_memory.digest()
    assert (loaded.num_classes, loaded.notes) == (10, ())
    assert loaded.class_names == (tuple("0123456789") if name in ("image_folder", "parquet") else ())
    check_data_source(source_of(name, written[name]))


def test_every_format_gives_the_same_rows(
    written: dict[str, Path], in_memory: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tf: Any
) -> None:
    monkeypatch.setattr(f"{__name__}.HELD", [in_memory])
    base = TrialConfig(model=Softmax(), num_steps=20, batch_size=20, evaluate_every=10)
    floats = {name: array / 255 if "images" in name else array for name, array in arrays_of(in_memory).items()}
    np.savez(tmp_path / "floats.npz", **floats)
    sources = [in_code, *(source_of(name, written[name]) for name in FORMATS)]
    sources.append(Arrays(tmp_path / "floats.npz", value_range=(0, 1)))
    trials = [replace(base, data=source) for source in sources]
    outcome = run(Sweep(name="same", trials=trials), results=tmp_path, runner=Local(in_process=True))
    results = {
        (row.val_accuracy, row.val_loss, row.test_accuracy, row.train_loss, row.data_digest) for row in outcome.rows
    }
    assert len(outcome.rows) == 7
    assert len(results) == 1
    assert outcome.rows[0].data_digest == in_memory.digest()
