"""The address of a live page: a random token in its path, and the Host headers that it answers to.

The token keeps out other users of the machine. The Host header keeps out other sites whose names were made to lead
here (DNS rebinding, as in CVE-2025-62593). Token and port stay the same for a user and a folder, so that an open page
finds the server again.
"""

import contextlib
import hashlib
import os
import re
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from mnist_sweep.data.data_folders import cache_folder
from mnist_sweep.errors import ResourceError
from mnist_sweep.system.atomic_files import cause, read_regular
from mnist_sweep.validation import require

SECRET, NUM_BYTES = "watch-secret", 32
FIRST_PORT, NUM_PORTS = 20_000, 10_000  # below those that systems give to outgoing connections
HTTP_PORT = 80  # which browsers leave out of the Host header
LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN = (
    "anyone who reaches this port and knows the address can read names, configs, results and errors of this folder, "
    "and so can anyone who listens on the way, since nothing is encrypted; `ssh -L` avoids both"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a live page is served: name or IP address of an interface, port, and the first part of the path."""

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{_bracketed(self.host)}:{self.port}/{self.token}/"

    def serves(self, header: str) -> bool:
        """Return whether a Host header names this server, with its port; browsers write names in lower case."""
        names = [_bracketed(host).lower() for host in (LOOPBACK if self.host in LOOPBACK else (self.host,))]
        whole = header.lower()
        return whole in [f"{name}:{self.port}" for name in names] or (self.port == HTTP_PORT and whole in names)


def listen(folder: Path, *, host: str, port: int | None, token: str | None) -> tuple[socket.socket, Address]:
    """Listen for viewers of a results folder; return the socket, and the address.

    Args:
        folder: The results folder.
        host: The interface, by the name that viewers use; one beyond loopback needs a token.
        port: The port, or 0 for any free one; None is the folder's own, or any free one if that is taken.
        token: The token; None is the folder's own for this user.

    Raises:
        ConfigError: The host stands for every interface; or there is no token where one is needed, or it is short or no
            part of a path.
        ResourceError: The port is taken, or the interface is none of this machine's.
    """
    one_place = bool(host.strip("0.:"))  # not 0.0.0.0 or ::
    require(one_place, "--host is the one name or address by which viewers reach this machine", host=host)
    is_token = re.fullmatch("[A-Za-z0-9_-]{16,}", token or "") is not None
    rule = "--token has 16 or more letters, digits, `-` or `_`, and --host beyond loopback needs one"
    require(is_token or (token is None and host in LOOPBACK), rule, host=host, token=token)
    digest = hashlib.blake2b(os.fsencode(folder.resolve()), key=_secret(), digest_size=16)
    own = FIRST_PORT + int.from_bytes(digest.digest()) % NUM_PORTS
    for chosen in (own, 0) if port is None else (port,):
        try:
            family = socket.getaddrinfo(host, chosen, type=socket.SOCK_STREAM)[0][0]
            found = socket.create_server((host, chosen), family=family)
            return found, Address(host, found.getsockname()[1], token or digest.hexdigest())
        except UnicodeError as error:  # of a name that no machine can have
            raise ResourceError(f"host {host} cannot be served (it is not a name): choose another --host.") from error
        except OSError as error:
            failure = error
    place, option = (host, "--host") if port is None else (f"port {port} of {host}", "--port or --host")
    raise ResourceError(f"{place} cannot be served ({cause(failure)}): choose another {option}.") from failure


def _secret() -> bytes:
    """Return the secret from which this user's tokens are derived; one that cannot be kept is drawn each time."""
    path, drawn = cache_folder() / SECRET, secrets.token_bytes(NUM_BYTES)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), open(path, "xb", opener=_private) as file:
            file.write(drawn)
        kept = read_regular(path, NUM_BYTES, follow_links=False)
        return kept if len(kept) == NUM_BYTES else drawn
    return drawn


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
