"""Laws of finding and fetching files, against a real HTTP server on this machine."""

import contextlib
import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_sweep.data import download
from mnist_sweep.errors import DownloadError

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
RELEASED = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file well at `/good/`, and badly in one way each elsewhere."""

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        if kind == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/file")
            self.end_headers()
            return
        if kind == "silent":
            RELEASED.wait(10)
            return
        if kind not in ("good", "wrong", "cut", "undeclared"):
            self.send_error(404)
            return
        self.send_response(200)
        if kind != "undeclared":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write({"wrong": CONTENT[::-1], "cut": CONTENT[:100_000]}.get(kind, CONTENT))

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of clients that hang up early."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        RELEASED.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def refused() -> Iterator[str]:
    """An address at which nothing listens, and which nobody else is given meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "letters" / "file.gz"


def test_fetched_file_is_whole_and_alone_in_its_folder(server: str, destination: Path) -> None:
    download.fetch(destination, [f"{server}/good"], sha256=SHA256)
    assert destination.read_bytes() == CONTENT
    assert list(destination.parent.iterdir()) == [destination]


def test_length_need_not_be_declared(server: str, destination: Path) -> None:
    download.fetch(destination, [f"{server}/undeclared"], sha256=SHA256)
    assert destination.read_bytes() == CONTENT


def test_file_scheme_is_allowed(tmp_path: Path, destination: Path) -> None:
    (tmp_path / "file.gz").write_bytes(CONTENT)
    download.fetch(destination, [tmp_path.as_uri()], sha256=SHA256)
    assert destination.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("missing", "the server answered 404 Not Found"),
        ("wrong", f"SHA-256 of its 256,000 bytes is [0-9a-f]{{64}}, expected {SHA256}"),
        ("cut", "the connection closed after 100,000 of 256,000 bytes"),
        ("elsewhere", "ftp"),
        ("silent", "timed out"),
    ],
)
def test_failed_download_is_one_line_and_leaves_nothing(
    server: str, destination: Path, monkeypatch: pytest.MonkeyPatch, kind: str, cause: str
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3 if kind == "silent" else 60)
    with pytest.raises(DownloadError, match=cause) as raised:
        download.fetch(destination, [f"{server}/{kind}"], sha256=SHA256)
    assert f"{server}/{kind}/file.gz (" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not destination.parent.parent.exists()


def test_failed_download_keeps_the_folders_that_were_there(server: str, destination: Path) -> None:
    destination.parent.parent.mkdir()
    with pytest.raises(DownloadError):
        download.fetch(destination, [f"{server}/missing"], sha256=SHA256)
    assert list(destination.parent.parent.iterdir()) == []


def test_download_that_fails_takes_no_folder_from_one_that_goes_on(server: str, destination: Path) -> None:
    with contextlib.suppress(DownloadError), download.replacing(destination.with_name("other")):
        download.fetch(destination, [f"{server}/good"], sha256=SHA256)
        raise DownloadError
    assert list(destination.parent.iterdir()) == [destination]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "data:,hello", "no address", "http:", "file:///missing"])
def test_other_schemes_and_bad_addresses_are_download_errors(destination: Path, url: str) -> None:
    with pytest.raises(DownloadError) as raised:
        download.fetch(destination, [url], sha256=hashlib.sha256(b"hello/file.gz").hexdigest())
    assert url in str(raised.value)


@pytest.mark.parametrize("kind", ["good", "undeclared"])
def test_length_is_bounded_declared_or_not(
    server: str, destination: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 255_999)
    with pytest.raises(DownloadError, match="it is longer than 255,999 bytes"):
        download.fetch(destination, [f"{server}/{kind}"], sha256=SHA256)
    monkeypatch.setattr(download, "MAX_BYTES", 256_000)
    download.fetch(destination, [f"{server}/{kind}"], sha256=SHA256)


@pytest.mark.parametrize("first", ["missing", "wrong", "cut"])
def test_next_address_is_tried_when_one_fails(server: str, destination: Path, first: str) -> None:
    download.fetch(destination, [f"{server}/{first}", f"{server}/good"], sha256=SHA256)
    assert destination.read_bytes() == CONTENT


def test_error_names_every_address_with_its_cause_and_the_way_out(server: str, refused: str, destination: Path) -> None:
    with pytest.raises(DownloadError) as raised:
        download.fetch(destination, [f"{server}/missing", refused], sha256=SHA256)
    message = str(raised.value)
    assert (
        f"{server}/missing/file.gz (the server answered 404 Not Found), nor from {refused}/file.gz ([Errno" in message
    )
    assert "place it as letters/file.gz in a folder named by MNIST_SWEEP_DATA" in message
    assert message.endswith("or set MNIST_SWEEP_LETTERS_URL to another URL.")


def test_failed_download_keeps_the_file_that_was_there(server: str, destination: Path) -> None:
    destination.parent.mkdir(parents=True)
    destination.write_bytes(b"old")
    with pytest.raises(DownloadError):
        download.fetch(destination, [f"{server}/cut"], sha256=SHA256)
    assert destination.read_bytes() == b"old"


def test_final_name_appears_only_with_the_whole_file(
    server: str, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def replace(source: Path, target: Path) -> None:
        seen.append((target.exists(), source.parent == target.parent, source.read_bytes() == CONTENT))

    monkeypatch.setattr(os, "replace", replace)
    download.fetch(destination, [f"{server}/good"], sha256=SHA256)
    assert seen == [(False, True, True)]


def test_interrupted_download_leaves_nothing(server: str, destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download.fetch(destination, [f"{server}/good"], sha256=SHA256)
    assert not destination.parent.exists()


def test_folder_that_cannot_be_made_is_a_download_error(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"cannot be written .* set XDG_CACHE_HOME"):
        download.fetch(tmp_path / "file" / "mnist" / "name", [f"{server}/good"], sha256=SHA256)


def test_progress_is_one_plain_line_on_standard_error_where_there_is_no_terminal(
    server: str, destination: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    download.fetch(destination, [f"{server}/good"], sha256=SHA256)
    assert capsys.readouterr() == ("", f"downloading {server}/good/file.gz\n")


def test_environment_overrides_all_mirrors(
    server: str, destination: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNIST_SWEEP_LETTERS_URL", f"{server}/good/")
    download.fetch(destination, [f"{server}/wrong", f"{server}/cut"], sha256=SHA256)
    assert capsys.readouterr().err == f"downloading {server}/good/file.gz\n"
