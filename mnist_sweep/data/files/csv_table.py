"""Tables of pixels, a line for each image, such as Kaggle's digits: a column of labels, and one for each pixel."""

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data import idx
from mnist_sweep.data.files import listing
from mnist_sweep.data.files.content import MAX_BYTES, Content
from mnist_sweep.data.files.own_files import OwnFiles
from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import first_few, one_line, shortened
from mnist_sweep.text.names import natural
from mnist_sweep.text.numbers import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABELS = ("label", "labels", "class", "target", "digit", "y")
PIXEL = re.compile(r"(pixel|px|x|f)?[ _]?\d+(x\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Csv(OwnFiles):
    """A CSV file, or a folder of them with `train`, `val` or `test` in their names.

    Columns named by numbers (`0`, `1x1`), also after `pixel`, `px`, `x` or `f`, are pixels, row by row; other columns
    are not used. Without a line of names, the first column is the label.

    Attributes:
        label: Name of the column of labels; None if it is `label`, `class`, `target`, `digit` or `y`. Several names are
            the columns of numbers to predict.
        image_size: Height and width of the images; None if they are square and grey. Three values for each pixel of
            this size are red, green and blue.
    """

    label: str | tuple[str, ...] | None = None
    image_size: tuple[int, int] | None = None

    def _content(self, path: Path) -> Content:
        import numpy as np

        files = listing.by_split(path, (".csv", ".csv.gz"))
        unused: list[str] = []
        read = {split: [self._read(Path(file), unused) for file in parts] for split, parts in files.items()}
        # A table without a row has no types, by which it would make names of all labels.
        read = {split: [part for part in parts if len(part[1])] or parts[:1] for split, parts in read.items()}
        if len({images.shape[1:] for parts in read.values() for images, _ in parts}) > 1:
            raise DataError("holds files with different numbers of pixels.")
        images, labels = (
            {split: np.concatenate([part[which] for part in parts]) for split, parts in read.items()}
            for which in (0, 1)
        )
        return Content(images, labels, notes=listing.unused_notes([*dict.fromkeys(unused)]))

    def _read(self, path: Path, unused: list[str]) -> "tuple[NDArray[np.uint8], NDArray[Any]]":
        """Return the images and labels of a file; names of columns that are not used are appended to `unused`."""
        import numpy as np
        import pyarrow as pa
        from pyarrow import csv as reader

        content = idx.read_bytes(path, max_bytes=MAX_BYTES).lstrip(b"\r\n")  # as empty lines further down
        try:
            names, delimiter, has_names = _header(content)
            targets, pixels = self._columns(names, has_names)
            unused += [f"column {shortened(name)}" for name in names if name not in (*targets, *pixels)]
            shape = self._shape(len(pixels))
            table = reader.read_csv(
                pa.BufferReader(content),
                read_options=reader.ReadOptions(column_names=names, skip_rows=int(has_names)),
                parse_options=reader.ParseOptions(delimiter=delimiter),
                convert_options=reader.ConvertOptions(
                    include_columns=[*targets, *pixels], column_types=dict.fromkeys(pixels, pa.uint8())
                ),
            )
            if lacking := [name for name in table.column_names if table[name].null_count]:
                raise DataError(f"lacks values in column {shortened(lacking[0])}")
            images = np.empty((len(table), len(pixels)), np.uint8)
            for number, name in enumerate(pixels):
                images[:, number] = table[name].to_numpy()
            labels = table[targets[0]].to_numpy()
            if len(targets) > 1:
                labels = np.stack([table[name].to_numpy().astype(np.float64) for name in targets], axis=1)
            return images.reshape(-1, *shape), labels.astype(np.str_) if labels.dtype.kind == "O" else labels
        except DataError as error:
            raise DataError(f"{path} {error}.") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text: save it as CSV in UTF-8.") from error
        except (pa.ArrowException, csv.Error, ValueError) as error:
            cause = shortened(one_line(error))
            raise DataError(f"{path} is not a table of labels and pixels from 0 to 255 ({cause}).") from error

    def _columns(self, names: list[str], has_names: bool) -> tuple[list[str], list[str]]:
        """Return the columns of labels, and those of pixels in their order."""
        if len({*names}) < len(names):
            raise DataError("names a column twice")
        if self.label is None and not has_names:
            return names[:1], names[1:]
        wanted = [self.label] if isinstance(self.label, str) else [*(self.label or ())]
        known = [name for name in wanted or names if name in names and (wanted or name.lower() in LABELS)]
        if len(known) != (len(wanted) or 1):
            number = f"{len(wanted)} columns" if wanted[1:] else "one column"
            shown = shortened(first_few(names, 5))
            named = ", ".join(map(str, wanted)) or "named label, class, target, digit or y"
            way_out = "" if known else ": keep files without labels in another folder"
            raise DataError(f"must have {number} of labels, {named}, but has {len(known)} among {shown}{way_out}")
        pixels = [name for name in names if name not in known and PIXEL.fullmatch(name)]
        pixels.sort(key=natural)
        axes = [*zip(*(map(int, re.findall(r"\d+", name)) for name in pixels), strict=False)]
        if math.prod(max(axis) - min(axis) + 1 for axis in axes) != max(len(pixels), 1):
            raise DataError(f"lacks columns of pixels between {pixels[0]} and {pixels[-1]}, or has others among them")
        return known, pixels

    def _shape(self, num_values: int) -> tuple[int, ...]:
        side = int(num_values**0.5)
        height, width = self.image_size or (side, side)
        for channels in (1, 3) if self.image_size else (1,):
            if height * width * channels == num_values > 0:
                return height, width, channels
        if not num_values:
            raise DataError("has no columns of pixels, named by numbers such as 0, 1x1 or pixel0")
        shape = "square image" if self.image_size is None else "grey or colour image of {}x{}".format(*self.image_size)
        way_out = "state their image_size=(height, width), or --image-size"
        raise DataError(f"has {counted(num_values, 'column')} of pixels, which make no {shape}: {way_out}")


def _header(content: bytes) -> tuple[list[str], str, bool]:
    """Return the names of the columns, what separates them, and whether they are in the first line."""
    if not content.strip():
        raise DataError("is empty")
    line = content[: content.find(b"\n") + 1 or None].decode("utf-8-sig")
    delimiter = max(",;\t", key=line.count)
    names = [name.strip() for name in next(csv.reader(io.StringIO(line), delimiter=delimiter))]
    has_names = not all(re.fullmatch(r"\s*-?[\d.,]+\s*", name) for name in names)
    has_names |= names == [*map(str, range(len(names)))]  # as pandas writes a table without names: no image
    return (names if has_names else [f"column {number}" for number in range(len(names))]), delimiter, has_names
