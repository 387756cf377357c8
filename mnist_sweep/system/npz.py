"""Arrays as the content of an `.npz` file, and back out of one that may hold anything.

NumPy, zipfile and the compression methods of ZIP raise errors of many classes for a damaged file; here they become one.
Nothing is ever unpickled.
"""

import io
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any

from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import one_line
from mnist_sweep.text.numbers import size

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 64 << 20
ZIP_ERRORS = (EOFError, KeyError, OSError, RuntimeError, ValueError, zipfile.error, lzma.LZMAError, zlib.error)
NPZ_ERRORS = (*ZIP_ERRORS, MemoryError, OverflowError, SyntaxError, TypeError, tokenize.TokenError)


def require_size(members: Iterable[zipfile.ZipInfo], max_bytes: int) -> None:
    """Validate that members of an archive unpack to `max_bytes` at most; 4 kB may unpack to gigabytes.

    Raises:
        DataError: They are larger, or packed by a method that unpacks more than it is asked for.
    """
    members = list(members)
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise DataError("it is packed by another method than ZIP's deflate")
    if (total := sum(member.file_size for member in members)) > max_bytes:
        raise DataError(f"it unpacks to {size(total)}, more than the {size(max_bytes)} allowed")


def to_bytes(arrays: "Mapping[str, NDArray[Any]]", *, compressed: bool = True) -> bytes:
    """Return the content of an `.npz` file with these arrays, which may not hold Python objects."""
    import numpy as np

    file = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(file, allow_pickle=False, **arrays)
    return file.getvalue()


def read(
    file: IO[bytes], names: Iterable[str] | None = None, *, max_bytes: int = MAX_BYTES
) -> "dict[str, NDArray[Any]]":
    """Return the arrays of an `.npz` file by name: those of these names, or all of them if None.

    Raises:
        DataError: The file holds anything but arrays, lacks one of these, is damaged, or unpacks to more than
            `max_bytes`; the message is the cause.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(file) as archive:
            require_size(archive.infolist(), max_bytes)
        file.seek(0)
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in (found if names is None else names)}
    except DataError:
        raise
    except NPZ_ERRORS as error:
        raise DataError(one_line(error) or type(error).__name__) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DataError(f"its member {name!r} is not an array")
    return arrays
