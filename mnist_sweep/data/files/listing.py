"""The files in a folder of the user's own: which are seen, and which split each one belongs to."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from mnist_sweep.data.files import splits
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import printable
from mnist_sweep.text.names import natural

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")
MAX_NAMED = 5


def visible(folder: Path, root: Path) -> "list[os.DirEntry[str]]":
    """Return the entries of a folder in natural order, without hidden ones and those that systems leave.

    They count as named in Unicode's composed form, since macOS may decompose the names of files that it copies.

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
    return sorted(entries, key=lambda entry: (natural(unicodedata.normalize("NFC", entry.name)), entry.name))


def unused_notes(unused: Sequence[str]) -> tuple[str, ...]:
    """Return a note on files that are not used, if there are some."""
    shown = [*map(printable, unused[:MAX_NAMED]), *["…"] * (len(unused) > MAX_NAMED)]
    return (f"not used: {', '.join(shown)} ({len(unused):,} in all)",) if unused else ()


def by_split(path: Path, suffixes: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the files with these suffixes in a folder by their splits, train if their names have none; or one file.

    Raises:
        DataError: There are none, or as raised by `visible`.
    """
    if path.is_file():
        return {"train": [str(path)]}
    if not path.is_dir():
        raise DataError("is neither a file nor a folder.")
    found: dict[str, list[str]] = {}
    for entry in visible(path, path.resolve()):
        if entry.is_file() and entry.name.lower().endswith(suffixes):
            found.setdefault(splits.split_of(entry.name) or "train", []).append(entry.path)
    if not found:
        raise DataError(f"holds no file that ends in {' or '.join(suffixes)}.")
    return found
