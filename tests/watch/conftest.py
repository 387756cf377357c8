"""Results folders and servers of live pages."""

import http.client
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_sweep import GradientDescent, Softmax, TrialConfig, grid
from mnist_sweep.results.ledger import Ledger
from mnist_sweep.trials.row import TrialRow
from mnist_sweep.watch import address as addresses
from mnist_sweep.watch.address import Address
from mnist_sweep.watch.feed import Feed
from mnist_sweep.watch.server import Server

RATES = [0.1, 0.2, 0.4, 0.8]


@pytest.fixture
def rows(make_row: Callable[..., TrialRow]) -> list[TrialRow]:
    """Rows of four trials that differ in their learning rates and accuracies."""
    base = TrialConfig(model=Softmax(), optimizer=GradientDescent())
    trials = grid(base, {"optimizer.learning_rate": RATES})
    given = [{"val_accuracy": 0.9 - index / 100, "started": 1000.0 + 20 * index} for index in range(len(RATES))]
    return [make_row(trial, **values) for trial, values in zip(trials, given, strict=True)]


@pytest.fixture
def folder(tmp_path: Path, rows: list[TrialRow]) -> Path:
    """A results folder with the first two of these rows."""
    ledger = Ledger(tmp_path / "sweep")
    ledger.open()
    for row in rows[:2]:
        ledger.commit(row)
    return ledger.folder


class Served:
    """A live page that is served: asks it for something, and follows its events."""

    def __init__(self, feed: Feed, address: Address) -> None:
        self.feed, self.address = feed, address

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body; `{token}` in the path is the token."""
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=60)
        given = {"Host": f"{self.address.host}:{self.address.port}"} | headers
        connection.putrequest(method, path.replace("{token}", self.address.token), skip_host=True)
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        found = response.status, dict(response.getheaders()), response.read()
        connection.close()
        return found


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serve the live page of a folder, which is looked at once, and when the test does so."""
    servers: list[Any] = []

    def start(folder: Path) -> Served:
        feed = Feed(folder)
        feed.look()
        listening, address = addresses.listen(folder, host="127.0.0.1", port=0, token=None)
        server = Server(listening, feed, address)
        listening.close()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return Served(feed, address)

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
