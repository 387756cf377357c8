"""Files out of a tar archive: only those that were asked for, each verified, and nothing anywhere else.

Whatever an archive says about paths, links and owners is looked at and never followed: a file is written under the name
that it was asked for by, first beside its destination and renamed once its checksum is right.
"""

import hashlib
import lzma
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mnist_sweep.data import download
from mnist_sweep.errors import DataError

MAX_BYTES = 1 << 30


def extract(archive: Path, folder: Path, sha256: Mapping[str, str]) -> None:
    """Write files of an archive into a folder.

    Args:
        archive: A tar file, packed or not.
        folder: Where they go; it is made.
        sha256: SHA-256 of each file by its name, which is looked for in whatever folder of the archive.

    Raises:
        DataError: The archive is damaged, lacks a file, holds another under its name, or holds a path that leaves its
            folder, a link or a device; nothing but verified files is left behind.
    """
    missing = dict(sha256)
    try:
        with tarfile.open(archive, "r:*") as members:
            for member in members:
                name = _checked(member, archive).name
                if member.isfile() and name in missing:
                    _write(members, member, folder / name, missing.pop(name), archive)
    except DataError:
        raise
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        raise DataError(f"{archive} is a damaged archive ({' '.join(str(error).split())}).") from error
    if missing:
        raise DataError(f"{archive} lacks {', '.join(sorted(missing))}.")


def _checked(member: tarfile.TarInfo, archive: Path) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{archive} holds {member.name!r}, a path that leaves its folder.")
    if not (member.isfile() or member.isdir()):
        raise DataError(f"{archive} holds {member.name!r}, which is neither a file nor a folder.")
    if member.size > MAX_BYTES:
        raise DataError(f"{archive} holds {member.name!r} of {member.size:,} bytes, expected at most {MAX_BYTES:,}.")
    return path


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, path: Path, sha256: str, archive: Path) -> None:
    source = members.extractfile(member)
    content = source.read() if source else b""
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataError(f"{archive} holds {member.name} of SHA-256 {digest}, expected {sha256}.")
    with download.replacing(path) as file:
        file.write(content)
