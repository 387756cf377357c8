"""Laws of the command that shows a data set."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.cli.conftest import Run


def test_data_says_where_a_data_set_lies(run: Run) -> None:
    status, out, _ = run("data", "digits")
    assert status == 0
    assert out.splitlines()[-1] == "digits: 1,197 train, 300 val, 300 test images of 8x8x1, verified"


def pets(folder: Path, *, sizes: tuple[int, ...] = (12,)) -> None:
    """Write 30 dark cats and 30 bright dogs."""
    for number in range(60):
        path = folder / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        side = sizes[number % len(sizes)]
        grey = np.random.default_rng(number).integers(0, 90, (side, side)) + 160 * (number % 2)
        Image.fromarray(grey.astype(np.uint8)).save(path)


def test_data_shows_what_a_folder_holds(folder: Path, run: Run) -> None:
    pets(folder)
    status, out, _ = run("data", "pets", "--sheet", "sheet.png")
    assert (status, Path("sheet.png").read_bytes()[1:4]) == (0, b"PNG")
    assert ["cat", "24", "3", "3"] in [line.split() for line in out.splitlines()]
    assert "data pets: val and test held out of train: 0.1 and 0.1 of each class, drawn with seed 0" in out
    assert out.splitlines()[-1] == "pets: 48 train, 6 val, 6 test images of 12x12x1, read as ImageFolder"


def test_data_names_the_files_of_duplicates_and_of_other_problems(folder: Path, run: Run) -> None:
    pets(folder)
    for split, number in (("train", 0), ("val", 1), ("test", 2)):
        for name in ("cat", "dog"):
            path = folder / "split" / split / name
            path.mkdir(parents=True)
            for file in [*(folder / "pets" / name).iterdir()][number::3]:
                shutil.copy(file, path)
    root = folder / "split"
    train = next((root / "train" / "cat").iterdir())
    shutil.copy(train, root / "val" / "cat" / "copy.png")
    smooth = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 4), np.uint8))
    smooth.resize((12, 12)).save(root / "val" / "dog" / "small.png")
    smooth.resize((48, 48)).save(root / "test" / "dog" / "large.png")
    status, out, _ = run("data", "split", "--image-size", "12")
    assert status == 0
    assert "1 of 22 val images (5%) are in train, too, such as val/cat/copy.png\n" in out
    assert "2 duplicates in two splits, 1 of them in another size or encoding:\n" in out
    assert f"  val/cat/copy.png is train/cat/{train.name}\n" in out
    assert "  test/dog/large.png is val/dog/small.png, in another size or encoding\n" in out
    found = json.loads(run("data", "split", "--image-size", "12", "--json")[1])["duplicates"]
    assert found[0] == {"image": "val/cat/copy.png", "original": f"train/cat/{train.name}", "is_exact": True}
    assert [one["is_exact"] for one in found] == [True, False]


def test_images_in_arrays_are_named_by_their_places(folder: Path, run: Run) -> None:
    images = np.random.default_rng(0).random((30, 8, 8), np.float32) * 2 - 1
    images[10] = images[0]
    arrays: dict[str, Any] = {"x": images, "y": np.arange(30) // 3 % 2}
    splits = enumerate(("train", "val", "test"))
    np.savez("a.npz", **{f"{kind}_{name}": arrays[kind][first::3] for first, name in splits for kind in arrays})
    status, out, _ = run("data", "a.npz", "--value-range", "-1,1")
    assert (status, "  val[3] is train[0]\n" in out) == (0, True)
    assert "pixels from -0.99" in out
    assert "-1 and 1 become 0 and 1" in out
    status, _, err = run("data", "a.npz")
    assert (status, "such as value_range=(0, 1), or --value-range 0,1" in err) == (2, True)
