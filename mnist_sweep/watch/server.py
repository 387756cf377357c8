"""The server of a live page: what it answers to whom, and how viewers are dropped that are slow, dead or hostile."""

import contextlib
import hmac
import json
import math
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from mnist_sweep.errors import LedgerError
from mnist_sweep.text.lines import one_line
from mnist_sweep.watch.address import Address
from mnist_sweep.watch.feed import Feed
from mnist_sweep.watch.page import Page
from mnist_sweep.watch.trial_details import trial_details

MAX_CONNECTIONS = 100
MAX_SECONDS = 20.0  # for a request, and for the answer to one without the token
SEND_SECONDS, PART_BYTES = 10.0, 1 << 16  # in which a viewer has to receive so much, whose link may be slow
SEND_BYTES = 1 << 18  # that the system holds for a viewer who is slow
PATH = re.compile(r"/[A-Za-z0-9_./-]{0,200}")  # of every address here; nothing in them needs to be decoded
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def serve(feed: Feed, listening: socket.socket, address: Address) -> None:
    """Serve the live page of a feed until Ctrl-C."""
    with listening:
        server = Server(listening, feed, address)
    server.start()
    with contextlib.suppress(KeyboardInterrupt):
        for _ in feed.follow():
            pass
    server.shutdown()


class Handler(WSGIRequestHandler):
    """Handles a request, and writes no line about it: what others send does not belong into this terminal."""

    timeout = SEND_SECONDS
    protocol_version = "HTTP/1.1"

    def make_environ(self) -> Any:
        """Return what the application gets; a path that no address here could have becomes `/`."""
        self.path = self.path if PATH.fullmatch(self.path) else "/"
        return super().make_environ()

    def version_string(self) -> str:
        """Return the Server header, without versions."""
        return "mnist-sweep"

    def log(self, *_: Any) -> None:
        """Write nothing."""


class Server(ThreadedWSGIServer):
    """Serves the live page of a feed: a thread for each of a limited number of connections, which have deadlines."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, feed: Feed, address: Address) -> None:
        self._feed, self._address, self._page = feed, address, Page(feed.folder)
        self._deadlines: dict[Any, float] = {}
        super().__init__(address.host, address.port, self._respond, Handler, fd=listening.fileno())

    def start(self) -> None:
        """Serve in a thread, for as long as the process lasts."""
        threading.Thread(target=self.serve_forever, name="live page", daemon=True).start()

    def _respond(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        response = self._answer(environ)
        for name, value in (HEADERS | {"Content-Security-Policy": self._page.policy}).items():
            response.headers.setdefault(name, value)
        for content in response(environ, start_response):
            for start in range(0, len(content), PART_BYTES):
                yield content[start : start + PART_BYTES]

    def _answer(self, environ: Any) -> Response:
        if not self._address.serves(environ.get("HTTP_HOST", "")):
            return Response("Open the address that `mnist-sweep watch` printed, port included.\n", 421)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return Response("This page is read only.\n", 405, {"Allow": "GET, HEAD"})
        token, *names = environ["PATH_INFO"].removeprefix("/").split("/")
        is_viewer = hmac.compare_digest(token, self._address.token)
        if is_viewer:  # however long an answer takes on a busy machine
            self._deadlines[environ["werkzeug.socket"]] = math.inf
        match names if is_viewer else None:
            case []:
                return Response("", 308, {"Location": f"/{token}/"})
            case [""]:
                return Response(self._page.html, mimetype="text/html")
            case [self._page.plotly_name]:
                kept = {"Cache-Control": "private, max-age=31536000, immutable", "Content-Encoding": "gzip"}
                return Response(self._page.plotly, headers=kept, mimetype="text/javascript")
            case ["events", place] if re.fullmatch(r"[0-9a-f]{8}-[0-9]{1,9}|new", place):
                return Response(self._feed.events(place), mimetype="text/event-stream")
            case ["trials", name] if re.fullmatch(r"[0-9a-f]{12}-[0-9]{1,20}", name):
                return self._trial(name)
        return Response("Not found: open the whole address that `mnist-sweep watch` printed.\n", 404)

    def _trial(self, name: str) -> Response:
        try:
            run = self._feed.state.run
            details = trial_details(self._feed.folder, name, run.notices if run else ())
        except LedgerError as error:
            return Response(f"{one_line(error)}\n", 404)
        return Response(json.dumps(details, allow_nan=False), mimetype="application/json")

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a request in a thread, or drop it if there are too many."""
        if len(self._deadlines) >= MAX_CONNECTIONS:
            self.shutdown_request(request)
            return
        self._deadlines[request] = time.monotonic() + MAX_SECONDS
        request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut the connections whose time is over."""
        now = time.monotonic()
        for request, deadline in [*self._deadlines.items()]:
            if deadline < now:
                self._deadlines.pop(request, None)
                with contextlib.suppress(OSError):  # it is gone already
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing of a connection that broke off; faults of the application are reported elsewhere."""
