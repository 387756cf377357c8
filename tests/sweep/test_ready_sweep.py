"""The ready sweep: that of the quickstart's script, on any data."""

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from mnist_sweep import MNIST, RMSE, Accuracy, Arrays, ImageFolder, Local, MeanSquaredError, run, trial_id
from mnist_sweep.sweep import script
from mnist_sweep.sweep.ready_sweep import ready_sweep

ROOT = Path(__file__).parents[2]


def test_on_the_digits_it_is_the_script_of_the_quickstart() -> None:
    of_script = script.load(ROOT / "sweeps" / "quickstart.py")
    ready = ready_sweep()
    assert ready.name == of_script.name
    assert [*map(trial_id, ready.trials)] == [*map(trial_id, of_script.trials)]


def test_it_is_named_after_its_data() -> None:
    paths = {"a/pets": "pets", "/b/Cats & dogs (2).npz": "Cats-dogs-2", "/": "quickstart", "x.csv.gz": "x-csv"}
    assert {path: ready_sweep(ImageFolder(path)).name for path in paths} == paths
    assert ready_sweep(ImageFolder(".")).name == Path.cwd().name
    assert ready_sweep(MNIST()).name == "mnist"
    assert ready_sweep(MNIST()).trials[0].data == MNIST()


def test_it_predicts_the_numbers_of_files_that_have_some(tmp_path: Path) -> None:
    images = np.zeros((30, 8, 8), np.uint8)
    np.savez(tmp_path / "ages.npz", x=images, y=np.arange(30) / 2)
    np.savez(tmp_path / "names.npz", x=images, y=np.arange(30) % 3)
    first, other = (ready_sweep(Arrays(tmp_path / f"{name}.npz")).trials[0] for name in ("ages", "names"))
    assert (first.loss, first.objective) == (MeanSquaredError(), RMSE())
    assert other.objective == Accuracy()


def test_a_run_of_it_reads_its_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8), np.uint8)
    np.savez(tmp_path / "names.npz", x=images, y=np.arange(90) % 3)
    content = mock.Mock(side_effect=Arrays._content, autospec=True)
    monkeypatch.setattr(Arrays, "_content", lambda *given: content(*given))
    sweep = ready_sweep(Arrays(tmp_path / "names.npz")).with_options(num_trials=1, steps=1)
    assert run(sweep, results=tmp_path, runner=Local(in_process=True)).complete
    assert content.call_count == 1
