"""Extraction of files from a tar archive: only the requested ones, each verified, and nothing anywhere else.

Paths, links and owners in an archive are checked and never followed: a file is written under the requested name, first
beside its destination, and renamed once the whole archive has been verified.
"""

import contextlib
import hashlib
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from mnist_sweep.errors import DataError
from mnist_sweep.text.lines import one_line

MAX_BYTES = 1 << 30


def extract(
    archive: Path,
    folder: Path,
    sha256: Mapping[str, str],
    *,
    create: Callable[[Path], contextlib.AbstractContextManager[IO[bytes]]],
) -> None:
    """Extract the files with these names and SHA-256 from a tar archive, compressed or not, into a folder.

    They may be anywhere in the archive. `create` opens a file that appears under its name when its context ends well.

    Raises:
        DataError: The archive is damaged, lacks a file, has other content under its name, or holds a path that leaves
            its folder, a link or a device; nothing is changed then.
    """
    with contextlib.ExitStack() as all_good:
        for name, content in _verified(archive, sha256):
            all_good.enter_context(create(folder / name)).write(content)


def _verified(archive: Path, sha256: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each requested file; the archive is verified only when this ends."""
    missing = dict(sha256)
    try:
        with tarfile.open(archive, "r:*") as members:
            for member in members:
                name = _checked(member, archive).name
                if member.isfile() and name in missing:
                    yield name, _content(members, member, missing.pop(name), archive)
    except DataError:
        raise
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        raise DataError(f"{archive} is a damaged archive ({one_line(error)}).") from error
    if missing:
        raise DataError(f"{archive} lacks {', '.join(sorted(missing))}.")


def _checked(member: tarfile.TarInfo, archive: Path) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{archive} holds {member.name!r}, a path that leaves its folder.")
    if not (member.isfile() or member.isdir()):
        raise DataError(f"{archive} holds {member.name!r}, which is neither a file nor a folder.")
    if not 0 <= member.size <= MAX_BYTES:  # below 0, tarfile reads the same member forever
        raise DataError(f"{archive} holds {member.name!r} of {member.size:,} bytes, expected 0 to {MAX_BYTES:,}.")
    return path


def _content(members: tarfile.TarFile, member: tarfile.TarInfo, sha256: str, archive: Path) -> bytes:
    source = members.extractfile(member)
    content = source.read() if source else b""
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataError(f"{archive} holds {PurePosixPath(member.name).name} of SHA-256 {digest}, expected {sha256}.")
    return content
