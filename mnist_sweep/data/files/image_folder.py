"""Folders of images, a folder for each class: below `train`, `val` and `test`, or without splits.

Only regular files inside of the folder are read: a link that leads out of it is refused, so that data are what lies at
their path. Classes are in natural order (2 before 10), and the images of a split are ordered by class, then by name.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mnist_sweep.data.files import splits
from mnist_sweep.data.files.own_files import Content, OwnFiles
from mnist_sweep.errors import DataError
from mnist_sweep.system.files import read_regular
from mnist_sweep.text.lines import listed, printable
from mnist_sweep.text.numbers import counted
from mnist_sweep.validation import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
IGNORED = ("thumbs.db", "desktop.ini", "__macosx")
MAX_FILE_BYTES = 256 << 20
MAX_NAMED = 5
MAX_SIDE = 4096
LAYOUT = "folders named after classes, or train/, val/ and test/ with such folders in them"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder(OwnFiles):
    """Images in PNG, JPEG, BMP, GIF, TIFF or WebP files, in a folder for each class.

    Attributes:
        image_size: Height and width to which images are scaled, or one number for both; None if all have one size.
        color: Channels of the images: 3 (`rgb`), 1 (`grayscale`), or 3 if at least one file is coloured (`auto`).
        resize: How images of other proportions are scaled: between black bars, cut, or stretched.
    """

    image_size: int | tuple[int, int] | None = None
    color: Literal["auto", "rgb", "grayscale"] = "auto"
    resize: Literal["pad", "crop", "stretch"] = "pad"

    def __post_init__(self) -> None:
        if isinstance(self.image_size, int):
            object.__setattr__(self, "image_size", (self.image_size, self.image_size))
        OwnFiles.__post_init__(self)
        given = self.image_size
        sides = given if isinstance(given, tuple) and len(given) == 2 else (0,)
        fits = all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides)
        require(
            given is None or fits,
            f"image_size is (height, width), each from 1 to {MAX_SIDE}, or None",
            image_size=given,
        )

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
        names = tuple(sorted({name for classes in found.values() for name in classes}, key=splits.natural))
        files = {split: [file for name in names for file in found[split].get(name, [])] for split in found}
        if empty := [split for split in files if not files[split]]:
            raise DataError(f"{listed(empty)} {'holds' if len(empty) == 1 else 'hold'} no images.")
        labels = {
            split: np.array([name for name in names for _ in found[split].get(name, [])], np.str_) for split in found
        }
        paths = {split: np.array(listing, object) for split, listing in files.items()}
        return Content(paths, labels, names, (*_unused_notes(unused), *_name_notes(names)))

    def _decoded(self, images: "Mapping[str, NDArray[Any]]") -> "Mapping[str, NDArray[np.uint8]]":
        import numpy as np

        files = [file for split in splits.SPLITS for file in images[split]]
        decoded = self._read(files)
        cuts = np.cumsum([len(images[split]) for split in splits.SPLITS])[:-1]
        return dict(zip(splits.SPLITS, np.split(decoded, cuts), strict=True))

    def _read(self, files: Sequence[str]) -> "NDArray[np.uint8]":
        """Return the images in files: uint8 `[n, height, width, channels]`."""
        import numpy as np

        sizes: Counter[tuple[int, int]] = Counter()
        refused: list[str] = []
        decoded: NDArray[np.uint8] | None = None
        for number, file in enumerate(files):
            try:
                image = self._image(file)
            except DataError as error:
                refused.append(f"{file} {error}")
                continue
            sizes[image.shape[:2]] += 1
            if len(sizes) > 1:
                continue
            if decoded is None:
                decoded = np.zeros((len(files), *image.shape), np.uint8)
            elif decoded.shape[3] < image.shape[2]:
                decoded = np.repeat(decoded, image.shape[2], axis=3)
            decoded[number] = image
        _refuse(refused, len(files))
        if decoded is None or len(sizes) > 1:
            named = [f"{h}x{w} in {counted(number, 'file')}" for (h, w), number in sizes.most_common(MAX_NAMED)]
            shown = ", ".join([*named, *["…"] * (len(sizes) > MAX_NAMED)])
            raise DataError(f"images differ in size ({shown}): scale them with image_size=(height, width).")
        return decoded

    def _image(self, file: str) -> "NDArray[np.uint8]":
        """Return the image in a file: uint8 `[height, width, channels]`."""
        import numpy as np

        from mnist_sweep.data.files import decoding

        try:
            image = decoding.decode(read_regular(file, MAX_FILE_BYTES))
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})") from error
        if isinstance(self.image_size, tuple):
            image = decoding.resized(image, self.image_size[::-1], self.resize)
        if self.color != "auto":
            image = image.convert("RGB" if self.color == "rgb" else "L")
        return np.atleast_3d(np.asarray(image))


def _classes(root: Path, unused: list[str]) -> dict[str, dict[str, str]]:
    """Return the folder of each class of each split; other entries are appended to `unused`."""
    folders = _entries(root, root, unused)
    named = {path: splits.WORDS.get(name.lower()) for name, path in folders.items()}
    train = next((path for path, split in named.items() if split == "train"), None)
    if not folders:
        raise DataError(f"holds no folders, expected {LAYOUT}.")
    if not (train and _entries(Path(train), root, [])):
        if len(folders) == 1 and (inner := _entries(Path(*folders.values()), root, [])):
            name = Path(*folders.values()).name
            raise DataError(f"holds one folder, with {listed([*inner][:MAX_NAMED])} in it: is {name}/ what you mean?")
        if all(named.values()):
            raise DataError(f"holds {listed([*folders])}, but no folder train/ with classes in it, expected {LAYOUT}.")
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
    for entry in _visible(folder, root):
        if not entry.is_dir(follow_symlinks=False):
            unused.append(entry.path)
        elif (name := unicodedata.normalize("NFC", entry.name)) in found:
            raise DataError(f"{folder} holds two folders whose names both read {printable(name)}: rename one.")
        else:
            found[name] = entry.path
    return found


def _images(root: Path, folder: str, unused: list[str]) -> Iterator[str]:
    """Yield the image files in a folder and those below it, in natural order; others are appended to `unused`."""
    for entry in _visible(Path(folder), root):
        if entry.is_dir(follow_symlinks=False):
            yield from _images(root, entry.path, unused)
        elif entry.is_file() and entry.name.lower().endswith(SUFFIXES):
            yield entry.path
        else:
            unused.append(entry.path)


def _visible(folder: Path, root: Path) -> "list[os.DirEntry[str]]":
    """Return the entries of a folder in natural order, without hidden ones and those that systems leave.

    Raises:
        DataError: One is a link out of the root, to a folder, or to nothing.
    """
    with os.scandir(folder) as listing:
        entries = [entry for entry in listing if not (entry.name.startswith(".") or entry.name.lower() in IGNORED)]
    for entry in entries:
        if entry.is_symlink():
            target = Path(os.path.realpath(entry.path))
            if not (Path(entry.path).is_file() and target.is_relative_to(root)):
                rule = "links must lead to files inside of the folder"
                raise DataError(f"{entry.path} is a link to {target}: {rule}; `cp -rL` copies what links lead to.")
    return sorted(entries, key=lambda entry: splits.natural(entry.name))


def _refuse(refused: Sequence[str], num_files: int) -> None:
    if refused:
        shown = [*refused[:MAX_NAMED], *[f"{len(refused) - MAX_NAMED:,} more"] * (len(refused) > MAX_NAMED)]
        number = f"{len(refused):,} of {counted(num_files, 'file')} cannot be used"
        raise DataError(f"{number}: {'; '.join(map(printable, shown))}. Repair or remove them.")


def _unused_notes(unused: Sequence[str]) -> Iterator[str]:
    if unused:
        shown = [*map(printable, unused[:MAX_NAMED]), *["…"] * (len(unused) > MAX_NAMED)]
        yield f"not images in folders of classes, and not used: {', '.join(shown)} ({len(unused):,} in all)"


def _name_notes(names: Sequence[str]) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold().strip(), []).append(printable(name))
    for group in alike.values():
        if len(group) > 1:
            yield f"classes {listed([*map(repr, group)])} differ in case or blanks only"
