"""Arrays out of an `.npz` file that may hold anything.

NumPy, zipfile and the packings of ZIP raise errors of many classes for damage; here they become one. Nothing is ever
unpickled.
"""

import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAMAGE_TO_ZIP = (EOFError, KeyError, OSError, RuntimeError, ValueError, zipfile.error, lzma.LZMAError, zlib.error)
DAMAGE = (*DAMAGE_TO_ZIP, MemoryError, OverflowError, SyntaxError, TypeError, tokenize.TokenError)


def read(file: IO[bytes], names: Iterable[str] | None = None) -> "dict[str, NDArray[Any]]":
    """Return the arrays of an archive by name, all of them or those that are asked for.

    Raises:
        DataError: It is no archive of arrays, lacks one, or is damaged; the message is the cause.
    """
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in (found if names is None else names)}
    except DAMAGE as error:
        raise DataError(one_line(error) or type(error).__name__) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DataError(f"its member {name!r} is no array")
    return arrays
