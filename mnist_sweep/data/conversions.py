"""What the arrays of a data set must be, conversions that an error proposes, and floats as whole levels."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CLASSES = 1 << 16
MAX_SPAN = 3e38  # of float32 values
IMAGES_AT_A_TIME = 1000


def as_levels(images: "NDArray[Any]", high: float) -> "NDArray[np.uint8] | None":
    """Return images from 0 to `high` as whole levels up to `full_level(high)`, if no value that is seen changes."""
    import numpy as np

    top = full_level(high)
    levels = np.empty(images.shape, np.uint8)
    for first in range(0, len(images), IMAGES_AT_A_TIME):
        pixels = images[first : first + IMAGES_AT_A_TIME]
        near = np.rint(pixels * np.float32(top / high))
        if not (near / np.float32(top) == pixels / np.float32(high)).all():
            return None
        levels[first : first + IMAGES_AT_A_TIME] = near
    return levels


def full_level(high: float) -> int:
    """Return the level that stands for the highest value of float images, 255 for 1; 0 if there is none."""
    return 255 if high == 1 else int(high) if high in range(1, 256) else 0


def hint(name: str, array: "NDArray[Any]") -> str:
    """Return the range of an array's values, and how to cast them so that nothing is lost; or how to make it flat."""
    import numpy as np

    if name == "labels" and array.ndim == 2:
        one_hot = ": `labels.argmax(axis=1)` converts one-hot labels to classes"
        several = "; several numbers to predict are float32" * (array.dtype != "float32")
        return ": use `labels[:, 0]`" if array.shape[1] == 1 else one_hot + several
    is_image, top = name == "images", 255 if name == "images" else MAX_CLASSES - 1
    allowed = (np.uint8, np.float32) if is_image else (np.uint8, np.uint16, np.float32)
    if array.dtype in allowed or array.dtype.kind not in "biuf" or not array.size:
        return ""
    low, high = array.min().item(), array.max().item()
    is_whole = low >= 0 and high <= top and bool((array == np.rint(array)).all())
    if not np.isfinite([low, high]).all():
        way_out = "remove values that are not finite"
    elif array.dtype.kind == "b" and is_image:
        way_out = "use `images.astype('uint8')`, and pixel_max=1"
    elif is_whole and (high > 1 or not is_image):
        way_out = f"use `{name}.astype('{'uint8' if high < 256 else 'uint16'}')`"
    elif is_image:
        way_out = f"use `images.astype('float32')`, and state their value_range, such as ({low:g}, {high:g})"
    else:
        way_out = f"they must lie between 0 and {top}"
    if not is_image and (array.dtype.kind == "f" or not is_whole) and np.isfinite([low, high]).all():
        way_out += ", or `labels.astype('float32')` for numbers to predict"
    return f" from {low:g} to {high:g}: {way_out}"


def misfit(name: str, array: object, *, rank: int) -> str | None:
    """Return why an array is not one of a split, of this rank, in a sentence; None if it is."""
    import numpy as np

    if not isinstance(array, np.ndarray):
        return f"`{name}` must be a NumPy array, but got type={type(array).__name__!r}."
    if isinstance(array, np.ma.MaskedArray):
        return f"`{name}` must have no mask, which training would ignore: use `{name}.filled(0)`."
    way_out = hint(name, array)
    types = ("uint8", "float32") if name == "images" else ("uint8", "uint16", "float32")
    if array.dtype not in types:
        return broken(f"{name}.dtype == {' or '.join(types)}", way_out, dtype=str(array.dtype))
    if array.ndim != rank:
        return broken(f"{name}.ndim == {rank}", way_out, shape=array.shape)
    return None if array.size else broken(f"{name}.size > 0", shape=array.shape)


def are_texts(given: Any) -> bool:
    """Return whether a value is several texts in their order, and not one text."""
    is_list = not isinstance(given, str | bytes | set | frozenset | dict)
    return is_list and all(isinstance(one, str) for one in given)


def is_one_hot(labels: "NDArray[Any]") -> bool:
    """Return whether the numbers of each image are its class, or all 0, and those of some image are a class."""
    if labels.ndim != 2 or not ((labels == 0) | (labels == 1)).all():
        return False
    sums = labels.sum(axis=1)
    return bool(sums.max() == 1)


def broken(rule: str, hint: str = "", /, **values: object) -> str:
    """Return that a rule must hold, the values by which it does not, and the way out."""
    return f"`{rule}` must hold, but got {', '.join(f'{name}={value!r}' for name, value in values.items())}{hint}."
