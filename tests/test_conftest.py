"""What the shared fixtures promise to every test."""

import errno
import os
import socket
from pathlib import Path

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80)])
def test_the_network_is_unreachable(address: tuple[str, int]) -> None:
    with socket.socket() as client, pytest.raises(OSError, match="tests do not use the network") as raised:
        client.connect(address)
    assert raised.value.errno == errno.ENETUNREACH


def test_loopback_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1])).close()


def test_nothing_of_the_users_is_read(tmp_path: Path) -> None:
    assert Path(os.environ["XDG_CACHE_HOME"]).is_relative_to(tmp_path)
    assert "MNIST_SWEEP_DATA" not in os.environ
