"""Folders of images: their layouts, what is left out, and what is refused."""

import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_sweep import ImageFolder
from mnist_sweep.data import dataset_checks, loading
from mnist_sweep.data.dataset import Dataset
from mnist_sweep.errors import ConfigError, DataError
from tests.conftest import Refused
from tests.other_user import printed_as_its_owner

NAMES = [("train", "val", "test"), ("Training", "validation", "Testing"), ("TRAIN", "valid", "evaluation")]


def draw(path: Path, value: int = 0, size: tuple[int, int] = (6, 5), mode: str = "L") -> None:
    """Write an image whose pixels say which one it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (np.arange(size[0] * size[1]).reshape(size[1], size[0]) + value).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Return a folder of 20 cats and 20 dogs, without splits."""
    for number in range(20):
        draw(tmp_path / "pets" / "cat" / f"{number}.png", number)
        draw(tmp_path / "pets" / "dog" / f"{number}.png", 100 + number)
    return tmp_path / "pets"


def firsts(split: Any) -> list[int]:
    return [int(pixel) for pixel in split.images[:, 0, 0, 0]]


def test_a_folder_gives_the_same_data_as_memory(folder: Path, in_memory: Dataset) -> None:
    loaded = loading.load(ImageFolder(folder))
    assert loaded.digest() == in_memory.digest()
    assert loaded.class_names == tuple("0123456789")
    assert loaded.notes == ()


@pytest.mark.parametrize("names", NAMES)
def test_splits_have_the_names_that_people_give_them(
    folder: Path, in_memory: Dataset, tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name, split in zip(names, ("train", "val", "test"), strict=True):
        shutil.copytree(folder / split, tmp_path / name)
    assert ImageFolder(tmp_path).load().digest() == in_memory.digest()


def test_validation_is_held_out_of_train_if_there_is_none(folder: Path, in_memory: Dataset, tmp_path: Path) -> None:
    copied = shutil.copytree(folder, tmp_path / "copied")
    shutil.rmtree(copied / "val")
    loaded = ImageFolder(copied, val_fraction=0.25, seed=1).load()
    assert loaded.test.sha256() == in_memory.test.sha256()
    assert (len(loaded.train), len(loaded.val)) == (300, 100)
    seen = {image.tobytes() for image in in_memory.train.images}
    assert {image.tobytes() for split in (loaded.train, loaded.val) for image in split.images} == seen
    assert loaded.notes == ("val held out of train: 0.25 of each class, drawn with seed 1",)
    assert loaded.digest() != ImageFolder(copied, val_fraction=0.25, seed=2).load().digest()


def test_a_folder_without_splits_is_split(pets: Path) -> None:
    loaded = ImageFolder(pets).load()
    assert [len(split) for split in loaded.splits.values()] == [32, 4, 4]
    assert loaded.class_names == ("cat", "dog")
    assert [split.labels.tolist() for split in (loaded.val, loaded.test)] == [[0, 0, 1, 1]] * 2
    pixels = [pixel for split in loaded.splits.values() for pixel in firsts(split)]
    assert sorted(pixels) == [*range(20), *range(100, 120)]


def test_classes_and_images_are_in_natural_order(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for name in ("class10", "class9"):
            for number in (10, 9, 1):
                draw(tmp_path / split / name / f"img{number}.png", number + 100 * (name == "class10"))
    loaded = ImageFolder(tmp_path).load()
    assert loaded.class_names == ("class9", "class10")
    assert firsts(loaded.train) == [1, 9, 10, 101, 109, 110]


def test_names_of_folders_may_be_numbers_to_predict(tmp_path: Path, refused: Refused) -> None:
    for number in range(30):
        draw(tmp_path / "ages" / ("7.5", "12")[number % 2] / f"{number}.png", number)
    loaded = ImageFolder(tmp_path / "ages", target="number").load()
    assert (str(loaded.train.labels.dtype), loaded.num_classes, len(loaded.class_names)) == ("float32", 1, 0)
    assert [*loaded.train.labels] == [(7.5, 12)[first % 2] for first in firsts(loaded.train)]
    assert ImageFolder(tmp_path / "ages").load().class_names == ("7.5", "12")
    draw(tmp_path / "ages" / "old" / "a.png")
    with refused(
        DataError, "target='number' needs folders named by numbers (could not convert string to float: 'old')"
    ):
        ImageFolder(tmp_path / "ages", target="number").load()
    with refused(ConfigError, "target"):
        ImageFolder("ages", target="numbers")  # type: ignore[arg-type]


def test_splits_may_be_words_of_names_if_they_hold_the_same_classes(tmp_path: Path) -> None:
    files = [f"{split}_set/{name}" for split in ("training", "test") for name in ("cat", "dog")]
    for folder in (*files, "bus_station/1", "test_site/2"):
        for number in range(4):
            draw(tmp_path / ("places" if folder[-1] in "12" else "pets") / folder / f"{number}.png", number)
    draw(tmp_path / "pets" / "single" / "1.png")
    loaded = ImageFolder(tmp_path / "pets").load()
    assert (loaded.class_names, len(loaded.test)) == (("cat", "dog"), 8)
    assert any("pets/single (1 in all)" in note for note in loaded.notes)
    assert ImageFolder(tmp_path / "places").load().class_names == ("bus_station", "test_site")


def test_a_class_may_be_named_like_a_split(tmp_path: Path) -> None:
    for name in ("bus", "car", "train"):
        for number in range(5):
            draw(tmp_path / name / f"{number}.png", number)
    assert ImageFolder(tmp_path).load().class_names == ("bus", "car", "train")


def test_images_may_lie_deeper_in_the_folder_of_their_class(pets: Path) -> None:
    before = ImageFolder(pets).load()
    (pets / "dog" / "old").mkdir()
    (pets / "dog" / "7.png").rename(pets / "dog" / "old" / "7.png")
    assert sorted(firsts(ImageFolder(pets).load().train)) != []
    assert len(ImageFolder(pets).load().train) == len(before.train)


def test_what_systems_leave_is_not_seen_and_other_files_are_named(pets: Path) -> None:
    before = ImageFolder(pets).load()
    for name in (".DS_Store", "cat/Thumbs.db", "cat/.hidden.png", "dog/desktop.ini"):
        (pets / name).write_bytes(b"?")
    draw(pets / "__MACOSX" / "cat" / "._1.png")
    draw(pets / ".ipynb_checkpoints" / "1.png")
    again = ImageFolder(pets).load()
    assert (again.digest(), again.notes) == (before.digest(), before.notes)
    (pets / "readme.txt").write_text("Cats and dogs.")
    (pets / "cat" / "labels.csv").write_text("0")
    os.mkfifo(pets / "cat" / "99.png")
    again = ImageFolder(pets).load()
    assert again.digest() == before.digest()
    note = again.notes[-1]
    assert "not used: " in note
    assert all(name in note for name in ("readme.txt", "cat/labels.csv", "cat/99.png"))


def test_colour_is_as_the_files_have_it_or_as_asked(pets: Path) -> None:
    assert ImageFolder(pets).load().image_shape == (5, 6, 1)
    assert ImageFolder(pets, color="rgb").load().image_shape == (5, 6, 3)
    grey = ImageFolder(pets).load()
    draw(pets / "dog" / "7.png", 107, mode="RGB")
    mixed = ImageFolder(pets).load()
    assert mixed.image_shape == (5, 6, 3)
    np.testing.assert_array_equal(mixed.train.images, np.repeat(grey.train.images, 3, axis=3))
    assert ImageFolder(pets, color="grayscale").load().digest() == grey.digest()


def test_images_of_several_sizes_are_scaled(pets: Path) -> None:
    draw(pets / "dog" / "7.png", 107, size=(60, 50))
    loaded = ImageFolder(pets, image_size=(10, 12)).load()
    assert loaded.image_shape == (10, 12, 1)
    padded = ImageFolder(pets, image_size=(12, 12)).load()
    assert padded.train.images[:, 0].max() == 0
    assert ImageFolder(pets, image_size=(12, 12), resize="stretch").load().train.images[:, 0].max() > 0


def test_a_folder_may_have_many_classes(tmp_path: Path) -> None:
    for number in range(300):
        for split in ("train", "val", "test"):
            draw(tmp_path / split / f"class{number}" / "1.png", number)
    loaded = ImageFolder(tmp_path).load()
    assert loaded.train.labels.tolist() == list(range(300))
    assert (loaded.num_classes, loaded.class_names[299]) == (300, "class299")


def test_a_class_of_one_split_only_and_duplicates_are_reported(pets: Path, tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        shutil.copytree(pets, tmp_path / "three" / split)
    shutil.rmtree(tmp_path / "three" / "val" / "cat")
    (tmp_path / "three" / "val" / "bird").mkdir()
    notes = dataset_checks.notes("pets", ImageFolder(tmp_path / "three").load())
    assert any("no image of class bird in any split" in note for note in notes)
    assert any("no image of class cat in val (20 in train, 20 in test)" in note for note in notes)
    assert any("40 of 40 test images (100%) are in train, too" in note for note in notes)


def test_a_class_has_one_name_however_it_is_composed(tmp_path: Path) -> None:
    composed, apart = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")
    for split, name in (("train", composed), ("val", apart), ("test", composed)):
        for number in range(3):
            draw(tmp_path / split / name / f"{number}.png", number)
            draw(tmp_path / split / "bar" / f"{number}.png", number)
    assert ImageFolder(tmp_path).load().class_names == ("bar", "café")


def test_links_stay_inside(pets: Path, refused: Refused) -> None:
    before = ImageFolder(pets).load()
    (pets / "dog" / "7.png").rename(pets / "dog" / "seven.png")
    (pets / "dog" / "7.png").symlink_to("seven.png")
    assert len(ImageFolder(pets).load().train) == len(before.train) + 1
    draw(pets.parent / "secret.png")
    for target in (pets.parent / "secret.png", "/nowhere.png", "/dev/zero", pets / "cat", "loop.png"):
        (pets / "dog" / "loop.png").symlink_to(target)
        with refused(DataError, "dog/loop.png is a link to", "links must lead to files inside of the folder"):
            ImageFolder(pets).load()
        (pets / "dog" / "loop.png").unlink()
    (pets.parent / "link").symlink_to(pets)
    assert ImageFolder(pets.parent / "link").load().digest() == ImageFolder(pets).load().digest()


HELD: dict[str, tuple[list[str], list[str]]] = {
    "nothing": ([], ["must hold folders named after classes, or", "but holds no folders"]),
    "a file": (["1.png"], ["holds no folders"]),
    "empty folders": (["cat/"], ["train holds no images"]),
    "no train": (["test/1.png", "val/1.png"], ["but holds test and val and no train/"]),
    "train misspelt": (["trian/cat/1.png", "test/cat/1.png"], ["but holds test and trian and no train/ with"]),
    "two validations": (
        ["train/cat/1.png", "val/cat/1.png", "valid/cat/1.png"],
        ["two folders of val images, one of them valid/"],
    ),
    "another folder": (
        ["pets/cat/1.png", "pets/dog/1.png"],
        ["holds one folder, with cat and dog in it: is pets/ what you mean?"],
    ),
    "other files": (
        ["cat/1.ppm"],
        ["train holds no images (.bmp, ", "in folders of classes; not used: ", "cat/1.ppm"],
    ),
    "an empty split": (["train/cat/1.png", "val/cat/"], ["val holds no images"]),
    "one": (["cat/1.png"], ["holds 1 image, too few to hold out val and test"]),
    "too few": (["cat/1.png", "dog/1.png"], ["holds 2 images, too few to hold out val and test"]),
    "two forms": (
        [unicodedata.normalize(form, "café/1.png") for form in ("NFC", "NFD")],
        ["two folders whose names both read café"],
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_a_folder_that_holds_anything_else_is_refused(case: str, tmp_path: Path, refused: Refused) -> None:
    paths, says = HELD[case]
    for path in paths:
        if path.endswith("/"):
            (tmp_path / path).mkdir(parents=True)
        else:
            draw(tmp_path / path)
    with refused(DataError, str(tmp_path), *says):
        loading.load(ImageFolder(tmp_path))


def damaged(pets: Path) -> None:
    content = (pets / "cat" / "1.png").read_bytes()
    (pets / "cat" / "1.png").write_bytes(content[:50])
    (pets / "dog" / "3.png").write_bytes(b"")
    (pets / "dog" / "4.png").write_bytes(b"no image")


DAMAGE: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "gone": (shutil.rmtree, ["there is no"]),
    "two sizes": (
        lambda pets: draw(pets / "dog" / "7.png", size=(3, 5)),
        ["5x6 in 39, 5x3 in 1", "image_size=(height, width)"],
    ),
    "some": (
        damaged,
        [
            "3 of 40 images cannot be used",
            "cat/1.png is a damaged image",
            "3.png is empty",
            "4.png is not an image in PNG",
        ],
    ),
    "all": (
        lambda pets: [path.write_bytes(b"no image") for path in pets.rglob("*.png")],
        ["40 of 40 images cannot be used", "35 more"],
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_images_that_cannot_be_used_are_named(case: str, pets: Path, refused: Refused) -> None:
    change, says = DAMAGE[case]
    change(pets)
    with refused(DataError, str(pets), *says):
        loading.load(ImageFolder(pets))


def test_a_file_is_no_folder(tmp_path: Path, refused: Refused) -> None:
    draw(tmp_path / "one.png")
    with refused(DataError, f"{tmp_path}/one.png must be a folder of images"):
        ImageFolder(tmp_path / "one.png").load()


def test_a_folder_that_may_not_be_read_is_refused() -> None:
    imports = "import numpy\nfrom mnist_sweep.data.files.image_folder import ImageFolder\n"
    load = "try:\n    ImageFolder('pets').load()\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    with tempfile.TemporaryDirectory() as name:  # which another user could reach, unlike `tmp_path`
        for kind in ("cat", "dog"):
            draw(Path(name) / "pets" / kind / "1.png")
        (Path(name) / "pets" / "cat").chmod(0)
        (line,) = printed_as_its_owner(Path(name), imports, load)
    assert line.startswith("DataError ")
    assert "cat cannot be read (Permission denied)" in line
