"""Folders of IDX files, as MNIST, EMNIST and their like are distributed, recognised by their magic numbers."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data import idx
from mnist_sweep.data.files import splits
from mnist_sweep.data.files.content import Content
from mnist_sweep.data.files.listing import unused_notes, visible
from mnist_sweep.data.files.own_files import OwnFiles
from mnist_sweep.errors import DataError
from mnist_sweep.system.atomic_files import open_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Idx(OwnFiles):
    """IDX files in a folder: one of images and one of labels for each split, with `train`, `val` or `test` in its name.

    They may be compressed with gzip. `t10k` means test, as in the files of MNIST; a file without a split in its name
    belongs to train.
    """

    def _content(self, path: Path) -> Content:
        if not path.is_dir():
            raise DataError("must be a folder, with a file of images and one of labels for each split.")
        entries = {entry.name: entry.path for entry in visible(path, path.resolve()) if entry.is_file()}
        found: dict[int, dict[str, NDArray[Any]]] = {idx.IMAGES_MAGIC: {}, idx.LABELS_MAGIC: {}}
        unused = []
        for name, file in entries.items():
            magic, split = magic_number(file), splits.split_of(name) or "train"
            if name.endswith(".gz") and name[:-3] in entries:  # torchvision keeps both
                continue
            if magic not in found:
                unused.append(name)
            elif split in found[magic]:
                raise DataError(f"holds two files of {split} {'images' if magic == idx.IMAGES_MAGIC else 'labels'}.")
            else:
                found[magic][split] = idx.parse(idx.read_bytes(Path(file)), Path(file), magic)
        images, labels = found.values()
        if not images or images.keys() != labels.keys():
            kinds = f"of images: {', '.join(images) or 'none'}, of labels: {', '.join(labels) or 'none'}"
            raise DataError(f"must hold an IDX file of images and one of labels for each split, but has {kinds}.")
        return Content(images, labels, notes=unused_notes(unused))


def magic_number(file: str) -> int:
    """Return the number in the first four bytes of a file, unpacked if it is compressed; 0 if it is damaged."""
    try:
        with open_regular(file) as content:
            is_compressed = content.read(2) == b"\x1f\x8b"
            content.seek(0)
            head = gzip.GzipFile(fileobj=content).read(4) if is_compressed else content.read(4)
            return int.from_bytes(head, "big")
    except (EOFError, OSError, zlib.error):
        return 0
