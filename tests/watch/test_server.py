import gzip
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.watch import server as servers
from tests.watch.conftest import Served

Serve = Callable[..., Served]


def test_the_page_is_one_document_whose_policy_allows_its_own_scripts_and_no_other_host(
    folder: Path, serve: Serve
) -> None:
    served = serve(folder)
    status, headers, body = served.ask("/{token}/")
    page = body.decode()
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", source) for source in policy["script-src"].split())
    assert policy["connect-src"] == "'self'"
    assert re.search(r"\son\w+=", page) is None
    assert "://" not in page.replace("http://www.w3.org/", "")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert not [name for name in headers if name.lower().startswith("access-control")]
    name = re.findall(r'src="(plotly-\w+\.js)"', page)[0]
    status, headers, script = served.ask(f"/{{token}}/{name}")
    assert (status, headers["X-Content-Type-Options"], headers["Content-Encoding"]) == (200, "nosniff", "gzip")
    assert b"Plotly" in gzip.decompress(script)
    assert served.ask("/{token}")[1]["Location"] == f"/{served.address.token}/"


ASKED = [
    ("/{token}/", "HEAD", None, 200),
    ("/", "GET", None, 404),
    ("/0123456789abcdef0123456789abcdef/", "GET", None, 404),
    ("/{token}/rows", "GET", None, 404),
    ("/{token}/trials/../../../etc/passwd", "GET", None, 404),
    ("/{token}/trials/%2e%2e%2fetc", "GET", None, 404),
    ("/{token}/trials/aaaaaaaaaaaa-0", "GET", None, 404),
    ("/{token}/?q=1", "GET", None, 404),
    ("http://evil.example/{token}/", "GET", None, 404),
    ("/{token}/", "POST", None, 405),
    ("/{token}/", "OPTIONS", None, 405),
    ("/{token}/", "GET", "evil.example", 421),
    ("/{token}/", "GET", "evil.example:{port}", 421),
    ("/{token}/", "GET", "127.0.0.1", 421),
    ("/{token}/", "GET", "127.0.0.1:1", 421),
    ("/{token}/", "GET", "", 421),
    ("/{token}/", "GET", "localhost:{port}", 200),
]


def test_only_the_whole_address_is_answered_and_only_for_reading(folder: Path, serve: Serve) -> None:
    served = serve(folder)
    for path, method, host, status in ASKED:
        headers = {} if host is None else {"Host": host.replace("{port}", str(served.address.port))}
        found, answered, body = served.ask(path, method, **headers)
        assert found == status, (path, method, host)
        assert "default-src 'none'" in answered["Content-Security-Policy"]
        assert status == 200 or served.address.token.encode() not in body


def test_a_trial_is_answered_with_its_row_or_with_what_is_wrong(
    folder: Path, serve: Serve, rows: list[TrialRow]
) -> None:
    served = serve(folder)
    status, headers, body = served.ask(f"/{{token}}/trials/{rows[0].trial_id}")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert rows[0].trial_id.encode() in body
    (folder / "rows" / f"{rows[0].trial_id}.json").write_text("{}")
    status, _, body = served.ask(f"/{{token}}/trials/{rows[0].trial_id}")
    assert (status, b"is not a row" in body) == (404, True)


class Viewer:
    """A connection to which events are sent; a context that closes it."""

    def __init__(self, served: Served, path: str = "events/new", buffer: int | None = None) -> None:
        host, port = served.address.host, served.address.port
        self.socket, self._left = socket.socket(), b""
        self.socket.settimeout(60)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.connect((host, port))
        request = f"GET /{served.address.token}/{path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
        self.socket.sendall(request.encode())

    def until(self, text: bytes) -> bytes:
        """Return what comes up to a text."""
        while text not in self._left:
            part = self.socket.recv(65536)
            assert part, self._left
            self._left += part
        head, _, self._left = self._left.partition(text)
        return head + text

    def receive(self, most: int) -> bytes:
        """Return what there is, after what `until` has left."""
        part, self._left = self._left or self.socket.recv(most), b""
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_a_viewer_is_sent_what_happens_and_resumes_where_it_was(
    folder: Path, serve: Serve, rows: list[TrialRow]
) -> None:
    served = serve(folder)
    with Viewer(served) as viewer:
        received = viewer.until(b"-2\nevent: rows")
        assert b"Content-Type: text/event-stream" in received
        assert b"event: state" in received
        Ledger(folder).commit(rows[2])
        served.feed.look()
        received = viewer.until(b"-3\nevent: rows")
    place = re.findall(rb"id: (\w+-3)\n", received)[0].decode()
    with Viewer(served, f"events/{place}") as viewer:
        received = viewer.until(b"event: state")
        Ledger(folder).commit(rows[3])
        served.feed.look()
        received += viewer.until(b"-4\nevent: rows")
        received += viewer.until(b"]\n\n")
    assert [row.trial_id.encode() in received.partition(b"event: rows")[2] for row in rows] == [False] * 3 + [True]


def test_connections_that_are_too_many_or_never_ask_are_dropped(
    folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "MAX_CONNECTIONS", 3)
    served = serve(folder)
    silent = [socket.create_connection((served.address.host, served.address.port), timeout=60) for _ in range(3)]
    with socket.create_connection((served.address.host, served.address.port), timeout=60) as one_more:
        assert one_more.recv(1) == b""
    for stream in silent:
        stream.close()
    monkeypatch.setattr(servers, "MAX_SECONDS", 0.0)
    with socket.create_connection((served.address.host, served.address.port), timeout=60) as slow:
        slow.sendall(b"GET / HT")
        assert slow.recv(1) == b""


def test_a_viewer_who_receives_nothing_is_dropped(
    folder: Path, serve: Serve, rows: list[TrialRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers.Handler, "timeout", 0.2)
    served = serve(folder)
    before = threading.active_count()
    with Viewer(served) as viewer:
        viewer.until(b"event: rows")
        served.feed._log.entries.extend([b'"%s"' % (b"x" * 10_000)] * 2_000)
        Ledger(folder).commit(rows[2])
        served.feed.look()
        while threading.active_count() > before:
            time.sleep(0.02)


def test_a_viewer_waits_for_an_answer_that_takes_long(
    folder: Path, serve: Serve, rows: list[TrialRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*given: object) -> dict[str, str]:
        time.sleep(1.0)
        return {}

    monkeypatch.setattr(servers, "MAX_SECONDS", 0.3)
    monkeypatch.setattr(servers, "trial_details", slow)
    assert serve(folder).ask(f"/{{token}}/trials/{rows[0].trial_id}")[0] == 200


def test_a_viewer_with_a_slow_link_gets_the_whole_page(
    folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "MAX_SECONDS", 0.2)
    served = serve(folder)
    name = re.findall(r'src="(plotly-\w+\.js)"', served.ask("/{token}/")[2].decode())[0]
    with Viewer(served, name, buffer=1 << 15) as viewer:
        head = viewer.until(b"\r\n\r\n")
        time.sleep(0.5)
        left = int(re.findall(rb"Content-Length: (\d+)", head)[0])
        while left > 0 and (part := viewer.receive(1 << 20)):
            left -= len(part)
    assert left == 0


HEADS = ["Host: evil", "Content-Length: -1", "Content-Length: 99999999", "Transfer-Encoding: chunked", "a" * 70_000]
HEADS += [": x", "Expect: 100-continue", "X: \x00"]


def hostile(drawn: random.Random, served: Served) -> bytes:
    """Return a request that is random, damaged or malicious."""
    token, host = served.address.token, f"Host: {served.address.host}:{served.address.port}"
    paths = [
        "/",
        f"/{token}/",
        f"/{token}/../..",
        "//[",
        "/%00",
        "/" + "a" * 70_000,
        f"/{token}/trials/x",
        "*",
        "http://[",
    ]
    method, version = drawn.choice(["GET", "HEAD", "POST", "X", ""]), drawn.choice(["HTTP/1.1", "HTTP/9", ""])
    lines = [f"{method} {drawn.choice(paths)} {version}", *drawn.sample([host, *HEADS], drawn.randrange(4))]
    request = "\r\n".join([*lines, "", ""]).encode()
    return drawn.choice([request, request, drawn.randbytes(300), request[: drawn.randrange(40)]])


def bombard(served: Served, number: int) -> None:
    """Send requests that are random or hostile, and go away without reading the answers."""
    drawn = random.Random(number)
    for _ in range(number):
        with socket.create_connection((served.address.host, served.address.port), timeout=60) as stream:
            try:
                stream.sendall(hostile(drawn, served))
                if drawn.random() < 0.5:
                    stream.shutdown(socket.SHUT_WR)
                    stream.recv(1)
            except OSError:
                continue


@pytest.mark.parametrize("num_requests", [150, pytest.param(10_000, marks=pytest.mark.slow)])
def test_hostile_requests_leave_it_serving_and_write_nothing(
    folder: Path, serve: Serve, capfd: pytest.CaptureFixture[str], num_requests: int
) -> None:
    served = serve(folder)
    bombard(served, num_requests)
    assert served.ask("/{token}/")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_names_and_errors_are_sent_as_data(folder: Path, serve: Serve, make_row: Callable[..., TrialRow]) -> None:
    error = "</script><img src=x onerror=alert(1)>\n\nevent: state"
    row = make_row(status=Status.FAILED, error=error)
    Ledger(folder).commit(row)
    served = serve(folder)
    with Viewer(served) as viewer:
        received = viewer.until(b"-3\nevent: rows")
        received += viewer.until(b"]\n\n")
    assert received.count(b"\nevent: state") == 1
    assert b"onerror" not in served.ask("/{token}/")[2]
