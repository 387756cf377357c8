"""Files in the IDX format of MNIST: a big-endian header of magic number and sizes, then a byte for each value.

Compression with gzip is detected by the first two bytes, not by the name, because mirrors and browsers compress and
decompress without renaming. Nothing is allocated by the sizes in a header: they are compared with the file's length.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mnist_sweep.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049
MAX_BYTES = 1 << 30

_CHUNK_BYTES = 1 << 20


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the uncompressed content of a file: the bytes whose checksum identifies it.

    Raises:
        DataError: The file is missing, unreadable, a damaged gzip file, or decompresses to more than `max_bytes`.
    """
    try:
        with path.open("rb") as file:
            is_compressed = file.peek(2).startswith(b"\x1f\x8b")
            content: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=file) if is_compressed else file
            unpacked = io.BytesIO()
            while chunk := content.read(_CHUNK_BYTES):
                unpacked.write(chunk)
                if unpacked.tell() > max_bytes:
                    raise DataError(f"{path} holds more than {max_bytes:,} bytes when unpacked.")
            return unpacked.getvalue()
    except EOFError as error:
        size = path.stat().st_size
        raise DataError(f"{path} is cut off: its gzip stream does not end within the file's {size:,} bytes.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}).") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error


def parse(content: bytes, path: Path, magic: int) -> "NDArray[np.uint8]":
    """Return the values in the content of a file, a read-only view of it.

    Args:
        content: Content of the file.
        path: Its path, for messages.
        magic: `IMAGES_MAGIC`, for uint8 `[n, height, width]`, or `LABELS_MAGIC`, for uint8 `[n]`.

    Raises:
        DataError: The content is not an IDX file of that kind.
    """
    import numpy as np

    rank = magic & 0xFF
    length = 4 * (1 + rank)
    if not content:
        raise DataError(f"{path} is empty, expected an IDX header of {length} bytes and data.")
    if (got := int.from_bytes(content[:4], "big")) != magic:
        raise DataError(f"{path} has magic number {got} (it starts with {content[:4]!r}), expected {magic}.")
    if len(content) < length:
        raise DataError(f"{path} is cut off in its header: it holds {len(content)} bytes, expected {length} and data.")
    sizes = struct.unpack_from(f">{rank}I", content, 4)
    shown = " x ".join(map(str, sizes))
    if 0 in sizes:
        raise DataError(f"{path} declares {shown} values, expected sizes of at least 1.")
    if len(content) != (expected := length + math.prod(sizes)):
        wrong = "is cut off" if len(content) < expected else "is too long"
        raise DataError(f"{path} {wrong}: it holds {len(content):,} bytes, expected {expected:,} for {shown} values.")
    return np.frombuffer(content, np.uint8, offset=length).reshape(sizes)
