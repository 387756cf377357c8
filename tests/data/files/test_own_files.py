"""Laws of data in the user's own files: where they are found, and which trial they make."""

import shutil
from pathlib import Path

import pytest

from mnist_sweep import ImageFolder, TrialConfig, trial_id
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ConfigError, DataError
from mnist_sweep.testing import check_data_source
from mnist_sweep.trials.config import from_flat, to_flat


def test_a_source_keeps_the_contract(folder: Path) -> None:
    check_data_source(ImageFolder(folder))
    check_data_source(ImageFolder(str(folder), image_size=8, color="rgb", resize="crop", val_fraction=0.2, seed=3))


def test_a_path_is_written_in_one_way() -> None:
    assert ImageFolder(Path("pets")) == ImageFolder("./pets/") == ImageFolder("pets")
    assert to_flat(TrialConfig(data=ImageFolder("pets")))["data.path"] == "pets"
    assert ImageFolder("pets", image_size=32) == ImageFolder("pets", image_size=(32, 32))


def test_defaults_do_not_change_the_id() -> None:
    short, full = ImageFolder("pets"), ImageFolder("pets", image_size=None, val_fraction=0.1, seed=0)
    assert trial_id(TrialConfig(data=short)) == trial_id(TrialConfig(data=full)) == "53ca961736a5-0"
    assert from_flat(to_flat(TrialConfig(data=full))).data == short


def test_a_moved_folder_is_the_same_data_and_a_changed_label_is_not(
    folder: Path, in_memory: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "digits")
    assert ImageFolder(moved).load().digest() == in_memory.digest()
    monkeypatch.setenv("MNIST_SWEEP_DATA", str(moved.parent))
    assert ImageFolder("digits").load().digest() == in_memory.digest()  # one trial on every machine
    assert ImageFolder("/nowhere/digits").load().digest() == in_memory.digest()  # as a row of another machine has it
    path = next((moved / "val" / "3").iterdir())
    path.rename(moved / "val" / "4" / f"x{path.name}")
    assert ImageFolder(moved).load().digest() != in_memory.digest()


def test_a_path_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(DataError, match=r"^there is no nowhere in /.*, nor nowhere in a folder of MNIST_SWEEP_DATA"):
        ImageFolder("nowhere").load()


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"path": 3},
        {"path": "a\0b"},
        {"val_fraction": 0},
        {"test_fraction": -0.1},
        {"val_fraction": 0.5, "test_fraction": 0.5},
        {"val_fraction": float("nan")},
        {"seed": -1},
        {"seed": 2**31},
        {"image_size": 0},
        {"image_size": (8, 0)},
        {"image_size": (8, 8, 3)},
        {"image_size": 5000},
        {"image_size": "64"},
        {"image_size": True},
        {"color": "red"},
        {"resize": "fit"},
    ],
    ids=str,
)
def test_a_field_that_breaks_a_rule_is_refused(options: dict[str, object]) -> None:
    given: dict[str, object] = {"path": "pets", **options}
    with pytest.raises(ConfigError) as caught:
        ImageFolder(**given)  # type: ignore[arg-type]
    assert "must hold" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
