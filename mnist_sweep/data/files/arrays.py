"""Arrays of NumPy, named as Keras and MedMNIST name them: in one `.npz` file, or in a folder of `.npy` files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_sweep.data.files import splits
from mnist_sweep.data.files.content import MAX_BYTES, Content
from mnist_sweep.data.files.listing import unused_notes, visible
from mnist_sweep.data.files.own_files import OwnFiles
from mnist_sweep.errors import DataError
from mnist_sweep.system import npz
from mnist_sweep.system.atomic_files import open_regular
from mnist_sweep.text.lines import listed, one_line, shortened

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES = {"x", "image", "images", "img", "imgs", "data"}
LABELS = {"y", "label", "labels", "target", "targets"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays(OwnFiles):
    """Arrays in an `.npz` file, or in `.npy` files in a folder.

    Their names say what they hold: `x_train` and `y_train`, or `train_images` and `train_labels`; likewise for `val`
    and `test`; or `x` and `y`, or `images` and `labels`, without splits. Images are `[n, height, width]` or
    `[n, height, width, channels]`; labels are whole numbers from 0, or names.

    Attributes:
        value_range: Values of pixels that become 0 and 1, in float32; None for whole numbers from 0 to 255.
    """

    value_range: tuple[float, float] | None = None

    def _content(self, path: Path) -> Content:
        arrays = _read(path)
        found: dict[str, dict[str, NDArray[Any]]] = {"images": {}, "labels": {}}
        unused = []
        for name, array in arrays.items():
            words = {*re.split(r"[\W_]+", name.lower())}
            kind = "images" if words & IMAGES and not words & LABELS else "labels" if words & LABELS else ""
            split = splits.split_of(name) or "train"
            if not kind:
                unused.append(name)
            elif split in found[kind]:
                raise DataError(f"holds two arrays of {split} {kind}, one of them {shortened(name)}.")
            else:
                found[kind][split] = array
        images, labels = found["images"], found["labels"]
        if not images or images.keys() != labels.keys():
            held = f"holds {shortened(listed([*arrays]))}" if arrays else "holds no arrays"
            raise DataError(f"{held}, expected pairs such as x_train and y_train, or train_images and train_labels.")
        return Content(self._typed(images), labels, notes=unused_notes(unused), value_range=self.value_range)

    def _typed(self, images: "Mapping[str, NDArray[Any]]") -> "Mapping[str, NDArray[Any]]":
        """Return images as float32 if they have a range."""
        import numpy as np

        if self.value_range:
            kinds = {name: np.float32 if array.dtype.kind in "iuf" else array.dtype for name, array in images.items()}
            return {name: array.astype(kinds[name], copy=False) for name, array in images.items()}
        for name, array in images.items():
            if array.dtype.kind == "f" and array.size:
                found = f"{array.dtype} from {array.min():g} to {array.max():g}"
                way_out = "state which values become 0 and 1, such as value_range=(0, 1), or --value-range 0,1"
                raise DataError(f"{name} images are {found}: {way_out}.")
        return images


def _read(path: Path) -> "Mapping[str, NDArray[Any]]":
    """Return the arrays in an archive, or in the files of a folder, by their names."""
    import numpy as np

    if not path.is_dir():
        with open_regular(path) as file:
            return npz.read(file, max_bytes=MAX_BYTES)
    found = {}
    for entry in visible(path, path.resolve()):
        if entry.name.lower().endswith(".npy") and entry.is_file():
            try:
                with open_regular(entry.path, MAX_BYTES) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
            except npz.NPZ_ERRORS as error:
                raise DataError(f"{entry.path} cannot be read ({one_line(error)}).") from error
            found[entry.name[:-4]] = array
    return found
