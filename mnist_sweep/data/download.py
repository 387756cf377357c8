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
from mnist_sweep.system import files
from mnist_sweep.text.lines import one_line

if TYPE_CHECKING:
    from urllib.response import addinfourl

MAX_BYTES = 1 << 30  # of a download
TIMEOUT_SECONDS = 30.0  # without data, after which a server is given up

_CHUNK_BYTES = 1 << 16


def mirror_urls(subfolder: str, name: str, mirrors: Sequence[str]) -> list[str]:
    """Return the URLs of a file: at each mirror, or at the one that the environment names instead."""
    named = os.environ.get(override_variable(subfolder))
    return [f"{mirror.rstrip('/')}/{name}" for mirror in ([named] if named else mirrors)]


def override_variable(subfolder: str) -> str:
    """Return the environment variable that overrides a data set's mirrors, as in `MNIST_SWEEP_MNIST_URL`."""
    return f"MNIST_SWEEP_{subfolder.upper()}_URL"


def fetch(urls: Sequence[str], destination: Path, *, sha256: str) -> None:
    """Download a file from the first URL (http, https or file) that has it; its folder is created.

    Progress is shown on standard error.

    Args:
        urls: URLs to try in turn.
        destination: The final path.
        sha256: SHA-256 of the file as distributed, in hexadecimal.

    Raises:
        DownloadError: No URL had the file, or the folder cannot be written; nothing is left behind.
    """
    from http.client import HTTPException

    causes = []
    with replacing(destination) as file:
        for url in urls:
            file.seek(0)
            file.truncate()
            try:
                return _download(url, file, sha256)
            except (OSError, HTTPException, ValueError) as error:
                causes.append(f"{url} ({_cause(getattr(error, 'reason', error))})")
        subfolder, name = destination.parent.name, destination.name
        raise DownloadError(
            f"{name} could not be downloaded from {', nor from '.join(causes)}: place it as {subfolder}/{name} in a "
            f"folder named by {FOLDERS_VARIABLE}, or set {override_variable(subfolder)} to another URL."
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
        return stack.enter_context(files.replacing(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(files.replacing(path))


def _download(url: str, file: IO[bytes], sha256: str) -> None:
    digest = hashlib.sha256()
    received = 0
    with _open(url) as response:
        declared = response.headers["Content-Length"]
        total = int(declared) if declared else None
        with progress(f"downloading {url}", url.rpartition("/")[2], total, is_bytes=True) as advance:
            while chunk := response.read(_CHUNK_BYTES):
                received += len(chunk)
                if received > MAX_BYTES:
                    raise DownloadError(f"it is longer than {MAX_BYTES:,} bytes")
                file.write(chunk)
                digest.update(chunk)
                advance(len(chunk))
    if declared and received != int(declared):
        raise DownloadError(f"the connection closed after {received:,} of {int(declared):,} bytes")
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
