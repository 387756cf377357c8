"""The download of missing data files.

A download is written beside its destination under a temporary name, verified, and only then renamed: under the final
name there is either no file or the right one, even after a crash or with several workers downloading at once.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mnist_sweep.data.data_folders import FOLDERS_VARIABLE
from mnist_sweep.data.progress import progress
from mnist_sweep.errors import DownloadError
from mnist_sweep.system import atomic_files
from mnist_sweep.text.lines import one_line

if TYPE_CHECKING:
    from urllib.response import addinfourl

MAX_BYTES = 1 << 30  # of a download
TIMEOUT_SECONDS = 30.0  # without data, after which a server is given up

_CHUNK_BYTES = 1 << 16


def fetch(destination: Path, mirrors: Sequence[str], *, sha256: str) -> None:
    """Download a file from the first mirror that has it, or from the one that the environment names; make its folder.

    Progress is shown on standard error.

    Args:
        destination: The final path; its folder has the name of the data set.
        mirrors: URLs (http, https or file) of folders to try in turn.
        sha256: SHA-256 of the file as distributed, in hexadecimal.

    Raises:
        DownloadError: No mirror had the file, or the folder cannot be written; nothing is left behind.
    """
    from http.client import HTTPException

    causes, subfolder, name = [], destination.parent.name, destination.name
    variable = f"MNIST_SWEEP_{subfolder.upper()}_URL"
    named = os.environ.get(variable)
    with replacing(destination) as file:
        for mirror in [named] if named else mirrors:
            url = f"{mirror.rstrip('/')}/{name}"
            file.seek(0)
            file.truncate()
            try:
                return _download(url, file, sha256)
            except (OSError, HTTPException, ValueError) as error:
                causes.append(f"{url} ({_cause(getattr(error, 'reason', error))})")
        raise DownloadError(
            f"{name} could not be downloaded from {', nor from '.join(causes)}: place it as {subfolder}/{name} in a "
            f"folder named by {FOLDERS_VARIABLE}, or set {variable} to another URL."
        )


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[IO[bytes]]:
    """Open a new file that replaces the destination if the body succeeds, and is removed if it fails.

    Folders created for it are removed with it, unless they hold something else by then.
    """
    new_folders: list[Path] = []
    try:
        new_folders += [folder for folder in destination.parents if not folder.exists()]
        with contextlib.ExitStack() as stack:
            yield _created(destination, stack)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{destination} cannot be written ({_cause(error)}): set XDG_CACHE_HOME to a writable folder, or "
            f"place the file in a folder named by {FOLDERS_VARIABLE}."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the first folder that is not empty
            for folder in new_folders:
                folder.rmdir()


def _created(path: Path, stack: contextlib.ExitStack) -> IO[bytes]:
    """Open a new file and create its folder, again if another, failed download has just removed it."""
    with contextlib.suppress(FileNotFoundError):
        path.parent.mkdir(parents=True, exist_ok=True)
        return stack.enter_context(atomic_files.replacing(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(atomic_files.replacing(path))


def _download(url: str, file: IO[bytes], sha256: str) -> None:
    digest = hashlib.sha256()
    received = 0
    with _open(url) as response:
        total = int(response.headers.get("Content-Length", 0))
        with progress(f"downloading {url}", url.rpartition("/")[2], total or None, is_bytes=True) as advance:
            while chunk := response.read(_CHUNK_BYTES):
                received += len(chunk)
                if received > MAX_BYTES:
                    raise DownloadError(f"it is longer than {MAX_BYTES:,} bytes")
                file.write(chunk)
                digest.update(chunk)
                advance(len(chunk))
    if total and received != total:
        raise DownloadError(f"the connection closed after {received:,} of {total:,} bytes")
    if digest.hexdigest() != sha256:
        raise DownloadError(f"SHA-256 of its {received:,} bytes is {digest.hexdigest()}, expected {sha256}")


def _open(url: str) -> "addinfourl":
    """Open a URL; unlike with `urllib.request.urlopen`, no server can redirect to schemes other than these."""
    from urllib import error, request

    opener = request.OpenerDirector()
    schemes = request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler, request.FileHandler
    answers = request.HTTPRedirectHandler, request.HTTPErrorProcessor, request.HTTPDefaultErrorHandler
    for handler in (*schemes, *answers, request.UnknownHandler):
        opener.add_handler(handler())
    try:
        response: addinfourl = opener.open(url, timeout=TIMEOUT_SECONDS)
        return response
    except error.HTTPError as failed:
        with failed:
            raise DownloadError(f"the server answered {failed.code} {failed.reason}") from failed


def _cause(reason: object) -> str:
    return one_line(reason) or type(reason).__name__
