"""Laws of the command that shows a data set."""

from pathlib import Path

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
    assert "data pets: val and test held out of train: 0.1, 0.1 of each class, drawn with seed 0" in out
    assert out.splitlines()[-1] == "pets: 48 train, 6 val, 6 test images of 12x12x1, read as ImageFolder"
