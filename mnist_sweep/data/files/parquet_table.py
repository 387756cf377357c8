"""Parquet files as Hugging Face writes them: a column of encoded images, and one of labels."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_sweep.data.files import listing
from mnist_sweep.data.files.content import MAX_BYTES, Content
from mnist_sweep.data.files.own_files import EncodedImages
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import one_line, shortened
from mnist_sweep.text.numbers import size

IMAGES = ("image", "img")
LABELS = ("label", "labels", "fine_label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parquet(EncodedImages):
    """A Parquet file, or a folder of them with `train`, `val` or `test` in their names.

    The column `image` or `img` holds the bytes of image files.

    Attributes:
        label: Name of the column of labels; None if it is `label`, `labels` or `fine_label`. Several names are the
            columns of numbers to predict, as is one of lists of floats.
    """

    label: str | tuple[str, ...] | None = None

    def _content(self, path: Path) -> Content:
        import numpy as np

        inner = path / "data"
        files = listing.by_split(inner if inner.is_dir() else path, (".parquet",))
        images: dict[str, Any] = {}
        labels: dict[str, Any] = {}
        class_names: tuple[str, ...] = ()
        unused: dict[str, None] = {}
        for split, parts in files.items():
            tables = [self._read_table(file, unused) for file in parts]
            for file, (_, _, names) in zip(parts, tables, strict=True):
                if names and class_names and names != class_names:
                    ours, theirs = (shortened(", ".join(each)) for each in (names, class_names))
                    raise DataError(f"{file} names the classes {ours}, but another file {theirs}: make them alike.")
                class_names = class_names or names
            images[split] = np.concatenate([found for found, _, _ in tables])
            if len({found.shape[1:] for _, found, _ in tables if len(found)}) > 1:
                raise DataError("holds files with different numbers of labels.")
            labels[split] = np.concatenate([found for _, found, _ in tables if len(found)] or [tables[0][1]])
        return Content(images, labels, class_names, listing.unused_notes([*unused]))

    def _read_table(self, file: str, unused: dict[str, None]) -> tuple[Any, Any, tuple[str, ...]]:
        """Return the encoded images and the labels in a file, and the names of the classes, if it has some.

        Columns that are not used are added to `unused`.
        """
        import numpy as np
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(file) as table:
                schema, groups = table.schema_arrow, range(table.metadata.num_row_groups)
                image, wanted = _column(schema.names, IMAGES), (self.label,) if self.label else LABELS
                several = [(one,) for one in self.label] if self.label and isinstance(self.label, tuple) else [wanted]
                targets = [_column(schema.names, one) for one in several]
                total = sum(table.metadata.row_group(group).total_byte_size for group in groups)
                if total > MAX_BYTES:
                    raise DataError(f"unpacks to {size(total)}, expected at most {size(MAX_BYTES)}")
                read = table.read(columns=[image, *targets])
            others = [name for name in schema.names if name not in (image, *targets)]
            unused |= dict.fromkeys(f"column {shortened(name)}" for name in others)
            contents = [found["bytes"] if isinstance(found, dict) else found for found in read[image].to_pylist()]
            if lacking := sum(not isinstance(content, bytes) for content in contents):
                raise DataError(f"lacks the bytes of {lacking:,} of {len(contents):,} images in column {image}")
            if empty := [name for name in targets if read[name].null_count]:
                raise DataError(f"lacks values in column {shortened(empty[0])}")
            labels = [np.array(read[name].to_pylist()) for name in targets]
            numbers = np.stack(labels, axis=1).astype(np.float64) if len(labels) > 1 else labels[0]
            return np.fromiter(contents, object, len(contents)), numbers, _class_names(schema, targets[0])
        except DataError as error:
            raise DataError(f"{file} {error}.") from error
        except (pa.ArrowException, KeyError, ValueError) as error:
            cause = shortened(one_line(error))
            raise DataError(f"{file} is no Parquet file of images and labels ({cause}).") from error


def _column(names: list[str], wanted: tuple[Any, ...]) -> str:
    found = [name for name in names if name in wanted]
    if len(found) != 1:
        columns = shortened(", ".join(names))
        raise DataError(f"must have one column named {' or '.join(map(str, wanted))}, but has {columns}")
    return found[0]


def _class_names(schema: Any, label: str) -> tuple[str, ...]:
    """Return the names that Hugging Face's description of the columns has for the classes."""
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    try:
        names = described["info"]["features"][label]["names"]
        return tuple(map(str, names)) if isinstance(names, list) else ()
    except (KeyError, TypeError):
        return ()
