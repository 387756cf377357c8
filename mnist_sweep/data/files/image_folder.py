"""Folders of images, a folder for each class: below `train`, `val` and `test`, or without splits.

Only regular files inside of the folder are read: a link that leads out of it is refused, so that data are what lies at
their path. Classes are in natural order (2 before 10), and the images of a split are ordered by class, then by name.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnist_sweep.data.files import splits
from mnist_sweep.data.files.content import Content
from mnist_sweep.data.files.listing import unused_notes, visible
from mnist_sweep.data.files.own_files import EncodedImages
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import listed, one_line, printable
from mnist_sweep.text.names import natural

SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MAX_NAMED = 5
LAYOUT = "folders named after classes, or train/, val/ and test/ with such folders in them"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder(EncodedImages):
    """Images in PNG, JPEG, BMP, GIF, TIFF or WebP files, in a folder for each class.

    Attributes:
        target: Whether the names of these folders are classes, or numbers to predict, such as ages.
    """

    target: Literal["class", "number"] = "class"

    def _content(self, path: Path) -> Content:
        import numpy as np

        root = path.resolve()
        if not root.is_dir():
            raise DataError(f"{path} must be a folder of images, but is a file.")
        unused: list[str] = []
        found = {
            split: {name: [*_images(root, folder, unused)] for name, folder in classes.items()}
            for split, classes in _classes(root, unused).items()
        }
        names = tuple(sorted({name for classes in found.values() for name in classes}, key=natural))
        files = {split: [file for name in names for file in found[split].get(name, [])] for split in found}
        if empty := [split for split in files if not files[split]]:
            held = "; ".join([f"({', '.join(SUFFIXES)}) in folders of classes", *unused_notes(unused)])
            raise DataError(f"{listed(empty)} {'holds' if len(empty) == 1 else 'hold'} no images {held}.")
        try:
            known = {name: float(name) if self.target == "number" else name for name in names}
        except ValueError as error:
            raise DataError(f"target='number' needs folders named by numbers ({one_line(error)}).") from error
        labels = {
            split: np.array([known[name] for name in names for _ in found[split].get(name, [])]) for split in found
        }
        paths = {split: np.array(listing, object) for split, listing in files.items()}
        return Content(paths, labels, names, unused_notes(unused))


def _classes(root: Path, unused: list[str]) -> dict[str, dict[str, str]]:
    """Return the folder of each class of each split; other entries are appended to `unused`."""
    folders = _entries(root, root, unused)
    named = {path: splits.WORDS.get(name.lower()) for name, path in folders.items()}
    if not any(named.values()):  # as training_set/ and test_set/, which hold the same classes
        words = {path: splits.split_of(name) for name, path in folders.items()}
        classes = [{*_entries(Path(path), root, [])} for path, split in words.items() if split]
        named = words if len({*words.values()} - {None}) > 1 and set.intersection(*classes) else named
    train = next((path for path, split in named.items() if split == "train"), None)
    if not folders:
        raise DataError(f"must hold {LAYOUT}, but holds no folders.")
    if not (train and _entries(Path(train), root, [])):
        if len(folders) == 1 and (inner := _entries(Path(*folders.values()), root, [])):
            name = Path(*folders.values()).name
            raise DataError(f"holds one folder, with {listed([*inner][:MAX_NAMED])} in it: is {name}/ what you mean?")
        if all(named.values()) or any(split and _entries(Path(path), root, []) for path, split in named.items()):
            raise DataError(f"must hold {LAYOUT}, but holds {listed([*folders])} and no train/ with classes in it.")
        return {"train": folders}
    found: dict[str, dict[str, str]] = {}
    for path, split in named.items():
        if split is None:
            unused.append(path)
            continue
        if split in found:
            raise DataError(f"holds two folders of {split} images, one of them {Path(path).name}/: rename one.")
        found[split] = _entries(Path(path), root, unused)
    return found


def _entries(folder: Path, root: Path, unused: list[str]) -> dict[str, str]:
    """Return the folders in a folder by their names in Unicode's composed form; files are appended to `unused`."""
    found: dict[str, str] = {}
    for entry in visible(folder, root):
        if not entry.is_dir(follow_symlinks=False):
            unused.append(entry.path)
        elif (name := unicodedata.normalize("NFC", entry.name)) in found:
            raise DataError(f"{folder} holds two folders whose names both read {printable(name)}: rename one.")
        else:
            found[name] = entry.path
    return found


def _images(root: Path, folder: str, unused: list[str]) -> Iterator[str]:
    """Yield the image files in a folder and those below it, in natural order; others are appended to `unused`."""
    for entry in visible(Path(folder), root):
        if entry.is_dir(follow_symlinks=False):
            yield from _images(root, entry.path, unused)
        elif entry.is_file() and entry.name.lower().endswith(SUFFIXES):
            yield entry.path
        else:
            unused.append(entry.path)
