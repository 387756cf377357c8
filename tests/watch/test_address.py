import socket
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mnist_sweep.errors import ConfigError, ResourceError
from mnist_sweep.watch.address import SECRET, Address, listen

Refused = Callable[..., AbstractContextManager[None]]
TOKEN = "0123456789abcdef"


def address(folder: Path, host: str = "127.0.0.1", port: int | None = 0, token: str | None = None) -> Address:
    """Return the address under which a folder is served for a moment."""
    listening, found = listen(folder, host=host, port=port, token=token)
    with listening:
        assert listening.getsockname()[1] == found.port
    return found


def test_a_folder_keeps_its_address_which_no_other_folder_and_no_other_user_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again, other = (address(tmp_path / name, port=None) for name in ("a", "a/../a", "b"))
    assert first.token == again.token != other.token
    assert len(first.token) == 32
    secret = tmp_path / "cache" / "mnist_sweep" / SECRET
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of another user"))
    assert address(tmp_path / "a").token != first.token


def test_a_secret_that_cannot_be_kept_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert address(tmp_path).token != address(tmp_path).token


def test_a_port_of_ones_own_that_is_taken_is_replaced_but_one_that_is_asked_for_is_refused(
    tmp_path: Path, refused: Refused
) -> None:
    listening, first = listen(tmp_path, host="127.0.0.1", port=None, token=None)
    with listening:
        assert address(tmp_path, port=None).port != first.port
        with refused(ResourceError, f"port {first.port} of 127.0.0.1", "choose another --port or --host"):
            address(tmp_path, port=first.port)
    for host in ("192.0.2.1", "a" * 64):
        with refused(ResourceError, f"{host} cannot be served", "choose another --host"):
            address(tmp_path, host=host, port=None, token=TOKEN)


@pytest.mark.parametrize("token", [None, "short", "a/" * 10, "ä" * 20, "a" * 20 + "\n"])
def test_an_interface_beyond_loopback_needs_a_token_that_fits_a_path(
    tmp_path: Path, refused: Refused, token: str | None
) -> None:
    with refused(ConfigError, "--host beyond loopback needs one"):
        address(tmp_path, host="127.0.0.2", token=token)
    if token:
        with refused(ConfigError, "--token has 16 or more"):
            address(tmp_path, token=token)
    assert address(tmp_path, host="127.0.0.2", token=TOKEN).token == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_is_served_under_its_names_with_the_port_and_no_other(host: str) -> None:
    served = Address(host, 8000, TOKEN)
    assert [served.serves(name) for name in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000")] == [True] * 3
    wrong = ["", "localhost", "localhost:80000", "localhost:8000,evil:8000", "evil:8000", "LOCALHOST.:8000", "::1:8000"]
    assert not any(map(served.serves, wrong))


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_a_host_that_stands_for_every_interface_is_refused(tmp_path: Path, refused: Refused, host: str) -> None:
    with refused(ConfigError, "--host is the one name or address"):
        address(tmp_path, host=host, token=TOKEN)


def test_a_host_is_named_as_browsers_do() -> None:
    assert Address("Machine", 8000, TOKEN).serves("machine:8000")
    assert Address("127.0.0.1", 80, TOKEN).serves("localhost")
    assert not Address("Machine", 80, TOKEN).serves("localhost")


def test_another_interface_is_served_under_its_own_name_only() -> None:
    served = Address(socket.gethostname(), 8000, TOKEN)
    assert served.url == f"http://{socket.gethostname()}:8000/{TOKEN}/"
    assert served.serves(f"{socket.gethostname()}:8000")
    assert not served.serves("localhost:8000")
